/* formats/dns/message.h: DNS messages (RFC 1035 4, 6891), read and written.
 * Reading is for hostile octets: pointers only backwards, bounded; every count checked. Pure. Views
 * point into the message. */
#ifndef FORMATS_DNS_MESSAGE_H
#define FORMATS_DNS_MESSAGE_H

#include "formats/dns/name.h"
#include "formats/dns/types.h"

enum { DNS_HEADER = 12, DNS_UDP_PLAIN = 512, DNS_MESSAGE_MAX = 65535 };
enum dns_flags { /* of the header's second 16 bits, rcode and opcode aside */
		 DNS_QR = 0x8000,
		 DNS_AA = 0x0400,
		 DNS_TC = 0x0200,
		 DNS_RD = 0x0100,
		 DNS_RA = 0x0080,
		 DNS_AD = 0x0020,
		 DNS_CD = 0x0010,
};
enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

/* ---- a question as a server sees it: header, one question, and what OPT said ---- */
struct dns_edns {
	bool present, dnssec_ok; /* DO */
	unsigned version;
	size_t udp_size; /* at least 512 */
	str cookie;	 /* RFC 7873 option's data as it came: 8, or 16 to 40 octets; "" none */
	bool cookie_bad; /* the option is there with another length: FORMERR */
	bool nsid;	 /* the server's name is asked for (RFC 5001) */
};
struct dns_query {
	uint16_t id, flags; /* flags: the whole 16 bits */
	unsigned opcode, rcode;
	struct dns_name name; /* decompressed, case as it came (0x20) */
	uint16_t type, class;
	uint16_t counts[3];  /* answer, authority, additional */
	size_t question_end; /* octet behind the question: where the answer section begins */
	struct dns_edns edns;
	size_t tsig; /* where the last record of the additional section begins when it is a TSIG,
			else 0 */
};
/* E_SYNTAX: malformed; out->id, flags, opcode are good when the message has 12 octets, so that
 * FORMERR can be said. A NOTIFY or IXFR question may carry records in its other sections: they are
 * walked, so that the rest is known to be well formed. */
MUST_USE err dns_query_parse(str message, struct dns_query *out);

/* ---- any message, record by record ---- */
struct dns_reader {
	str message;
	size_t at;
	uint16_t id, flags, counts[4]; /* question, answer, authority, additional */
	uint16_t left[4];
};
struct dns_record {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl;
	size_t rdata_at; /* offset in the message */
	str rdata;	 /* as it stands: names in it may be compressed */
	enum dns_section section;
};
/* E_SYNTAX: fewer than 12 octets. */
MUST_USE err dns_reader_open(str message, struct dns_reader *r);
/* The next question. E_EOF: no more. E_SYNTAX. */
MUST_USE err dns_reader_question(struct dns_reader *r, struct dns_name *name, uint16_t *type,
				 uint16_t *class);
/* The next record of the three sections, questions skipped. E_EOF after the last; E_SYNTAX. */
MUST_USE err dns_reader_record(struct dns_reader *r, struct dns_record *out);
/* A possibly compressed name at an offset; *end: the octet behind it. E_SYNTAX. */
MUST_USE err dns_name_read(str message, size_t at, struct dns_name *out, size_t *end);
/* The record's data with its names decompressed (RFC 3597 4: NS, CNAME, SOA, PTR, MX, DNAME, SRV,
 * ...), added to out. E_SYNTAX: not the form of its type. */
MUST_USE err dns_rdata_decompress(str message, const struct dns_record *r, struct buf *out);

/* ---- writing ---- */
/* A message being written into room that the caller has; compresses owner names and the names of
 * well-known types. */
struct dns_writer {
	unsigned char *p;
	size_t n, room;
	uint16_t counts[4];
	struct {
		uint16_t at; /* of a name in the message */
		uint32_t hash;
	} names[64];
	unsigned nnames;
};
void dns_writer_init(struct dns_writer *w, void *p, size_t room);
void dns_writer_header(struct dns_writer *w, uint16_t id, uint16_t flags_opcode_rcode);
MUST_USE err dns_writer_question(struct dns_writer *w, str name, uint16_t type, uint16_t class);
/* E_LIMIT: no room; nothing of the record is written. rdata: uncompressed. */
MUST_USE err dns_writer_record(struct dns_writer *w, enum dns_section s, str name, uint16_t type,
			       uint16_t class, uint32_t ttl, str rdata);
/* Writes the counts into the header. */
void dns_writer_end(struct dns_writer *w);

/* Big-endian numbers in place. */
static inline unsigned dns_get16(const void *p)
{
	const unsigned char *b = p;

	return (unsigned)b[0] << 8 | b[1];
}
static inline void dns_put16(void *p, unsigned v)
{
	unsigned char *b = p;

	b[0] = (unsigned char)(v >> 8);
	b[1] = (unsigned char)v;
}
static inline uint32_t dns_get32(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)dns_get16(b) << 16 | dns_get16(b + 2);
}
static inline void dns_put32(void *p, uint32_t v)
{
	unsigned char *b = p;

	dns_put16(b, v >> 16);
	dns_put16(b + 2, v & 0xffff);
}

#endif

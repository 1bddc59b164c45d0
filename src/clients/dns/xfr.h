/* clients/dns/xfr.h: zones that come by transfer: whole (AXFR, RFC 5936) or as what changed (IXFR,
 * RFC 1995), under TSIG (RFC 8945) when there is a key; and the SOA question before it. Over a
 * stream that the caller opens and closes; several questions may follow one another on it. Answers
 * are hostile: bounded in records, octets and time, and checked record by record. */
#ifndef CLIENTS_DNS_XFR_H
#define CLIENTS_DNS_XFR_H

#include "formats/dns/tsig.h"
#include "run/stream.h"

struct xfr_record {
	str owner; /* wire form, within the zone; as rdata it lives until the function returns */
	uint16_t type;
	uint32_t ttl;
	str rdata; /* names decompressed */
};
enum xfr_form {
	XFR_CURRENT, /* nothing newer than what we have */
	XFR_WHOLE,
	XFR_CHANGES,
};
struct xfr {
	str zone;		    /* wire form, lower case */
	const struct tsig_key *key; /* NULL: not signed */
	bool incremental;	    /* IXFR: what changed since */
	uint32_t serial;	    /* ... the version that we have */
	uint64_t records_max, octets_max;
	msec idle, deadline; /* the next message within idle; all by deadline (absolute) */
	/* The zone comes whole: what was given before is void. */
	err (*whole)(void *arg);
	/* added: XFR_WHOLE's records, each SOA once; of XFR_CHANGES those that come, else those
	 * that go, in the order in which they apply: first the old SOA, what goes, the new SOA,
	 * what comes, and so on. An error ends the transfer and is given back. */
	err (*record)(void *arg, bool added, const struct xfr_record *r);
	void *arg;
};
struct xfr_result {
	enum xfr_form form;
	uint32_t serial; /* of the version that came, or that the server has */
	uint64_t records, octets;
};
/* OK: out says what came; what was given is good from here on only. E_DENIED: the server refuses,
 * or its signature is not good. E_NOTFOUND: it has no such zone, or cannot serve it now. E_SYNTAX:
 * no transfer. E_LIMIT, E_TIMEOUT, E_EOF, E_IO. After an error nothing may follow on the stream. */
WAITS MUST_USE err xfr_take(struct stream *io, const struct xfr *x, struct xfr_result *out);

/* The server's serial. Errors as above. */
WAITS MUST_USE err xfr_serial(struct stream *io, str zone, const struct tsig_key *key,
			      msec deadline, uint32_t *serial);

/* ---- the answer by itself, pure: for xfr_take, tests and fuzzing ---- */
struct xfr_answer {
	const struct xfr *x;
	enum {
		XFR_BEGIN,  /* nothing came */
		XFR_SECOND, /* a SOA came: the next record tells the form */
		XFR_ALL,    /* records of a whole zone */
		XFR_GOING,  /* what goes */
		XFR_COMING, /* what comes */
		XFR_DONE
	} state;
	struct xfr_result result;
	uint32_t at;			 /* of changes: the version that they lead to, so far */
	uint16_t id;			 /* of the question */
	char soa[2 * DNS_NAME_MAX + 20]; /* the first record's data */
	size_t nsoa;
	uint32_t soa_ttl;
};
void xfr_answer_begin(struct xfr_answer *a, const struct xfr *x, uint16_t id);
/* One message, its signature already judged and taken off. E_SYNTAX and the others as xfr_take. */
MUST_USE err xfr_answer_take(struct xfr_answer *a, str message);

#endif

/* formats/radius/packet.h: RADIUS packets: RFC 2865 3 and 5, 2866 3, 3579 3.2 (Message-
 * Authenticator), 5997, 5176 3. Pure, for hostile octets; allocates nothing. Views point into the
 * packet. */
#ifndef FORMATS_RADIUS_PACKET_H
#define FORMATS_RADIUS_PACKET_H

#include "base/buf.h"

enum {
	RADIUS_HEADER = 20, /* octets before the attributes */
	RADIUS_MAX = 4096,  /* octets of a packet, RFC 2865 3 */
	RADIUS_VALUE = 253, /* octets of an attribute's value */
	RADIUS_AUTH = 16,   /* octets of an authenticator */
};
enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_STATUS_SERVER = 12,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};
/* The attributes that posta's own code names; all others go by the dictionary. */
enum radius_type {
	RADIUS_USER_NAME = 1,
	RADIUS_USER_PASSWORD = 2,
	RADIUS_CHAP_PASSWORD = 3,
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_NAS_PORT = 5,
	RADIUS_SERVICE_TYPE = 6,
	RADIUS_FRAMED_PROTOCOL = 7,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_REPLY_MESSAGE = 18,
	RADIUS_STATE = 24,
	RADIUS_CLASS = 25,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_SESSION_TIMEOUT = 27,
	RADIUS_IDLE_TIMEOUT = 28,
	RADIUS_CALLED_STATION = 30,
	RADIUS_CALLING_STATION = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_PROXY_STATE = 33,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_INPUT_OCTETS = 42,
	RADIUS_ACCT_OUTPUT_OCTETS = 43,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_ACCT_SESSION_TIME = 46,
	RADIUS_ACCT_INPUT_PACKETS = 47,
	RADIUS_ACCT_OUTPUT_PACKETS = 48,
	RADIUS_ACCT_TERMINATE_CAUSE = 49,
	RADIUS_ACCT_MULTI_SESSION_ID = 50,
	RADIUS_ACCT_INPUT_GIGAWORDS = 52,
	RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
	RADIUS_EVENT_TIMESTAMP = 55,
	RADIUS_CHAP_CHALLENGE = 60,
	RADIUS_NAS_PORT_TYPE = 61,
	RADIUS_EAP_MESSAGE = 79,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_ACCT_INTERIM_INTERVAL = 85,
	RADIUS_NAS_PORT_ID = 87,
	RADIUS_FRAMED_POOL = 88,
	RADIUS_NAS_IPV6_ADDRESS = 95,
	RADIUS_FRAMED_IPV6_PREFIX = 97,
	RADIUS_FRAMED_IPV6_POOL = 100,
	RADIUS_ERROR_CAUSE = 101,
	RADIUS_DELEGATED_IPV6_PREFIX = 123,
	RADIUS_FRAMED_IPV6_ADDRESS = 168,
};
enum { VENDOR_MICROSOFT = 311, VENDOR_MIKROTIK = 14988, VENDOR_WISPR = 14122 };

/* ---- reading ---- */
struct radius_packet {
	unsigned code, id;
	str whole; /* as long as the header says: padding behind it is gone (RFC 2865 3) */
	const unsigned char *authenticator;
	str attributes;
	size_t message_authenticator; /* offset of its value in whole; 0: none */
};
/* E_SYNTAX: shorter than its length, over RADIUS_MAX, an attribute that does not fit, or a
 * Message-Authenticator that comes twice or not with 16 octets. E_LIMIT: over
 * LIM_RADIUS_ATTRIBUTES. */
MUST_USE err radius_parse(str datagram, struct radius_packet *out);

struct radius_field {
	unsigned type;
	str value;
};
/* The next attribute of a checked packet; false at the end. */
bool radius_next(str *rest, struct radius_field *out);
/* The first of this type; false and "" when there is none. */
bool radius_find(const struct radius_packet *p, unsigned type, str *value);
/* The first of a vendor, where it has the usual form (RFC 2865 5.26). */
bool radius_find_vendor(const struct radius_packet *p, uint32_t vendor, unsigned type, str *value);
/* A number of four octets; false when it is absent or has another length. */
bool radius_find_u32(const struct radius_packet *p, unsigned type, uint32_t *out);
/* All of this type behind one another: EAP-Message (RFC 3579 3.1). */
void radius_join(const struct radius_packet *p, unsigned type, struct buf *out);

enum radius_ma { RADIUS_MA_ABSENT, RADIUS_MA_GOOD, RADIUS_MA_BAD };
/* authenticator: the one to count with: the packet's own for Access-Request and Status-Server; the
 * request's for its answers; NULL: zeros (accounting, RFC 5176 3.4). */
enum radius_ma radius_check_ma(const struct radius_packet *p, str secret,
			       const unsigned char *authenticator);
/* Accounting-Request, CoA and Disconnect (RFC 2866 3): the authenticator fits the secret. */
bool radius_check_accounting(const struct radius_packet *p, str secret);
/* An answer to the request that had this authenticator (RFC 2865 3). */
bool radius_check_response(const struct radius_packet *p, str secret, const unsigned char *request);

/* ---- writing ---- */
struct radius_writer {
	unsigned char *p;
	size_t n, room;
	size_t ma; /* offset of the Message-Authenticator's value, 0 none */
	bool full; /* something had no room: finish gives 0 */
};
/* room: RADIUS_MAX or less, at least RADIUS_HEADER. */
void radius_begin(struct radius_writer *w, void *p, size_t room, unsigned code, unsigned id);
/* Room for the Message-Authenticator: call it first, so that it is the first attribute
 * (CVE-2024-3596). */
void radius_put_ma(struct radius_writer *w);
/* Longer than RADIUS_VALUE: left out, full. */
void radius_put(struct radius_writer *w, unsigned type, str value);
void radius_put_u32(struct radius_writer *w, unsigned type, uint32_t value);
void radius_put_vendor(struct radius_writer *w, uint32_t vendor, unsigned type, str value);
/* Attributes in wire form. */
void radius_put_raw(struct radius_writer *w, str attributes);
/* Any length, split as EAP-Message is. */
void radius_put_split(struct radius_writer *w, unsigned type, str value);
/* Each gives the packet's length, or 0 when something had no room. */
size_t radius_finish_response(struct radius_writer *w, str secret, const unsigned char *request);
/* Access-Request and Status-Server: authenticator is random. */
size_t radius_finish_request(struct radius_writer *w, str secret,
			     const unsigned char *authenticator);
/* Accounting-Request, CoA-Request, Disconnect-Request. */
size_t radius_finish_accounting(struct radius_writer *w, str secret);

static inline uint32_t radius_get32(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline void radius_set32(void *p, uint32_t v)
{
	unsigned char *b = p;

	b[0] = (unsigned char)(v >> 24);
	b[1] = (unsigned char)(v >> 16);
	b[2] = (unsigned char)(v >> 8);
	b[3] = (unsigned char)v;
}

#endif

/* formats/radius/eap.h: EAP packets (RFC 3748 4) and what stands in those of MD5-Challenge (5.4)
 * and MS-CHAP-V2 (draft-kamath-pppext-eap-mschapv2). Pure; views point into the packet. */
#ifndef FORMATS_RADIUS_EAP_H
#define FORMATS_RADIUS_EAP_H

#include "base/buf.h"

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };
enum eap_type {
	EAP_IDENTITY = 1,
	EAP_NOTIFICATION = 2,
	EAP_NAK = 3,
	EAP_MD5 = 4,
	EAP_MSCHAPV2 = 26
};
enum { EAP_MAX = 1020 /* octets of a packet that we take: identities and these two methods */ };

struct eap {
	unsigned code, id, type; /* type 0: success, failure */
	str data;		 /* behind the type */
};
/* E_SYNTAX. Octets behind the length are ignored (RFC 3748 4). */
MUST_USE err eap_parse(str packet, struct eap *out);
void eap_print(struct buf *out, unsigned code, unsigned id, unsigned type, str data);

/* Value-Size, Value, Name of MD5-Challenge. E_SYNTAX. */
MUST_USE err eap_md5_parse(str data, str *value, str *name);
void eap_md5_print(str value, str name, struct buf *out);

enum eap_mschap_op {
	EAP_MSCHAP_CHALLENGE = 1,
	EAP_MSCHAP_RESPONSE = 2,
	EAP_MSCHAP_SUCCESS = 3,
	EAP_MSCHAP_FAILURE = 4,
};
struct eap_mschap {
	unsigned op, id;
	str peer;     /* 16 octets, of a response */
	str response; /* 24 octets */
	str name;
};
/* What a peer sends: a response, or one octet that takes note of success or failure. E_SYNTAX. */
MUST_USE err eap_mschap_parse(str data, struct eap_mschap *out);
/* value: with its length before it (challenge), or "": a message. */
void eap_mschap_print(unsigned op, unsigned id, str value, str text, struct buf *out);

#endif

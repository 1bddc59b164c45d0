/* formats/radius/mschap.h: MS-CHAP (RFC 2433) and MS-CHAP-V2 (RFC 2759), the keys of RFC 3079 and
 * the attributes of RFC 2548. Pure; the caller wipes hashes and keys. */
#ifndef FORMATS_RADIUS_MSCHAP_H
#define FORMATS_RADIUS_MSCHAP_H

#include "base/buf.h"

enum { /* attributes of the vendor Microsoft, RFC 2548 2 */
       MS_CHAP_RESPONSE = 1,
       MS_CHAP_ERROR = 2,
       MS_MPPE_ENCRYPTION_POLICY = 7,
       MS_MPPE_ENCRYPTION_TYPES = 8,
       MS_CHAP_CHALLENGE = 11,
       MS_CHAP_MPPE_KEYS = 12,
       MS_MPPE_SEND_KEY = 16,
       MS_MPPE_RECV_KEY = 17,
       MS_CHAP2_RESPONSE = 25,
       MS_CHAP2_SUCCESS = 26,
};
enum {
	MSCHAP_HASH = 16,	   /* octets of the NT hash */
	MSCHAP_RESPONSE = 24,	   /* octets of an NT response */
	MSCHAP_KEY = 16,	   /* octets of a session key of 128 bits */
	MSCHAP_VALUE = 50,	   /* octets of both response attributes */
	MSCHAP_AUTHENTICATOR = 42, /* "S=" and 40 hex digits */
};

/* MD4 of the password in UTF-16 (RFC 2759 8.3). E_SYNTAX: not UTF-8. E_LIMIT: over 256
 * characters. */
MUST_USE err mschap_hash(str password, unsigned char out[MSCHAP_HASH]);
/* RFC 2433 A.5, RFC 2759 8.5: the three DES blocks of a challenge of 8 octets. */
void mschap_response(const unsigned char challenge[8], const unsigned char hash[MSCHAP_HASH],
		     unsigned char out[MSCHAP_RESPONSE]);
/* RFC 2759 8.2. peer and authenticator: 16 octets each. user: as the peer wrote it, without a
 * domain before a backslash. */
void mschap2_challenge(const unsigned char *peer, const unsigned char *authenticator, str user,
		       unsigned char out[8]);
/* The peer's response to our challenge of 16 octets is the user's. */
bool mschap2_fits(const unsigned char hash[MSCHAP_HASH], const unsigned char *peer,
		  const unsigned char *challenge, str user, const unsigned char *response);
/* RFC 2759 8.7: what proves to the peer that we know the password. */
void mschap2_proof(const unsigned char hash[MSCHAP_HASH], const unsigned char *peer,
		   const unsigned char *challenge, str user, const unsigned char *response,
		   char out[MSCHAP_AUTHENTICATOR]);
/* RFC 3079 3: the server's keys, as MS-MPPE-Send-Key and -Recv-Key carry them. */
void mschap2_keys(const unsigned char hash[MSCHAP_HASH], const unsigned char *response,
		  unsigned char send[MSCHAP_KEY], unsigned char receive[MSCHAP_KEY]);
/* RFC 3079 2.4 as RFC 2548 2.4.1 carries it: 8 octets LM, 16 octets MD4 of the hash, 8 zeros. */
void mschap1_keys(const unsigned char hash[MSCHAP_HASH], unsigned char out[32]);

#endif

/* formats/radius/md.h: the old digests that RADIUS is made of. Pure, allocates nothing.
 * They are libcrypto's own functions, not those of a provider: no module has to be loaded, and
 * nothing of the process's other cryptography changes (decision 0161). */
#ifndef FORMATS_RADIUS_MD_H
#define FORMATS_RADIUS_MD_H

#include "base/str.h"

enum { MD5_OCTETS = 16, MD4_OCTETS = 16, SHA1_OCTETS = 20 };

/* The digest of up to four pieces behind one another. */
void md5_of(str a, str b, str c, str d, unsigned char out[MD5_OCTETS]);
void md5_hmac(str key, str a, str b, str c, str d, unsigned char out[MD5_OCTETS]);
void md4_of(str a, unsigned char out[MD4_OCTETS]);
void sha1_of(str a, str b, str c, unsigned char out[SHA1_OCTETS]);
/* key: 7 octets, parity is put in (RFC 2759 8.6). */
void des_block(const unsigned char in[8], const unsigned char key[7], unsigned char out[8]);
/* Without a hint of where they differ. */
bool same_octets(const void *a, const void *b, size_t n);

#endif

/* base/hash.h: hashes for tables and checksums; nothing here is for secrets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

/* SipHash-2-4 with the given 16-byte key. */
uint64_t hash_sip(const uint8_t key[16], str s);
/* SipHash under a key that this process drew at its first use: for tables in memory. */
uint64_t hash_keyed(str s);
/* CRC-32C (Castagnoli), RFC 3720 appendix B.4. Start with crc 0; feed the result back to go on. */
uint32_t hash_crc32c(uint32_t crc, str s);

#endif

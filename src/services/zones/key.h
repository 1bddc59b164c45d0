/* services/zones/key.h: keys of DNSSEC: made, opened, signed with; key tags and DS (RFC 4034, 5702,
 * 6605, 8080). OpenSSL does the work, over octets that are in canonical form already.
 *
 * Every signature is a function of key and octets: RSA and Ed25519 are by themselves, ECDSA draws
 * its number from them (RFC 6979). So two nodes that sign one zone make the same octets.
 *
 * Nothing waits; a signature takes 20 to 60 us (RSA 600): many of them through work(POOL_CPU). */
#ifndef SERVICES_ZONES_KEY_H
#define SERVICES_ZONES_KEY_H

#include "base/buf.h"

enum key_algorithm { /* RFC 8624 3.1 */
		     KEY_RSASHA256 = 8,
		     KEY_ECDSAP256SHA256 = 13,
		     KEY_ECDSAP384SHA384 = 14,
		     KEY_ED25519 = 15,
};
enum {
	KEY_ZONE = 0x0100,
	KEY_SEP = 0x0001,     /* flags: 256 and 257 */
	KEY_SIGNATURE = 512,  /* octets of the longest signature */
	KEY_DNSKEY = 4 + 520, /* octets of the longest DNSKEY that we make */
	KEY_PKCS8 = 2560,     /* octets of the longest private key */
	KEY_DS_SHA256 = 2,
	KEY_DS = 4 + 32,
};
/* "ECDSAP256SHA256" or "13". E_SYNTAX: none that we sign with. */
MUST_USE err key_algorithm_parse(str text, uint8_t *out);
str key_algorithm_name(uint8_t algorithm);

/* A fresh key: the private half as PKCS #8, the public one as the data of its DNSKEY record. Both
 * are added. */
MUST_USE err key_make(uint8_t algorithm, uint16_t flags, struct buf *pkcs8, struct buf *dnskey);
/* RFC 4034 B. dnskey: data of the record. */
uint16_t key_tag(str dnskey);
/* Data of the DS record (RFC 4034 5.1, SHA-256), the form of CDS too. owner: wire, lower case. */
MUST_USE err key_ds(str owner, str dnskey, unsigned char out[KEY_DS]);

struct signer;
/* E_CORRUPT: not such a key. */
MUST_USE err signer_open(uint8_t algorithm, str pkcs8, struct signer **out);
void signer_free(struct signer *s); /* NULL allowed */
MUST_USE err signer_sign(struct signer *s, str octets, unsigned char out[KEY_SIGNATURE], size_t *n);

/* key_ecdsa.c: ECDSA with the number of RFC 6979; for key.c and its test. */
struct ecdsa;
MUST_USE err ecdsa_open(int nid, const char *digest, const void *private_bn, struct ecdsa **out);
void ecdsa_free(struct ecdsa *e); /* NULL allowed */
/* r and s, each as long as the order. */
MUST_USE err ecdsa_sign(struct ecdsa *e, str octets, unsigned char *out, size_t *n);

#endif

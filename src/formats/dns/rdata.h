/* formats/dns/rdata.h: record data between text and wire form, by ldns where ldns knows the type,
 * and by RFC 3597 (TYPE123, \# 3 010203) for every type. Pure but for ldns's own heap. */
#ifndef FORMATS_DNS_RDATA_H
#define FORMATS_DNS_RDATA_H

#include "formats/dns/name.h"
#include "formats/dns/types.h"

/* "MX", "mx", "TYPE15". E_NOTFOUND. */
MUST_USE err dns_type_parse(str text, uint16_t *out);
void dns_type_print(uint16_t type, struct buf *out); /* "MX", "TYPE65280" */

/* text: the fields of one record ("10 mail.example."), names relative to origin (wire).
 * E_SYNTAX with a text that names the field. out: wire, names uncompressed and as typed. */
MUST_USE err dns_rdata_parse(uint16_t type, str text, str origin, struct buf *out);
/* The fields as a master file has them; what does not parse as its type is printed as RFC 3597. */
void dns_rdata_print(uint16_t type, str rdata, struct buf *out);
/* "3600", "1h30m" (RFC 1035 has seconds alone; BIND's units): seconds. */
MUST_USE err dns_ttl_parse(str text, uint32_t *out);
/* Is it well formed for its type (lengths, names)? From a transfer or a message, decompressed. */
bool dns_rdata_valid(uint16_t type, str rdata);
/* Names inside made small, for DNSSEC (RFC 4034 6.2, 6840 5.1) and for comparing; in place. */
void dns_rdata_canonical(uint16_t type, char *rdata, size_t n);
/* Where names stand inside the data of a well-known type: up to 2 offsets. For compression,
 * additional section and checks. Gives their number. */
unsigned dns_rdata_names(uint16_t type, str rdata, size_t at[2]);

#endif

/* formats/dns/rdata_part.h: between the files of record data. */
#ifndef FORMATS_DNS_RDATA_PART_H
#define FORMATS_DNS_RDATA_PART_H

#include "base/str.h"

/* rdata_valid.c: of the types that are neither addresses, texts nor of the form table. Types that
 * nobody knows are valid whatever they hold. */
bool dns_rdata_valid_more(uint16_t type, str rdata);

#endif

/* formats/dns/form.h: where names stand in record data of the types whose names may be compressed
 * (RFC 1035 3.3, RFC 3597 4, and what old servers do). Pure. */
#ifndef FORMATS_DNS_FORM_H
#define FORMATS_DNS_FORM_H

#include <stdint.h>

struct dns_form {
	uint16_t type;
	uint8_t before; /* octets before the first name */
	uint8_t names;	/* one behind the other */
	uint8_t after;	/* octets behind the last one */
};
/* NULL: data without names, or of a type whose names are never compressed. */
const struct dns_form *dns_form_of(uint16_t type);

#endif

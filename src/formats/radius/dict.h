/* formats/radius/dict.h: the names of attributes and values, from FreeRADIUS's dictionary files
 * (package freeradius-common; the form is in dictionary(5)). Built once, then immutable and for any
 * thread. Pure: files come from the caller.
 *
 * Attributes form a tree: Vendor-Specific -> a vendor -> its attributes, a TLV -> those inside it.
 * A name is found from the top ("Mikrotik-Rate-Limit") and below its parent
 * ("Vendor-Specific.Mikrotik.Mikrotik-Rate-Limit", FreeRADIUS 4's way to write it). */
#ifndef FORMATS_RADIUS_DICT_H
#define FORMATS_RADIUS_DICT_H

#include "base/arena.h"

enum radius_kind {
	RK_OCTETS, /* also what nobody knows */
	RK_STRING,
	RK_IPADDR,
	RK_IPV4PREFIX,
	RK_IPV6ADDR,
	RK_IPV6PREFIX,
	RK_COMBO, /* either address */
	RK_IFID,
	RK_ETHER,
	RK_DATE,
	RK_DELTA, /* time_delta: a number of units */
	RK_INTEGER,
	RK_INTEGER64,
	RK_SHORT,
	RK_BYTE,
	RK_SIGNED,
	/* those with others inside */
	RK_TLV,
	RK_VSA,
	RK_EXTENDED, /* RFC 6929 2.1 */
	RK_LONG,     /* RFC 6929 2.2 */
	RK_EVS,	     /* RFC 6929 2.4 */
	RK_VENDOR,
	RK_STRUCT, /* fields of fixed places, FreeRADIUS 4 */
};
static inline bool radius_kind_nests(enum radius_kind k)
{
	return k >= RK_TLV;
}
enum radius_encrypt { RE_NONE, RE_USER_PASSWORD, RE_TUNNEL_PASSWORD, RE_ASCEND_SECRET };
enum radius_attr_flags {
	RA_TAG = 1,	   /* RFC 2868 */
	RA_CONCAT = 2,	   /* one value over several attributes */
	RA_SECRET = 4,	   /* not for logs */
	RA_KEY = 8,	   /* of a struct: names the attributes behind it */
	RA_CONTINUED = 16, /* of a vendor: WiMAX's third octet */
	RA_VIRTUAL = 32,   /* never in a packet */
};

struct radius_attr {
	const struct radius_attr *parent; /* NULL: in the packet itself */
	str name;
	uint32_t number;
	uint8_t kind, encrypt, flags;
	uint8_t size;	       /* octets of a value that has always as many; 0: by its kind */
	uint8_t type_octets;   /* of a vendor: of the numbers inside */
	uint8_t length_octets; /* of a vendor: of the lengths inside */
	uint32_t scale;	       /* of RK_DATE and RK_DELTA: units a second; 1 */
	bool is_signed;
};

struct radius_dict;
struct radius_dict *radius_dict_new(void);
void radius_dict_free(struct radius_dict *d); /* NULL allowed */
/* What a file includes: its text, valid until radius_dict_free or the end of the reading.
 * E_NOTFOUND is a mistake for "$INCLUDE" and none for "$INCLUDE-". */
struct radius_dict_source {
	err (*open)(void *arg, str name, str *text);
	void *arg;
};
/* Reads one file with all that it includes. E_SYNTAX, E_LIMIT: file, line and reason are in
 * complaints. */
MUST_USE err radius_dict_read(struct radius_dict *d, const struct radius_dict_source *from,
			      str name, struct buf *complaints);

/* Names in any case. NULL: no such. */
const struct radius_attr *radius_dict_name(const struct radius_dict *d, str name);
const struct radius_attr *radius_dict_child(const struct radius_dict *d,
					    const struct radius_attr *parent, str name);
const struct radius_attr *radius_dict_number(const struct radius_dict *d,
					     const struct radius_attr *parent, uint32_t number);
/* Named values of numbers. */
bool radius_dict_value(const struct radius_dict *d, const struct radius_attr *a, str name,
		       int64_t *out);
/* "" when the number has no name. */
str radius_dict_value_name(const struct radius_dict *d, const struct radius_attr *a, int64_t value);
/* Attributes and values. */
size_t radius_dict_count(const struct radius_dict *d);

/* ---- for the reader ---- */
/* E_LIMIT. A name that exists below the same parent is replaced, unless it says the same. */
MUST_USE err radius_dict_add(struct radius_dict *d, const struct radius_attr *a,
			     const struct radius_attr **out);
MUST_USE err radius_dict_add_value(struct radius_dict *d, const struct radius_attr *a, str name,
				   int64_t value);
struct arena *radius_dict_arena(struct radius_dict *d);

#endif

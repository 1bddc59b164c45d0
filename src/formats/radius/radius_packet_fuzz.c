/* A packet as it comes: walked, its attributes by a small dictionary, printed, parsed, written. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "formats/radius/eap.h"
#include "formats/radius/pair.h"
#include "formats/radius/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char dictionary[] =
	"ATTRIBUTE User-Name 1 string\nATTRIBUTE User-Password 2 string encrypt=1\n"
	"ATTRIBUTE Service-Type 6 integer\nVALUE Service-Type Framed-User 2\n"
	"ATTRIBUTE Framed-IP-Address 8 ipaddr\nATTRIBUTE Vendor-Specific 26 vsa\n"
	"ATTRIBUTE Event-Timestamp 55 date\nATTRIBUTE Tunnel-Type 64 integer has_tag\n"
	"ATTRIBUTE Tunnel-Group 81 string has_tag\nATTRIBUTE EAP-Message 79 octets concat\n"
	"ATTRIBUTE Framed-Interface-Id 96 ifid\nATTRIBUTE Framed-IPv6-Prefix 97 ipv6prefix\n"
	"ATTRIBUTE Any 98 combo-ip\nATTRIBUTE Four 99 ipv4prefix\nATTRIBUTE Mac 100 ether\n"
	"ATTRIBUTE Ext 241 extended\nATTRIBUTE Long 245 long-extended\n"
	"ATTRIBUTE Ext-Tlv 241.3 tlv\nATTRIBUTE Ext-Tlv-In 241.3.1 tlv\n"
	"ATTRIBUTE Ext-Struct 241.4 struct\nMEMBER One byte\nMEMBER Two short\nMEMBER Rest octets\n"
	"ATTRIBUTE Ext-Vendor 241.26 evs\nATTRIBUTE Long-Vendor 245.26 evs\n"
	"VENDOR A 1\nVENDOR B 2 format=2,1\nVENDOR C 3 format=4,0\nVENDOR D 4 format=1,1,c\n"
	"BEGIN-VENDOR A\nATTRIBUTE A-Tag 1 string has_tag\nATTRIBUTE A-Tlv 2 tlv\nEND-VENDOR A\n"
	"BEGIN-VENDOR B\nATTRIBUTE B-Int 1 integer64\nEND-VENDOR B\n"
	"BEGIN-VENDOR D\nATTRIBUTE D-Signed 1 signed\nEND-VENDOR D\n";

static err open_text(void *arg, str name, str *text)
{
	(void)arg;
	(void)name;
	*text = str_z(dictionary);
	return OK;
}

static struct radius_dict *load(void)
{
	struct radius_dict *d = radius_dict_new();
	const struct radius_dict_source from = { open_text, NULL };
	struct buf complaints;

	buf_init(&complaints, KIB(4));
	if (radius_dict_read(d, &from, STR("d"), &complaints) != OK)
		abort();
	buf_free(&complaints);
	return d;
}

static void again(const struct radius_dict *d, const struct radius_pair *p, struct arena *a)
{
	struct radius_pair *q;
	struct buf text, more, wire;

	buf_init(&text, MIB(1));
	buf_init(&more, MIB(1));
	buf_init(&wire, KIB(64));
	radius_pairs_print(d, p, RADIUS_FLAT, &text);
	buf_reset(&text);
	radius_pairs_print(d, p, RADIUS_NESTED, &text);
	if (buf_done(&text) == OK && radius_pairs_parse(d, buf_str(&text), a, &q) == OK) {
		radius_pairs_print(d, q, RADIUS_NESTED, &more);
		(void)!radius_pairs_write(q, NULL, &wire);
	}
	(void)!radius_pairs_write(p, NULL, &wire);
	buf_free(&text);
	buf_free(&more);
	buf_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct radius_dict *d;
	struct radius_packet p;
	struct radius_pair *pairs;
	struct arena a;
	struct buf eap;

	if (!d)
		d = load();
	if (radius_parse(str_of(data, n), &p) != OK)
		return 0;
	(void)radius_check_ma(&p, STR("secret"), p.authenticator);
	(void)radius_check_accounting(&p, STR("secret"));
	const struct radius_hiding hiding = { STR("secret"), p.authenticator, 1 };

	arena_init(&a, MIB(4));
	buf_init(&eap, RADIUS_MAX);
	radius_join(&p, RADIUS_EAP_MESSAGE, &eap);
	if (radius_pairs_read(d, p.attributes, &hiding, &a, &pairs) == OK)
		again(d, pairs, &a);
	if (radius_pairs_read(d, p.attributes, NULL, &a, &pairs) == OK)
		again(d, pairs, &a);
	buf_free(&eap);
	arena_free(&a);
	return 0;
}

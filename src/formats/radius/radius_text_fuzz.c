/* Any text as a dictionary, and what follows the first blank line as attributes by it; and the
 * same octets as an EAP packet. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/radius/eap.h"
#include "formats/radius/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static err open_text(void *arg, str name, str *text)
{
	(void)name;
	*text = *(const str *)arg;
	return OK;
}

static void try_pairs(const struct radius_dict *d, str text)
{
	struct radius_pair *p, *q;
	struct arena a;
	struct buf wire, out;

	arena_init(&a, MIB(4));
	buf_init(&wire, KIB(256));
	buf_init(&out, MIB(1));
	if (radius_pairs_parse(d, text, &a, &p) == OK) {
		radius_pairs_print(d, p, RADIUS_NESTED, &out);
		if (radius_pairs_write(p, NULL, &wire) == OK &&
		    radius_pairs_read(d, buf_str(&wire), NULL, &a, &q) == OK)
			radius_pairs_print(d, q, RADIUS_FLAT, &out);
	}
	arena_free(&a);
	buf_free(&wire);
	buf_free(&out);
}

static void try_eap(str packet)
{
	struct eap e;
	struct eap_mschap m;
	str value, name;

	if (eap_parse(packet, &e) != OK)
		return;
	(void)!eap_md5_parse(e.data, &value, &name);
	(void)!eap_mschap_parse(e.data, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str text = str_of(data, n);
	size_t end = str_search(text, STR("\n\n"));
	str dictionary = str_take(text, end);
	struct radius_dict *d = radius_dict_new();
	const struct radius_dict_source from = { open_text, &dictionary };
	struct buf complaints;

	buf_init(&complaints, KIB(4));
	try_eap(text);
	(void)!radius_dict_read(d, &from, STR("d"), &complaints);
	try_pairs(d, str_skip(text, end + 2));
	radius_dict_free(d);
	buf_free(&complaints);
	return 0;
}

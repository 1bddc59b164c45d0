/* Called by test_radius.py; no part of posta. Standard input: "pair TEXT", "encode TEXT", "decode HEX", "proto HEX" a
 * line; standard output: one line each, "ERROR: ..." for what is refused. Argument: a dictionary. */
#include <stdio.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/radius/pair.h"

static const unsigned char authenticator[RADIUS_AUTH] = { 0, 1, 2, 3, 4, 5, 6, 7,
							  8, 9, 10, 11, 12, 13, 14, 15 };

static err whole(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char b[2048];
	size_t n;

	if (!f)
		return fail(E_NOTFOUND, "%s: cannot be opened", path);
	while ((n = fread(b, 1, sizeof(b), f)) > 0)
		buf_add(out, str_of(b, n));
	(void)fclose(f);
	return buf_done(out);
}

static err open_text(void *arg, str name, str *text)
{
	(void)name;
	*text = buf_str(arg);
	return OK;
}

static err decode(const struct radius_dict *d, str hex, bool proto, struct arena *a,
		  struct buf *out)
{
	CLEANUP(buf_free) struct buf octets = { 0 };
	struct radius_hiding hiding = { STR("testing123"), authenticator, 0 };
	struct radius_packet packet;
	struct radius_pair *p;
	str attributes;

	buf_init(&octets, MIB(1));
	TRY(dec_hex(&octets, hex));
	attributes = arena_dup(a, buf_str(&octets));
	if (proto) {
		TRY(radius_parse(attributes, &packet));
		attributes = packet.attributes;
		hiding.authenticator = packet.authenticator;
	}
	TRY(radius_pairs_read(d, attributes, &hiding, a, &p));
	radius_pairs_print(d, p, RADIUS_NESTED, out);
	return buf_done(out);
}

static err run(const struct radius_dict *d, str line, struct arena *a, struct buf *out)
{
	CLEANUP(buf_free) struct buf wire = { 0 };
	struct radius_hiding hiding = { STR("testing123"), authenticator, 0x42 };
	struct radius_pair *p;
	str verb, rest;

	if (!str_cut(line, ' ', &verb, &rest))
		return fail(E_SYNTAX, "no verb");
	if (str_eq(verb, STR("decode")) || str_eq(verb, STR("proto")))
		return decode(d, rest, str_eq(verb, STR("proto")), a, out);
	TRY(radius_pairs_parse(d, rest, a, &p));
	if (str_eq(verb, STR("pair"))) {
		radius_pairs_print(d, p, RADIUS_NESTED, out);
		return buf_done(out);
	}
	buf_init(&wire, KIB(64));
	TRY(radius_pairs_write(p, &hiding, &wire));
	enc_hex(out, buf_str(&wire));
	return buf_done(out);
}

int main(int argc, char **argv)
{
	struct radius_dict *d = radius_dict_new();
	struct buf text, complaints, out;
	const struct radius_dict_source from = { open_text, &text };
	static char line[65536];

	buf_init(&text, MIB(4));
	buf_init(&complaints, KIB(4));
	buf_init(&out, MIB(1));
	if (argc != 2 || whole(argv[1], &text) ||
	    radius_dict_read(d, &from, str_z(argv[1]), &complaints)) {
		fprintf(stderr, "%.*s\n", STRF(buf_str(&complaints)));
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		struct arena a;

		arena_init(&a, MIB(8));
		buf_reset(&out);
		if (run(d, str_trim_ws(str_z(line)), &a, &out))
			printf("ERROR: %s\n", err_last()->text);
		else
			printf("%.*s\n", STRF(buf_str(&out)));
		arena_free(&a);
		(void)fflush(stdout);
	}
	radius_dict_free(d);
	buf_free(&text);
	buf_free(&complaints);
	buf_free(&out);
	return 0;
}

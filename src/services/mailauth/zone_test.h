/* services/mailauth/zone_test.h: a DNS of rows, for tests of mailauth. */
#ifndef SERVICES_MAILAUTH_ZONE_TEST_H
#define SERVICES_MAILAUTH_ZONE_TEST_H

#include <arpa/inet.h>
#include <string.h>

#include "services/mailauth/lookup.h"

/* text: as a master file has it (TXT: the bytes, in strings of 255). "TIMEOUT": the question for
 * this type is not answered; of type 0: nor are those for types that the name has no row of. */
struct zone_row {
	str name;
	enum dns_type type;
	str text;
};
struct zone {
	const struct zone_row *rows;
	size_t n;
	unsigned asked;
};

static inline void zone_add_name(struct buf *out, str name)
{
	str label;

	while (name.n && str_next(&name, '.', &label)) {
		buf_addc(out, (char)label.n);
		buf_add(out, label);
	}
	buf_addc(out, '\0');
}

static inline void zone_add_rdata(struct buf *out, const struct zone_row *row)
{
	unsigned char ip[16];
	char z[64];
	str number, host;
	uint64_t v = 0;

	switch (row->type) {
	case DNS_A:
	case DNS_AAAA:
		if (str_to_z(row->text, z, sizeof(z)) != OK ||
		    inet_pton(row->type == DNS_A ? AF_INET : AF_INET6, z, ip) != 1)
			return;
		buf_add(out, str_of(ip, row->type == DNS_A ? 4 : 16));
		return;
	case DNS_MX:
		if (!str_cut(row->text, ' ', &number, &host) || str_u64(number, 65535, &v) != OK)
			return;
		buf_addc(out, (char)(v >> 8));
		buf_addc(out, (char)v);
		zone_add_name(out, host);
		return;
	case DNS_TXT:
		for (str rest = row->text; rest.n; rest = str_skip(rest, 255)) {
			buf_addc(out, (char)str_take(rest, 255).n);
			buf_add(out, str_take(rest, 255));
		}
		if (!row->text.n)
			buf_addc(out, '\0');
		return;
	default:
		zone_add_name(out, row->text);
	}
}

static inline str zone_strip(str name)
{
	return name.n && name.p[name.n - 1] == '.' ? str_take(name, name.n - 1) : name;
}

static inline err zone_look(struct zone *z, str name, enum dns_type type, unsigned depth,
			    struct arena *a, struct dns_answer *out)
{
	bool late = false;
	str alias = { 0 };

	for (size_t i = 0; i < z->n; i++) {
		const struct zone_row *row = &z->rows[i];
		bool of_type = row->type == type;
		struct buf b;

		if (!str_eqi(zone_strip(row->name), zone_strip(name)))
			continue;
		out->nxdomain = false;
		if (row->type == DNS_CNAME)
			alias = row->text;
		if (str_eq(row->text, STR("TIMEOUT")) && (of_type || row->type == 0))
			late = true;
		else if (of_type && out->n < 200) {
			buf_init(&b, KIB(64));
			zone_add_rdata(&b, row);
			out->rdata[out->n++] = arena_dup(a, buf_str(&b));
			buf_free(&b);
		}
	}
	if (late && !out->n)
		return fail(E_TIMEOUT, "no answer for %.*s", STRF(name));
	if (!out->n && alias.p && depth)
		return zone_look(z, alias, type, depth - 1, a, out);
	return OK;
}

WAITS static inline err zone_ask(void *arg, str name, enum dns_type type, msec deadline,
				 struct arena *a, struct dns_answer *out)
{
	struct zone *z = arg;

	(void)deadline;
	z->asked++;
	*out = (struct dns_answer){ .nxdomain = true, .canonical = STR("") };
	out->rdata = NEW_TRY(a, str, 200);
	if (!out->rdata)
		return fail(E_LIMIT, "memory");
	err e = zone_look(z, name, type, 8, a, out);

	if (out->n)
		out->nxdomain = false;
	return e;
}

#endif

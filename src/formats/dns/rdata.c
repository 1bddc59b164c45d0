/* Record data as text and back. What zones are full of is read and printed here; every other type
 * by ldns; all types in the form of RFC 3597 as well. */
#include "formats/dns/rdata.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>

#include "base/limits.h"
#include "formats/dns/form.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata_part.h"

/* ---- types ---- */

err dns_type_parse(str text, uint16_t *out)
{
	char z[16];
	uint64_t n;

	if (str_startsi(text, STR("TYPE")) && text.n > 4) {
		if (str_u64(str_skip(text, 4), UINT16_MAX, &n) != OK)
			return fail(E_NOTFOUND, "\"%.*s\" is no type", STRF(text));
		*out = (uint16_t)n;
		return OK;
	}
	if (str_to_z(text, z, sizeof(z)) != OK)
		return fail(E_NOTFOUND, "\"%.*s\" is no type", STRF(text));
	ldns_rr_type t = ldns_get_rr_type_by_name(z);

	if (t == 0 || !ch_alpha(z[0]))
		return fail(E_NOTFOUND, "\"%.*s\" is no type", STRF(text));
	*out = (uint16_t)t;
	return OK;
}

void dns_type_print(uint16_t type, struct buf *out)
{
	const ldns_rr_descriptor *d = ldns_rr_descript(type);

	if (d && d->_name && d->_type == type && type != 0)
		buf_add(out, str_z(d->_name));
	else if (type == DNS_ANY)
		buf_add(out, STR("ANY"));
	else
		buf_fmt(out, "TYPE%u", type);
}

/* ---- fields ---- */

/* The next field: without its quotes, escapes as they stand. */
static bool next_field(str *text, str *field, bool *quoted)
{
	size_t i = 0;

	while (i < text->n && (text->p[i] == ' ' || text->p[i] == '\t'))
		i++;
	*text = str_skip(*text, i);
	if (text->n == 0)
		return false;
	*quoted = text->p[0] == '"';
	for (i = *quoted; i < text->n; i++) {
		char c = text->p[i];

		if (*quoted ? c == '"' : c == ' ' || c == '\t' || c == '"')
			break;
		if (c == '\\')
			i++;
	}
	if (i > text->n)
		i = text->n;
	*field = str_of(text->p + *quoted, i - *quoted);
	*text = str_skip(*text, i + *quoted);
	return true;
}

static err need(str *text, str *field, const char *what)
{
	bool quoted;

	return next_field(text, field, &quoted) ? OK : fail(E_SYNTAX, "%s is missing", what);
}

static err no_more(str text)
{
	str field;
	bool quoted;

	return next_field(&text, &field, &quoted)
		       ? fail(E_SYNTAX, "\"%.*s\" is too much", STRF(field))
		       : OK;
}

static err add_name(str *text, str origin, struct buf *out, const char *what)
{
	struct dns_name n;
	str field;

	TRY(need(text, &field, what));
	TRY(dns_name_parse(field, origin, &n));
	buf_add(out, dns_name_str(&n));
	return OK;
}

static err add_16(str *text, struct buf *out, const char *what)
{
	uint64_t v;
	str field;

	TRY(need(text, &field, what));
	if (str_u64(field, UINT16_MAX, &v) != OK)
		return fail(E_SYNTAX, "%s \"%.*s\" is no number from 0 to 65535", what,
			    STRF(field));
	buf_u8(out, (unsigned)(v >> 8));
	buf_u8(out, (unsigned)(v & 255));
	return OK;
}

err dns_ttl_parse(str text, uint32_t *out)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	uint64_t sum = 0;
	bool unit = true;

	if (text.n == 0)
		return fail(E_SYNTAX, "no time");
	for (size_t i = 0; i < text.n;) {
		uint64_t n = 0;
		size_t first = i;

		for (; i < text.n && ch_digit(text.p[i]); i++)
			if ((n = n * 10 + (uint64_t)(text.p[i] - '0')) > UINT32_MAX)
				return fail(E_SYNTAX, "the time \"%.*s\" is too long", STRF(text));
		/* A number without a unit stands alone: "1h30" would be a guess. */
		if (i == first || !unit)
			return fail(E_SYNTAX, "\"%.*s\" is no time", STRF(text));
		unit = i < text.n;
		size_t k = 0;

		while (unit && k < COUNT(units) && ch_lower(text.p[i]) != units[k].unit)
			k++;
		if (k == COUNT(units) || (!unit && first != 0))
			return fail(E_SYNTAX, "\"%.*s\" is no time", STRF(text));
		sum += n * (unit ? units[k].seconds : 1);
		i += unit;
		if (sum > UINT32_MAX)
			return fail(E_SYNTAX, "the time \"%.*s\" is too long", STRF(text));
	}
	*out = (uint32_t)sum;
	return OK;
}

/* ---- the types that zones are full of ---- */

static err parse_a(str text, str origin, struct buf *out)
{
	unsigned char ip[4];
	char z[32];
	str field;

	(void)origin;
	TRY(need(&text, &field, "an address"));
	if (str_to_z(field, z, sizeof(z)) != OK || inet_pton(AF_INET, z, ip) != 1)
		return fail(E_SYNTAX, "\"%.*s\" is no IPv4 address", STRF(field));
	buf_add(out, str_of(ip, sizeof(ip)));
	return no_more(text);
}

static err parse_aaaa(str text, str origin, struct buf *out)
{
	unsigned char ip[16];
	char z[64];
	str field;

	(void)origin;
	TRY(need(&text, &field, "an address"));
	if (str_to_z(field, z, sizeof(z)) != OK || inet_pton(AF_INET6, z, ip) != 1)
		return fail(E_SYNTAX, "\"%.*s\" is no IPv6 address", STRF(field));
	buf_add(out, str_of(ip, sizeof(ip)));
	return no_more(text);
}

static err parse_name(str text, str origin, struct buf *out)
{
	TRY(add_name(&text, origin, out, "a name"));
	return no_more(text);
}

static err parse_mx(str text, str origin, struct buf *out)
{
	TRY(add_16(&text, out, "the preference"));
	TRY(add_name(&text, origin, out, "the mail server"));
	return no_more(text);
}

static err parse_srv(str text, str origin, struct buf *out)
{
	TRY(add_16(&text, out, "the priority"));
	TRY(add_16(&text, out, "the weight"));
	TRY(add_16(&text, out, "the port"));
	TRY(add_name(&text, origin, out, "the target"));
	return no_more(text);
}

static err parse_soa(str text, str origin, struct buf *out)
{
	static const char *const what[] = { "the serial", "refresh", "retry", "expire", "minimum" };
	uint32_t v;
	str field;

	TRY(add_name(&text, origin, out, "the primary server"));
	TRY(add_name(&text, origin, out, "the mailbox"));
	for (size_t i = 0; i < COUNT(what); i++) {
		TRY(need(&text, &field, what[i]));
		TRY(dns_ttl_parse(field, &v));
		buf_u32(out, v);
	}
	return no_more(text);
}

/* One character-string's octets, escapes undone. */
static err add_string(str field, struct buf *out)
{
	size_t at = out->n, n = 0;

	buf_u8(out, 0);
	for (size_t i = 0; i < field.n; n++) {
		unsigned char c = (unsigned char)field.p[i++];

		if (c == '\\' && i + 2 < field.n && ch_digit(field.p[i])) {
			uint64_t v;

			if (str_u64(str_of(field.p + i, 3), 255, &v) != OK)
				return fail(E_SYNTAX, "a bad escape in \"%.*s\"", STRF(field));
			c = (unsigned char)v;
			i += 3;
		} else if (c == '\\') {
			if (i >= field.n || ch_digit(field.p[i]))
				return fail(E_SYNTAX, "a bad escape in \"%.*s\"", STRF(field));
			c = (unsigned char)field.p[i++];
		}
		if (n == 255)
			return fail(E_SYNTAX, "a text over 255 octets");
		buf_u8(out, c);
	}
	if (out->e == OK)
		out->p[at] = (char)n;
	return OK;
}

static err parse_txt(str text, str origin, struct buf *out)
{
	str field;
	bool quoted, any = false;

	(void)origin;
	while (next_field(&text, &field, &quoted)) {
		TRY(add_string(field, out));
		any = true;
	}
	return any ? OK : fail(E_SYNTAX, "a text is missing");
}

static const struct {
	uint16_t type;
	err (*parse)(str text, str origin, struct buf *out);
} own[] = {
	{ DNS_A, parse_a },	   { DNS_NS, parse_name },	{ DNS_CNAME, parse_name },
	{ DNS_SOA, parse_soa },	   { DNS_PTR, parse_name },	{ DNS_MX, parse_mx },
	{ DNS_TXT, parse_txt },	   { DNS_AAAA, parse_aaaa },	{ DNS_SRV, parse_srv },
	{ DNS_DNAME, parse_name }, { 99 /* SPF */, parse_txt },
};

/* ---- RFC 3597 5: \# 3 010203 ---- */

static int hex(char c)
{
	return ch_digit(c)				  ? c - '0'
	       : ch_lower(c) >= 'a' && ch_lower(c) <= 'f' ? ch_lower(c) - 'a' + 10
							  : -1;
}

static err parse_unknown(uint16_t type, str text, struct buf *out)
{
	size_t begins = out->n;
	uint64_t n;
	str field;
	bool quoted;
	int half = -1;

	TRY(need(&text, &field, "the length"));
	if (str_u64(field, UINT16_MAX, &n) != OK)
		return fail(E_SYNTAX, "the length \"%.*s\" is no number", STRF(field));
	while (next_field(&text, &field, &quoted))
		for (size_t i = 0; i < field.n; i++) {
			int v = hex(field.p[i]);

			if (v < 0)
				return fail(E_SYNTAX, "\"%.*s\" is not hexadecimal", STRF(field));
			if (half >= 0)
				buf_u8(out, (unsigned)(half << 4 | v));
			half = half >= 0 ? -1 : v;
		}
	TRY(buf_done(out));
	if (half >= 0 || out->n - begins != n)
		return fail(E_SYNTAX, "the length says %llu octets, and %zu follow",
			    (unsigned long long)n, out->n - begins);
	return dns_rdata_valid(type, str_skip(buf_str(out), begins))
		       ? OK
		       : fail(E_SYNTAX, "these octets are no data of their type");
}

/* ---- by ldns ---- */

static void free_rr(ldns_rr **rr)
{
	ldns_rr_free(*rr);
}
static void free_rdf(ldns_rdf **r)
{
	ldns_rdf_deep_free(*r);
}
static void free_buffer(ldns_buffer **b)
{
	ldns_buffer_free(*b);
}

static err add_wire(const ldns_rr *rr, struct buf *out)
{
	CLEANUP(free_buffer) ldns_buffer *b = ldns_buffer_new(512);

	if (!b || ldns_rr_rdata2buffer_wire(b, rr) != LDNS_STATUS_OK)
		return fail(E_SYNTAX, "data that cannot be put into wire form");
	if (ldns_buffer_position(b) < 2) /* no data at all: not even their length is written */
		return OK;
	buf_add(out, str_of(ldns_buffer_begin(b), ldns_buffer_position(b)));
	return buf_done(out);
}

static err parse_by_ldns(uint16_t type, str text, str origin, struct buf *out)
{
	CLEANUP(buf_free) struct buf line = { 0 };
	CLEANUP(free_rr) ldns_rr *rr = NULL;
	CLEANUP(free_rdf) ldns_rdf *base = NULL;

	buf_init(&line, LIM_ZONE_ENTRY + 64);
	buf_add(&line, STR(". 0 IN "));
	dns_type_print(type, &line);
	buf_addc(&line, ' ');
	buf_add(&line, text);
	buf_addc(&line, '\0');
	TRY(buf_done(&line));
	if (memchr(text.p, 0, text.n))
		return fail(E_SYNTAX, "a NUL octet");
	if (origin.n)
		base = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.n, origin.p);
	ldns_status s = ldns_rr_new_frm_str(&rr, line.p, 0, base, NULL);

	if (s != LDNS_STATUS_OK) {
		rr = NULL;
		return fail(E_SYNTAX, "%s", ldns_get_errorstr_by_id(s));
	}
	if (ldns_rr_get_type(rr) != type)
		return fail(E_SYNTAX, "data of another type");
	return add_wire(rr, out);
}

err dns_rdata_parse(uint16_t type, str text, str origin, struct buf *out)
{
	str rest = text, first;
	bool quoted = false;
	size_t begins = out->n;
	const ldns_rr_descriptor *d = ldns_rr_descript(type);

	if (next_field(&rest, &first, &quoted) && !quoted && str_eq(first, STR("\\#")))
		return parse_unknown(type, rest, out);
	for (size_t i = 0; i < COUNT(own); i++)
		if (own[i].type == type) {
			TRY(own[i].parse(text, origin, out));
			return buf_done(out);
		}
	if (!d || !d->_name || d->_type != type)
		return fail(E_SYNTAX, "data of an unknown type are written as \\# LENGTH HEX");
	TRY(parse_by_ldns(type, text, origin, out));
	return dns_rdata_valid(type, str_skip(buf_str(out), begins))
		       ? OK
		       : fail(E_SYNTAX, "these are no data of their type");
}

/* ---- printing ---- */

static void print_unknown(str rdata, struct buf *out)
{
	buf_fmt(out, "\\# %zu", rdata.n);
	if (rdata.n)
		buf_addc(out, ' ');
	for (size_t i = 0; i < rdata.n; i++)
		buf_fmt(out, "%02x", (unsigned char)rdata.p[i]);
}

static void print_strings(str rdata, struct buf *out)
{
	for (size_t at = 0; at < rdata.n;) {
		unsigned n = (unsigned char)rdata.p[at++];

		buf_add(out, at == 1 ? STR("\"") : STR(" \""));
		for (unsigned i = 0; i < n; i++) {
			unsigned char c = (unsigned char)rdata.p[at + i];

			if (c == '"' || c == '\\')
				buf_fmt(out, "\\%c", c);
			else if (c < ' ' || c > '~')
				buf_fmt(out, "\\%03u", c);
			else
				buf_addc(out, (char)c);
		}
		buf_addc(out, '"');
		at += n;
	}
}

static str name_at(str rdata, size_t at)
{
	size_t n = 0;
	str s = str_skip(rdata, at);

	while (n < s.n && s.p[n])
		n += (unsigned char)s.p[n] + 1u;
	return str_take(s, n + 1);
}

/* Types of numbers and names: those of the form table, 16 bits before, 32 bits behind. */
static void print_form(const struct dns_form *f, str rdata, struct buf *out)
{
	size_t at = f->before;

	for (unsigned i = 0; i < f->before; i += 2)
		buf_fmt(out, "%u ", dns_get16(rdata.p + i));
	for (unsigned i = 0; i < f->names; i++) {
		str name = name_at(rdata, at);

		if (i)
			buf_addc(out, ' ');
		dns_name_print(name, out);
		at += name.n;
	}
	for (unsigned i = 0; i < f->after; i += 4)
		buf_fmt(out, " %u", dns_get32(rdata.p + at + i));
}

static void print_address(uint16_t type, str rdata, struct buf *out)
{
	char z[INET6_ADDRSTRLEN];

	if (inet_ntop(type == DNS_A ? AF_INET : AF_INET6, rdata.p, z, sizeof(z)))
		buf_add(out, str_z(z));
}

static ldns_rr *rr_of(uint16_t type, str rdata)
{
	CLEANUP(buf_free) struct buf wire = { 0 };
	ldns_rr *rr = NULL;
	size_t at = 0;

	buf_init(&wire, rdata.n + 11);
	buf_u8(&wire, 0);
	buf_u8(&wire, type >> 8);
	buf_u8(&wire, type & 255);
	buf_u32(&wire, 1u << 16); /* class IN, and the first half of the TTL */
	buf_u8(&wire, 0);
	buf_u8(&wire, 0);
	buf_u8(&wire, (unsigned)(rdata.n >> 8));
	buf_u8(&wire, (unsigned)(rdata.n & 255));
	buf_add(&wire, rdata);
	if (buf_done(&wire) != OK || ldns_wire2rr(&rr, (const uint8_t *)wire.p, wire.n, &at,
						  LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		return NULL;
	return rr;
}

/* False: ldns does not know it, or reads something else from what it would print. */
static bool print_by_ldns(uint16_t type, str rdata, struct buf *out)
{
	CLEANUP(free_rr) ldns_rr *rr = rr_of(type, rdata);
	CLEANUP(free_buffer) ldns_buffer *b = ldns_buffer_new(512);
	CLEANUP(buf_free) struct buf back = { 0 };

	if (!rr || !b || ldns_rr_rd_count(rr) == 0)
		return false;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		if (i)
			ldns_buffer_printf(b, " ");
		if (ldns_rdf2buffer_str(b, ldns_rr_rdf(rr, i)) != LDNS_STATUS_OK)
			return false;
	}
	str text = str_of(ldns_buffer_begin(b), ldns_buffer_position(b));

	buf_init(&back, LIM_ZONE_ENTRY);
	if (parse_by_ldns(type, text, STR(""), &back) != OK || !str_eq(buf_str(&back), rdata))
		return false;
	buf_add(out, text);
	return true;
}

void dns_rdata_print(uint16_t type, str rdata, struct buf *out)
{
	const struct dns_form *f = dns_form_of(type);
	const ldns_rr_descriptor *d = ldns_rr_descript(type);

	if (!dns_rdata_valid(type, rdata) || rdata.n == 0)
		print_unknown(rdata, out);
	else if (type == DNS_A || type == DNS_AAAA)
		print_address(type, rdata, out);
	else if (type == DNS_TXT || type == 99)
		print_strings(rdata, out);
	else if (f)
		print_form(f, rdata, out);
	else if (!d || !d->_name || d->_type != type || !print_by_ldns(type, rdata, out))
		print_unknown(rdata, out);
}

/* ---- judging and lowering ---- */

static bool valid_form(const struct dns_form *f, str rdata)
{
	size_t at = f->before;

	if (rdata.n < at)
		return false;
	for (unsigned i = 0; i < f->names; i++) {
		str name = name_at(rdata, at);

		if (!dns_name_valid(name))
			return false;
		at += name.n;
	}
	return rdata.n - at == f->after;
}

static bool valid_strings(str rdata)
{
	size_t at = 0;

	while (at < rdata.n)
		at += (unsigned char)rdata.p[at] + 1u;
	return rdata.n > 0 && at == rdata.n;
}

bool dns_rdata_valid(uint16_t type, str rdata)
{
	const struct dns_form *f = dns_form_of(type);

	if (rdata.n > UINT16_MAX)
		return false;
	if (f)
		return valid_form(f, rdata);
	switch (type) {
	case DNS_A:
		return rdata.n == 4;
	case DNS_AAAA:
		return rdata.n == 16;
	case DNS_TXT:
	case 99:
		return valid_strings(rdata);
	default:
		return dns_rdata_valid_more(type, rdata);
	}
}

static void lower_at(char *rdata, size_t n, size_t at)
{
	while (at < n && rdata[at]) {
		size_t end = at + (unsigned char)rdata[at] + 1u;

		for (at++; at < end && at < n; at++)
			rdata[at] = ch_lower(rdata[at]);
	}
}

void dns_rdata_canonical(uint16_t type, char *rdata, size_t n)
{
	size_t at[2];
	unsigned names = dns_rdata_names(type, str_of(rdata, n), at);

	for (unsigned i = 0; i < names; i++)
		lower_at(rdata, n, at[i]);
	if (type == DNS_RRSIG && n > 18)
		lower_at(rdata, n, 18);
	if (type == 35) { /* NAPTR: behind two numbers and three texts */
		size_t i = 4;

		for (unsigned k = 0; k < 3 && i < n; k++)
			i += (unsigned char)rdata[i] + 1u;
		lower_at(rdata, n, i);
	}
}

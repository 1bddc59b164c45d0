#include "formats/dns/name.h"

#include <string.h>

/* ---- text to wire ---- */

/* One octet of text, with its escape (RFC 1035 5.1): \DDD or \X. E_SYNTAX: a bad escape. */
static err take_octet(str *text, unsigned char *out, bool *escaped)
{
	str t = *text;

	*escaped = t.p[0] == '\\';
	if (!*escaped) {
		*out = (unsigned char)t.p[0];
		*text = str_skip(t, 1);
		return OK;
	}
	if (t.n >= 4 && ch_digit(t.p[1]) && ch_digit(t.p[2]) && ch_digit(t.p[3])) {
		unsigned v = (unsigned)(t.p[1] - '0') * 100 + (unsigned)(t.p[2] - '0') * 10 +
			     (unsigned)(t.p[3] - '0');

		if (v > 255)
			return fail(E_SYNTAX, "an escape above \\255");
		*out = (unsigned char)v;
		*text = str_skip(t, 4);
		return OK;
	}
	if (t.n < 2 || ch_digit(t.p[1]))
		return fail(E_SYNTAX, "an escape that is cut");
	*out = (unsigned char)t.p[1];
	*text = str_skip(t, 2);
	return OK;
}

/* A label with its length before it; *dot: a dot ended it. */
static err take_label(str *text, struct dns_name *n, bool *dot)
{
	size_t at = n->n, len = 0;

	*dot = false;
	while (text->n && !*dot) {
		unsigned char c;
		bool escaped;

		TRY(take_octet(text, &c, &escaped));
		*dot = c == '.' && !escaped;
		if (*dot)
			break;
		if (len == DNS_LABEL_MAX)
			return fail(E_SYNTAX, "a label over 63 octets");
		if (at + 1 + len >= DNS_NAME_MAX - 1)
			return fail(E_LIMIT, "a name over 255 octets");
		n->p[at + 1 + len++] = c;
	}
	if (len == 0)
		return fail(E_SYNTAX, "an empty label");
	n->p[at] = (unsigned char)len;
	n->n = (unsigned char)(at + 1 + len);
	return OK;
}

err dns_name_parse(str text, str origin, struct dns_name *out)
{
	struct dns_name n = { .n = 0 };
	bool dot = false;

	if (text.n == 0)
		return fail(E_SYNTAX, "an empty name");
	if (str_eq(text, STR("."))) {
		n.p[0] = 0;
		n.n = 1;
		*out = n;
		return OK;
	}
	bool at = str_eq(text, STR("@"));

	while (text.n && !at)
		TRY(take_label(&text, &n, &dot));
	if (dot)
		origin = str_of("", 1); /* the root */
	if (origin.n == 0)
		return fail(E_SYNTAX, "a relative name without an origin");
	if (n.n + origin.n > DNS_NAME_MAX)
		return fail(E_LIMIT, "a name over 255 octets");
	memcpy(n.p + n.n, origin.p, origin.n);
	n.n = (unsigned char)(n.n + origin.n);
	*out = n;
	return OK;
}

/* ---- wire to text ---- */

static void print_octet(unsigned char c, struct buf *out)
{
	if (c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' ||
	    c == '$')
		buf_fmt(out, "\\%c", c);
	else if (c <= ' ' || c > '~')
		buf_fmt(out, "\\%03u", c);
	else
		buf_addc(out, (char)c);
}

void dns_name_print(str wire, struct buf *out)
{
	const unsigned char *p = (const void *)wire.p;

	if (wire.n <= 1)
		buf_addc(out, '.');
	for (size_t at = 0; at < wire.n && p[at]; at += p[at] + 1u) {
		for (unsigned i = 1; i <= p[at] && at + i < wire.n; i++)
			print_octet(p[at + i], out);
		buf_addc(out, '.');
	}
}

bool dns_name_valid(str s)
{
	const unsigned char *p = (const void *)s.p;
	size_t at = 0;

	if (s.n == 0 || s.n > DNS_NAME_MAX)
		return false;
	while (at < s.n && p[at]) {
		if (p[at] > DNS_LABEL_MAX)
			return false;
		at += p[at] + 1u;
	}
	return at + 1 == s.n;
}

/* ---- comparing ---- */

static unsigned char low(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

/* Lengths of labels are below 'A': lowering every octet leaves them alone. */
void dns_name_lower(struct dns_name *n)
{
	for (unsigned i = 0; i < n->n; i++)
		n->p[i] = low(n->p[i]);
}

bool dns_name_eq(str a, str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (low((unsigned char)a.p[i]) != low((unsigned char)b.p[i]))
			return false;
	return true;
}

/* Where each label begins; gives their number. */
static unsigned starts(str wire, unsigned char at[DNS_LABELS_MAX + 1])
{
	const unsigned char *p = (const void *)wire.p;
	unsigned n = 0;

	for (size_t i = 0; i < wire.n && p[i] && n < DNS_LABELS_MAX; i += p[i] + 1u)
		at[n++] = (unsigned char)i;
	return n;
}

static int cmp_label(const unsigned char *a, const unsigned char *b)
{
	unsigned n = a[0] < b[0] ? a[0] : b[0];

	for (unsigned i = 1; i <= n; i++)
		if (low(a[i]) != low(b[i]))
			return low(a[i]) < low(b[i]) ? -1 : 1;
	return a[0] == b[0] ? 0 : a[0] < b[0] ? -1 : 1;
}

int dns_name_cmp(str a, str b)
{
	unsigned char at_a[DNS_LABELS_MAX + 1], at_b[DNS_LABELS_MAX + 1];
	unsigned na = starts(a, at_a), nb = starts(b, at_b);
	const unsigned char *pa = (const void *)a.p, *pb = (const void *)b.p;

	for (unsigned i = 1; i <= na && i <= nb; i++) {
		int c = cmp_label(pa + at_a[na - i], pb + at_b[nb - i]);

		if (c)
			return c;
	}
	return na == nb ? 0 : na < nb ? -1 : 1;
}

unsigned dns_name_labels(str wire)
{
	const unsigned char *p = (const void *)wire.p;
	unsigned n = 0;

	for (size_t i = 0; i < wire.n && p[i]; i += p[i] + 1u)
		n++;
	return n;
}

str dns_name_parent(str wire)
{
	const unsigned char *p = (const void *)wire.p;

	return wire.n <= 1 ? wire : str_skip(wire, p[0] + 1u);
}

bool dns_name_under(str name, str zone)
{
	const unsigned char *p = (const void *)name.p;
	size_t at = 0;

	if (name.n < zone.n)
		return false;
	while (name.n - at > zone.n && p[at])
		at += p[at] + 1u;
	return dns_name_eq(str_skip(name, at), zone);
}

err dns_name_wildcard(str wire, struct dns_name *out)
{
	if (wire.n + 2 > DNS_NAME_MAX)
		return fail(E_LIMIT, "a name over 255 octets");
	out->p[0] = 1;
	out->p[1] = '*';
	memcpy(out->p + 2, wire.p, wire.n);
	out->n = (unsigned char)(wire.n + 2);
	return OK;
}

bool dns_name_is_wildcard(str wire)
{
	return wire.n >= 2 && wire.p[0] == 1 && wire.p[1] == '*';
}

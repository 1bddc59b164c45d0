#include <arpa/inet.h>

#include "base/enc.h"
#include "formats/smtp/path.h"

/* RFC 5321 4.1.2 (atext is RFC 5322 3.2.3), RFC 6531 3.3 (octets over 127). */
static bool is_atext(char c)
{
	return ch_alnum(c) || (unsigned char)c > 127 ||
	       (c && str_find(STR("!#$%&'*+-/=?^_`{|}~"), c) < sizeof("!#$%&'*+-/=?^_`{|}~") - 1);
}

static bool is_dot_string(str s)
{
	char before = '.';

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? before == '.' : !is_atext(s.p[i]))
			return false;
		before = s.p[i];
	}
	return before != '.';
}

static bool label_valid(str l)
{
	if (!l.n || l.n > 63 || l.p[0] == '-' || l.p[l.n - 1] == '-')
		return false;
	for (size_t i = 0; i < l.n; i++) {
		char c = l.p[i];

		/* '_' is no host name, but senders use it and DNS has it. */
		if (!ch_alnum(c) && c != '-' && c != '_' && (unsigned char)c < 128)
			return false;
	}
	return true;
}

static bool literal_valid(str inside)
{
	unsigned char ip[16];
	char z[64];

	if (str_startsi(inside, STR("IPv6:")))
		return str_to_z(str_skip(inside, 5), z, sizeof(z)) == OK &&
		       inet_pton(AF_INET6, z, ip) == 1;
	return str_to_z(inside, z, sizeof(z)) == OK && inet_pton(AF_INET, z, ip) == 1;
}

bool smtp_domain_valid(str d)
{
	str label;

	if (!d.n || d.n > LIM_SMTP_DOMAIN)
		return false;
	if (d.p[0] == '[')
		return d.p[d.n - 1] == ']' && d.n > 2 &&
		       literal_valid(str_take(str_skip(d, 1), d.n - 2));
	if (d.p[d.n - 1] == '.' || !utf8_valid(d))
		return false;
	while (str_next(&d, '.', &label)) {
		if (!label_valid(label))
			return false;
	}
	return true;
}

/* Takes a Quoted-string from the start of *in; its content goes to out. */
static err take_quoted(str *in, struct buf *out)
{
	for (size_t i = 1; i < in->n; i++) {
		char c = in->p[i];

		if (c == '"') {
			*in = str_skip(*in, i + 1);
			return buf_done(out);
		}
		if (c == '\\' && ++i < in->n)
			c = in->p[i];
		if ((unsigned char)c < ' ' || c == 127)
			return fail(E_SYNTAX, "Control character in a quoted local part");
		buf_addc(out, c);
	}
	return fail(E_SYNTAX, "Quoted local part does not end");
}

static err take_local(str *in, struct buf *out)
{
	size_t n = 0;

	if (in->n && in->p[0] == '"')
		return take_quoted(in, out);
	while (n < in->n && (is_atext(in->p[n]) || in->p[n] == '.'))
		n++;
	if (!is_dot_string(str_take(*in, n)))
		return fail(E_SYNTAX, "Local part is not a dot-string");
	buf_add(out, str_take(*in, n));
	*in = str_skip(*in, n);
	return buf_done(out);
}

static void add_local(struct buf *out, str local)
{
	if (is_dot_string(local)) {
		buf_add(out, local);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local.p[i]);
	}
	buf_addc(out, '"');
}

/* Fills out from the checked parts; only here memory is taken. */
static err compose(str local, str domain, struct arena *a, struct smtp_address *out)
{
	CLEANUP(buf_free) struct buf text;
	struct smtp_address r = { 0 };

	buf_init(&text, LIM_SMTP_PATH - 2);
	add_local(&text, local);
	if (domain.n)
		buf_addc(&text, '@');
	for (size_t i = 0; i < domain.n; i++)
		buf_addc(&text, ch_lower(domain.p[i]));
	if (buf_done(&text))
		return fail(E_LIMIT, "Address is longer than %d octets", LIM_SMTP_PATH);
	r.text = arena_dup(a, buf_str(&text));
	r.local = arena_dup(a, local);
	if (!r.text.p || !r.local.p)
		return fail(E_LIMIT, "No memory for the address");
	r.domain = str_skip(r.text, r.text.n - domain.n);
	r.utf8 = !str_ascii(r.text);
	*out = r;
	return OK;
}

/* domain "" is allowed for the caller who takes <postmaster>. */
static err parse_mailbox(str in, bool bare_local, struct arena *a, struct smtp_address *out)
{
	CLEANUP(buf_free) struct buf local;

	buf_init(&local, LIM_SMTP_LOCAL);
	err e = take_local(&in, &local);
	if (e == E_LIMIT)
		return fail(E_LIMIT, "Local part is longer than %d octets", LIM_SMTP_LOCAL);
	TRY(e);
	if (!utf8_valid(buf_str(&local)))
		return fail(E_SYNTAX, "Local part is not UTF-8");
	if (!in.n && bare_local)
		return compose(buf_str(&local), in, a, out);
	if (!in.n || in.p[0] != '@')
		return fail(E_SYNTAX, "Address needs @ and a domain");
	in = str_skip(in, 1);
	if (in.n > LIM_SMTP_DOMAIN)
		return fail(E_LIMIT, "Domain is longer than %d octets", LIM_SMTP_DOMAIN);
	if (!smtp_domain_valid(in))
		return fail(E_SYNTAX, "Domain is malformed");
	return compose(buf_str(&local), in, a, out);
}

err smtp_parse_address(str in, struct arena *a, struct smtp_address *out)
{
	return parse_mailbox(in, false, a, out);
}

/* Length of "<...>" at the start of in, 0 when it does not end; a quoted '>' does not end it. */
static size_t path_length(str in)
{
	bool quoted = false;

	for (size_t i = 1; i < in.n; i++) {
		if (quoted && in.p[i] == '\\')
			i++;
		else if (in.p[i] == '"')
			quoted = !quoted;
		else if (in.p[i] == '>' && !quoted)
			return i + 1;
	}
	return 0;
}

/* A-d-l ":" of RFC 5321 4.1.2, dropped as its appendix C says. */
static err drop_route(str *mailbox)
{
	str route, hop;

	if (!str_cut(*mailbox, ':', &route, mailbox))
		return fail(E_SYNTAX, "Source route does not end");
	while (str_next(&route, ',', &hop)) {
		if (!hop.n || hop.p[0] != '@' || !smtp_domain_valid(str_skip(hop, 1)))
			return fail(E_SYNTAX, "Source route is malformed");
	}
	return OK;
}

err smtp_take_path(str *args, enum smtp_path_kind kind, struct arena *a, struct smtp_address *out,
		   bool *routed)
{
	size_t n = args->n && args->p[0] == '<' ? path_length(*args) : 0;

	if (!n)
		return fail(E_SYNTAX, "Address must stand in < and >");
	str inside = str_take(str_skip(*args, 1), n - 2);

	*routed = inside.n && inside.p[0] == '@';
	if (*routed)
		TRY(drop_route(&inside));
	if (!inside.n && kind == SMTP_REVERSE_PATH && !*routed)
		*out = (struct smtp_address){ STR(""), STR(""), STR(""), false };
	else
		TRY(parse_mailbox(inside,
				  kind == SMTP_FORWARD_PATH && str_eqi(inside, STR("postmaster")),
				  a, out));
	*args = str_skip(*args, n);
	return OK;
}

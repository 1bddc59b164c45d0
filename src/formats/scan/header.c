/* What a header rule matches: fields by name with modifiers, and pseudo-fields. */
#include <string.h>

#include "formats/scan/view.h"

struct wanted {
	str name;
	bool raw, addr, person, host, domain, ip, revip, first, last;
};

static struct wanted read_spec(str spec)
{
	struct wanted w = { .raw = false };
	str rest = spec, mod;

	(void)str_next(&rest, ':', &w.name);
	while (str_next(&rest, ':', &mod)) {
		w.raw |= str_eq(mod, STR("raw"));
		w.addr |= str_eq(mod, STR("addr"));
		w.person |= str_eq(mod, STR("name"));
		w.domain |= str_eq(mod, STR("domain"));
		w.host |= w.domain || str_eq(mod, STR("host"));
		w.revip |= str_eq(mod, STR("revip"));
		w.ip |= w.revip || str_eq(mod, STR("ip"));
		w.first |= str_eq(mod, STR("first"));
		w.last |= str_eq(mod, STR("last"));
	}
	return w;
}

static str with_line_end(struct scan_mail *m, str v)
{
	struct out o;

	if (!view_out(m, &o, v.n + 1))
		return STR("");
	out_add(&o, v);
	out_c(&o, '\n');
	return out_str(&o);
}

/* Folds become a blank. */
static str unfold_raw(struct scan_mail *m, str v)
{
	struct out o;

	if (!view_out(m, &o, v.n))
		return v;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n' && i + 1 < v.n && is_space(v.p[i + 1])) {
			while (i + 1 < v.n && is_space(v.p[i + 1]))
				i++;
			out_c(&o, ' ');
		} else {
			out_c(&o, v.p[i]);
		}
	}
	return out_str(&o);
}

static void get_fields(struct scan_mail *m, str name, bool raw, bool unfold, struct view_list *l)
{
	for (size_t i = 0; i < m->root->fields.n; i++) {
		struct view_field *f = &m->root->fields.v[i];

		if (!str_eqi(f->name, name))
			continue;
		if (raw)
			view_push(m, l, unfold ? unfold_raw(m, f->raw) : f->raw);
		else
			view_push(m, l, with_line_end(m, view_value(m, f)));
	}
}

/* The lines of all fields: decoded, or as they stand. */
static void all_lines(struct scan_mail *m, bool raw, struct view_list *l)
{
	str rest = m->head, line, field = STR("");
	size_t size = 0;

	if (!raw) {
		for (size_t i = 0; i < m->root->fields.n; i++) {
			struct view_field *f = &m->root->fields.v[i];
			str v = view_value(m, f);
			struct out o;

			size += f->name.n + v.n + 3;
			if (size > LIM_SCAN_HEADER) {
				m->flags |= SCAN_FLAG_HEADER_TRUNCATED;
				break;
			}
			if (!view_out(m, &o, f->name.n + v.n + 3))
				break;
			out_add(&o, f->name);
			out_add(&o, STR(": "));
			out_add(&o, v);
			out_c(&o, '\n');
			view_push(m, l, out_str(&o));
		}
		return;
	}
	while (view_line(&rest, &line)) {
		if (field.n && (line.p[0] == ' ' || line.p[0] == '\t')) {
			field.n += line.n;
			continue;
		}
		if (field.n)
			view_push(m, l, field);
		field = str_find(STR(" \t\n"), line.p[0]) < 3 ? STR("") : line;
	}
	if (field.n)
		view_push(m, l, field);
}

/* The lines from the Received field number from (all: -1 means from the start) up to number to
 * (none: -1), that one included. */
static void lines_between(struct scan_mail *m, bool raw, int from, int to, bool to_end,
			  struct view_list *l)
{
	struct view_list all = { .n = 0 };
	int at = -1;

	if (!to_end && to < 0)
		return;
	all_lines(m, raw, &all);
	for (size_t i = 0; i < all.n; i++) {
		if (str_startsi(all.v[i], STR("Received:")))
			at++;
		if (at < from)
			continue;
		if (!to_end && at > to)
			break;
		view_push(m, l, all.v[i]);
		if (!to_end && at == to)
			break;
	}
}

/* ---- the envelope's sender ---- */

static bool first_address(struct scan_mail *m, str name, str *out)
{
	for (size_t i = 0; i < m->root->fields.n; i++) {
		size_t n;
		struct view_address *v;

		if (!str_eqi(m->root->fields.v[i].name, name))
			continue;
		v = view_addresses(m, m->root->fields.v[i].raw, &n);
		for (size_t j = 0; j < n; j++)
			if (v[j].address.p) {
				*out = v[j].address;
				return true;
			}
		return false;
	}
	return false;
}

static bool comes_after_received(struct scan_mail *m, str name)
{
	bool received = false;

	for (size_t i = 0; i < m->root->fields.n; i++) {
		str n = m->root->fields.v[i].name;

		if (str_eqi(n, STR("Received")))
			received = true;
		else if (received && str_eqi(n, name))
			return true;
	}
	return false;
}

static bool fetched(struct scan_mail *m)
{
	for (size_t i = 0; i < m->root->fields.n; i++) {
		struct view_field *f = &m->root->fields.v[i];

		if (str_eqi(f->name, STR("Received")) &&
		    str_search(f->raw, STR("(fetchmail")) < f->raw.n)
			return true;
	}
	return false;
}

static bool find_envelope(struct scan_mail *m, str *out)
{
	const struct scan_relays *r = scan_relays(m);
	const struct scan_relay *hop = NULL;

	if (m->env && m->env->known) {
		*out = m->env->from;
		return true;
	}
	for (size_t i = 0; i < r->n && (!hop || hop->trusted); i++)
		hop = &r->v[i];
	if (hop && hop->envfrom.p &&
	    (hop->envfrom.n == 0 ||
	     (str_find(hop->envfrom, '@') > 0 && str_find(hop->envfrom, '@') < hop->envfrom.n))) {
		*out = hop->envfrom;
		return true;
	}
	if (first_address(m, STR("X-Sender"), out) && fetched(m))
		return false;
	if (first_address(m, STR("X-Envelope-From"), out))
		return !comes_after_received(m, STR("X-Envelope-From"));
	if (first_address(m, STR("Envelope-Sender"), out) &&
	    !comes_after_received(m, STR("Envelope-Sender")))
		return true;
	return first_address(m, STR("Return-Path"), out) &&
	       !comes_after_received(m, STR("Return-Path"));
}

static bool envelope_from(struct scan_mail *m, str *out)
{
	if (!m->envelope_done) {
		m->envelope_done = true;
		m->envelope_known = find_envelope(m, &m->envelope_from);
	}
	*out = m->envelope_from;
	return m->envelope_known;
}

/* ---- pseudo-fields ---- */

static bool get_pseudo(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	static const str relays[] = { S("X-Spam-Relays-Trusted"), S("X-Spam-Relays-Untrusted"),
				      S("X-Spam-Relays-Internal"), S("X-Spam-Relays-External") };
	static const str ids[] = { S("X-Message-Id"), S("Resent-Message-Id"),
				   S("X-Original-Message-ID"), S("Message-Id") };
	str from;

	if (str_eqi(w->name, STR("EnvelopeFrom"))) {
		if (envelope_from(m, &from))
			view_push(m, l, from);
		return true;
	}
	if (str_startsi(w->name, STR("X-Spam-Relays-"))) {
		(void)scan_relays(m);
		for (size_t i = 0; i < 4; i++)
			if (str_eqi(w->name, relays[i])) {
				view_push(m, l, m->relay_lines[i]);
				return true;
			}
		return false;
	}
	if (str_eqi(w->name, STR("ToCc"))) {
		get_fields(m, STR("To"), w->raw, true, l);
		get_fields(m, STR("Cc"), w->raw, true, l);
		return true;
	}
	if (str_eq(w->name, STR("MESSAGEID"))) {
		for (size_t i = 0; i < 4; i++)
			get_fields(m, ids[i], w->raw, true, l);
		return true;
	}
	return false;
}

/* False: not one of them. */
static bool get_all(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	if (!str_starts(w->name, STR("ALL")))
		return false;
	if (w->name.n == 3)
		all_lines(m, w->raw, l);
	else if ((void)scan_relays(m), str_eq(w->name, STR("ALL-TRUSTED")))
		lines_between(m, w->raw, -1, m->relays.last_trusted + 1, false, l);
	else if (str_eq(w->name, STR("ALL-INTERNAL")))
		lines_between(m, w->raw, -1, m->relays.last_internal + 1, false, l);
	else if (str_eq(w->name, STR("ALL-UNTRUSTED")))
		lines_between(m, w->raw, m->relays.last_trusted + 1, 0, true, l);
	else if (str_eq(w->name, STR("ALL-EXTERNAL")))
		lines_between(m, w->raw, m->relays.last_internal + 1, 0, true, l);
	else
		return false;
	return true;
}

/* ---- modifiers ---- */

/* A phrase as people see it. */
static str person(struct scan_mail *m, str phrase, str name)
{
	str v = view_decode_words(m, phrase, name);
	struct out o;

	if (!view_out(m, &o, v.n))
		return STR("");
	for (size_t i = 0; i < v.n; i++) {
		if (!is_space(v.p[i]))
			out_c(&o, v.p[i]);
		else if (o.n && o.p[o.n - 1] != ' ')
			out_c(&o, ' ');
	}
	if (o.n == 0)
		return v;
	while (o.n && o.p[o.n - 1] == ' ')
		o.n--;
	v = out_str(&o);
	if (v.n > 1 && v.p[0] == '\'' && v.p[v.n - 1] == '\'')
		v = str_of(v.p + 1, v.n - 2);
	return v;
}

static void take_addresses(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	struct view_list in = *l;

	*l = (struct view_list){ .n = 0 };
	for (size_t i = 0; i < in.n; i++) {
		size_t n;
		struct view_address *v = view_addresses(m, in.v[i], &n);

		for (size_t j = 0; j < n; j++) {
			if (w->addr && v[j].address.p)
				view_push(m, l, v[j].address);
			else if (!w->addr && v[j].phrase.p)
				view_push(m, l,
					  w->raw ? v[j].phrase : person(m, v[j].phrase, STR("")));
		}
	}
}

/* A host with a known top level in text: the longest, not glued to something longer. */
static bool host_in(struct scan_mail *m, str s, bool behind_at, str *host)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t end = i, cut;

		if (is_space(s.p[i]) || (i && str_find(STR("._-"), s.p[i - 1]) < 3) ||
		    (behind_at && (i == 0 || s.p[i - 1] != '@')))
			continue;
		while (end < s.n && !is_space(s.p[end]) && end - i < 255)
			end++;
		for (cut = end; cut > i + 2; cut--) {
			if ((cut < s.n && str_find(STR("._-"), s.p[cut]) < 3) ||
			    !ch_alnum(s.p[cut - 1]) ||
			    !view_domain_valid(m, str_of(s.p + i, cut - i)))
				continue;
			*host = str_of(s.p + i, cut - i);
			if (view_fqdn_valid(view_to_ascii(m, *host)))
				return true;
			break;
		}
		if (behind_at)
			continue;
		i = (cut > i + 2 ? cut : end) - 1;
	}
	return false;
}

static void take_hosts(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	struct view_list in = *l;

	*l = (struct view_list){ .n = 0 };
	for (size_t i = 0; i < in.n; i++) {
		str s = str_take(in.v[i], LIM_SCAN_VALUE), host = STR("");
		size_t at = str_rfind(s, '@');

		if (w->addr) {
			if (at < s.n)
				host = str_skip(s, at + 1);
			for (at = 0; at < host.n && !is_space(host.p[at]); at++)
				;
			host = str_take(host, at);
		} else if (!host_in(m, s, true, &host) && !host_in(m, s, false, &host)) {
			continue;
		}
		if (host.n)
			view_push(m, l,
				  w->domain ? view_trim_domain(m, view_lower(m, host)) : host);
	}
}

static str reversed(struct scan_mail *m, str ip)
{
	struct out o;
	str rest = ip;

	if (str_find(ip, ':') < ip.n || !view_out(m, &o, ip.n))
		return (str){ NULL, 0 };
	while (rest.n) {
		size_t dot = str_rfind(rest, '.'), from = dot < rest.n ? dot + 1 : 0;

		if (o.n)
			out_c(&o, '.');
		out_add(&o, str_skip(rest, from));
		rest = str_take(rest, from ? dot : 0);
	}
	return out_str(&o);
}

static void take_ips(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	struct view_list in = *l;

	*l = (struct view_list){ .n = 0 };
	for (size_t i = 0; i < in.n; i++) {
		str s = in.v[i];

		for (size_t j = 0; j < s.n; j++) {
			char before = j ? s.p[j - 1] : ' ';
			size_t n = is_word(before) || before == '.'
					   ? 0
					   : view_ip(str_skip(s, j), before);
			str ip = str_of(s.p + j, n);

			if (!n || (j + n < s.n && s.p[j + n] == '.'))
				continue;
			if (w->revip)
				ip = reversed(m, ip);
			if (ip.p)
				view_push(m, l, ip);
			break;
		}
	}
}

static void get(struct scan_mail *m, const struct wanted *w, struct view_list *l)
{
	if (get_all(m, w, l))
		return;
	if (!get_pseudo(m, w, l))
		get_fields(m, w->name, w->raw || w->addr || w->person, false, l);
	if (l->n > 1 && (w->first || w->last)) {
		l->v[0] = w->first ? l->v[0] : l->v[l->n - 1];
		l->n = 1;
	}
	if (w->addr || w->person)
		take_addresses(m, w, l);
	if (w->host)
		take_hosts(m, w, l);
	else if (w->ip)
		take_ips(m, w, l);
}

str scan_header_all(struct scan_mail *m, str spec, bool *found)
{
	struct wanted w = read_spec(spec);
	struct view_list l = { .n = 0 };
	size_t size = 0;
	struct out o;
	bool gap;

	get(m, &w, &l);
	*found = l.n > 0;
	if (l.n == 0)
		return STR("");
	if (l.n == 1)
		return l.v[0];
	gap = !str_ends(l.v[0], STR("\n"));
	for (size_t i = 0; i < l.n; i++)
		size += l.v[i].n + 1;
	if (!view_out(m, &o, size))
		return STR("");
	for (size_t i = 0; i < l.n; i++) {
		if (i && gap)
			out_c(&o, '\n');
		out_add(&o, l.v[i]);
	}
	return out_str(&o);
}

/* SpamAssassin's get() takes the first where a modifier picks pieces out of fields. */
str scan_header(struct scan_mail *m, str spec, bool *found)
{
	struct wanted w = read_spec(spec);
	struct view_list l = { .n = 0 };

	if (!w.addr && !w.person && !w.host && !w.ip)
		return scan_header_all(m, spec, found);
	get(m, &w, &l);
	*found = l.n > 0;
	return l.n ? l.v[0] : STR("");
}

struct scan_strs scan_headers(struct scan_mail *m, str name, bool raw)
{
	struct view_list l = { .n = 0 };

	for (size_t i = 0; i < m->root->fields.n; i++) {
		struct view_field *f = &m->root->fields.v[i];

		if (str_eqi(f->name, name))
			view_push(m, &l, raw ? f->raw : view_value(m, f));
	}
	return view_strs(&l);
}

struct scan_strs scan_addresses(struct scan_mail *m, str name)
{
	struct wanted w = { .name = name, .addr = true };
	struct view_list l = { .n = 0 };

	get(m, &w, &l);
	return view_strs(&l);
}

#include "formats/mime/header.h"
#include "formats/mime/imap.h"
#include "formats/mime/lex.h"

#define ENVELOPE_ARENA MIB(4) /* octets of addresses while they are printed */

static bool quotable(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127 || s.p[i] == '\r' || s.p[i] == '\n' ||
		    s.p[i] == '\0')
			return false;
	return s.n <= MIME_QUOTED;
}

static void add_literal(struct buf *out, str s)
{
	size_t nuls = 0;

	for (size_t i = 0; i < s.n; i++)
		nuls += s.p[i] == '\0';
	buf_fmt(out, "{%zu}\r\n", s.n - nuls);
	while (s.n) {
		str piece = str_take(s, str_find(s, '\0'));

		buf_add(out, piece);
		s = str_skip(s, piece.n + 1);
	}
}

void mime_add_nstring(struct buf *out, str s)
{
	if (!s.p) {
		buf_add(out, STR("NIL"));
		return;
	}
	if (!quotable(s)) {
		add_literal(out, s);
		return;
	}
	buf_addc(out, '"');
	while (s.n) {
		size_t n = 0;

		while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
			n++;
		buf_add(out, str_take(s, n));
		s = str_skip(s, n);
		if (s.n) {
			buf_addc(out, '\\');
			buf_add(out, str_take(s, 1));
			s = str_skip(s, 1);
		}
	}
	buf_addc(out, '"');
}

enum {
	E_DATE,
	E_SUBJECT,
	E_FROM,
	E_SENDER,
	E_REPLY_TO,
	E_TO,
	E_CC,
	E_BCC,
	E_IN_REPLY_TO,
	E_MESSAGE_ID,
	E_N
};

static const str names[E_N] = { S("Date"),	  S("Subject"),	  S("From"), S("Sender"),
				S("Reply-To"),	  S("To"),	  S("Cc"),   S("Bcc"),
				S("In-Reply-To"), S("Message-ID") };

struct envelope {
	struct arena a;
	struct mime_address *addresses[E_N];
	struct mime_address *last[E_N];
	unsigned count[E_N];
	str texts[E_N];
};

static void envelope_free(struct envelope *e)
{
	arena_free(&e->a);
}

static bool is_address(int i)
{
	return i >= E_FROM && i <= E_BCC;
}

/* For people: runs of white space become one space. */
static str smooth(struct arena *a, str value)
{
	value = str_trim_ws(value);
	char *p = arena_try(a, value.n + 1, 1);
	size_t n = 0;

	for (size_t i = 0; p && i < value.n; i++) {
		if (!mime_ws(value.p[i]))
			p[n++] = value.p[i];
		else if (n && p[n - 1] != ' ')
			p[n++] = ' ';
	}
	return (str){ p, n };
}

/* Lists in several fields are one list, up to the limit of one field: of two Froms both are shown.
 */
static void take_addresses(struct envelope *e, int i, str value)
{
	struct mime_address *m;

	if (e->count[i] >= LIM_MIME_ADDRESSES)
		return;
	m = mime_addresses(&e->a, value);
	if (e->last[i])
		e->last[i]->next = m;
	else
		e->addresses[i] = m;
	for (; m; m = m->next) {
		e->last[i] = m;
		e->count[i]++;
	}
}

/* The first field of a name counts. */
static void take_field(struct envelope *e, int i, str value)
{
	if (is_address(i))
		take_addresses(e, i, value);
	else if (!e->texts[i].p)
		e->texts[i] = i == E_SUBJECT ? smooth(&e->a, value) : mime_unfolded(&e->a, value);
}

static void take_fields(struct envelope *e, str header)
{
	struct mime_fields it = mime_fields(header);
	struct mime_field f;

	while (mime_field(&it, &f))
		for (int i = 0; i < E_N; i++)
			if (str_eqi(f.name, names[i]))
				take_field(e, i, f.value);
	/* RFC 9051 7.5.2: both default to From. */
	if (!e->addresses[E_SENDER])
		e->addresses[E_SENDER] = e->addresses[E_FROM];
	if (!e->addresses[E_REPLY_TO])
		e->addresses[E_REPLY_TO] = e->addresses[E_FROM];
}

/* RFC 9051 7.5.2: a group shows as a mailbox without a host, its end as one without either. A
 * mailbox that has no host must not look like one, so what is missing gets a name. */
static void add_address(struct arena *a, struct buf *out, const struct mime_address *m)
{
	str mailbox = m->mailbox, domain = m->domain,
	    name = m->name.p ? smooth(a, m->name) : m->name;

	if (m->kind == MIME_MAILBOX) {
		if (!mailbox.n)
			mailbox = STR("MISSING_MAILBOX");
		if (!domain.n)
			domain = STR("MISSING_DOMAIN");
	} else {
		mailbox = m->name;
		name = domain = (str){ NULL, 0 };
	}
	buf_addc(out, '(');
	mime_add_nstring(out, name);
	buf_addc(out, ' ');
	mime_add_nstring(out, m->route);
	buf_addc(out, ' ');
	mime_add_nstring(out, mailbox);
	buf_addc(out, ' ');
	mime_add_nstring(out, domain);
	buf_addc(out, ')');
}

static void add_addresses(struct arena *a, struct buf *out, const struct mime_address *m)
{
	if (!m) {
		buf_add(out, STR("NIL"));
		return;
	}
	buf_addc(out, '(');
	for (; m; m = m->next)
		add_address(a, out, m);
	buf_addc(out, ')');
}

void mime_add_envelope(const struct mime_part *part, struct buf *out)
{
	CLEANUP(envelope_free) struct envelope e = { .texts = { { NULL, 0 } } };

	arena_init(&e.a, ENVELOPE_ARENA);
	take_fields(&e, part->header);
	for (int i = 0; i < E_N; i++) {
		buf_addc(out, i ? ' ' : '(');
		if (is_address(i))
			add_addresses(&e.a, out, e.addresses[i]);
		else
			mime_add_nstring(out, e.texts[i]);
	}
	buf_addc(out, ')');
}

#include "base/enc.h"
#include "base/limits.h"
#include "formats/mailauth/dkim.h"

enum { WIDTH = 76 };

struct writer {
	struct buf *out;
	size_t line; /* where the line under way begins */
};

static void fold_for(struct writer *w, size_t n)
{
	if (w->out->n - w->line + n <= WIDTH)
		return;
	buf_add(w->out, STR("\r\n\t"));
	w->line = w->out->n - 1;
}

/* " d=example.com;" or, for the first, without a space before it. */
static void tag(struct writer *w, const char *name, str value)
{
	fold_for(w, value.n + 5);
	if (w->out->n - w->line > 1)
		buf_addc(w->out, ' ');
	buf_fmt(w->out, "%s=%.*s;", name, STRF(value));
}

static void number(struct writer *w, const char *name, int64_t v)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	if (v < 0)
		return;
	buf_init(&b, 32);
	buf_fmt(&b, "%lld", (long long)v);
	tag(w, name, buf_str(&b));
}

/* 2.11 */
static void quoted(struct writer *w, str identity)
{
	static const char hex[] = "0123456789ABCDEF";
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, LIM_DKIM_FIELD);
	for (size_t i = 0; i < identity.n; i++) {
		unsigned char c = (unsigned char)identity.p[i];

		if (c > ' ' && c < 127 && c != ';' && c != '=') {
			buf_addc(&b, (char)c);
		} else {
			buf_addc(&b, '=');
			buf_addc(&b, hex[c / 16]);
			buf_addc(&b, hex[c % 16]);
		}
	}
	tag(w, "i", buf_str(&b));
}

static void names(struct writer *w, const struct dkim_writing *d)
{
	fold_for(w, WIDTH);
	buf_add(w->out, STR("h="));
	for (size_t i = 0; i < d->nnames; i++) {
		fold_for(w, d->names[i].n + 1);
		buf_add(w->out, d->names[i]);
		buf_addc(w->out, i + 1 < d->nnames ? ':' : ';');
	}
}

static void body_hash(struct writer *w, str bh)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, 64);
	enc_base64(&b, bh);
	tag(w, "bh", buf_str(&b));
}

static str canon_name(const struct dkim_writing *d)
{
	if (d->relaxed_header)
		return d->relaxed_body ? STR("relaxed/relaxed") : STR("relaxed/simple");
	return d->relaxed_body ? STR("simple/relaxed") : STR("simple/simple");
}

void dkim_write(struct buf *out, enum dkim_kind kind, const struct dkim_writing *d)
{
	static const char *const fields[] = { "DKIM-Signature:", "ARC-Message-Signature:",
					      "ARC-Seal:" };
	struct writer w = { out, out->n };

	buf_add(out, str_z(fields[kind]));
	if (kind == DKIM_SIGNATURE)
		tag(&w, "v", STR("1"));
	else
		number(&w, "i", d->instance);
	tag(&w, "a", d->algorithm == DKIM_RSA_SHA256 ? STR("rsa-sha256") : STR("ed25519-sha256"));
	if (kind == DKIM_ARC_SEAL)
		tag(&w, "cv", d->chain);
	else
		tag(&w, "c", canon_name(d));
	tag(&w, "d", d->domain);
	tag(&w, "s", d->selector);
	if (kind == DKIM_SIGNATURE && d->identity.n)
		quoted(&w, d->identity);
	number(&w, "t", d->time);
	number(&w, "x", d->expires);
	if (kind != DKIM_ARC_SEAL) {
		names(&w, d);
		body_hash(&w, d->bh);
	}
	fold_for(&w, WIDTH);
	buf_add(out, STR("b="));
}

void dkim_write_b(struct buf *out, str signature)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(4));
	enc_base64(&b, signature);
	out->e = out->e ? out->e : buf_done(&b);
	for (str rest = buf_str(&b); rest.n; rest = str_skip(rest, WIDTH - 4)) {
		if (rest.n != b.n)
			buf_add(out, STR("\r\n\t "));
		buf_add(out, str_take(rest, WIDTH - 4));
	}
	buf_add(out, STR("\r\n"));
}

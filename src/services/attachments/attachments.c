#include "services/attachments/attachments.h"

#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/mime/text.h"
#include "formats/zip/zip.h"
#include "services/attachments/name.h"

enum {
	HEAD = 256,	  /* octets that tell a file's kind */
	SHOWN = 200,	  /* octets of a name in an answer */
	GROWS = 10 << 20, /* octets below which no file is a bomb */
};

static const struct {
	const char *symbol, *text;
} whys[ATTACHMENT_WHYS] = {
	[ATTACHMENT_PROGRAM] = { "ATTACHMENT_PROGRAM", "a program" },
	[ATTACHMENT_CONTENT] = { "ATTACHMENT_CONTENT", "a program under another name" },
	[ATTACHMENT_DOUBLE] = { "ATTACHMENT_DOUBLE", "a program that is named as a document" },
	[ATTACHMENT_DIRECTION] = { "ATTACHMENT_DIRECTION", "a name that is written backwards" },
	[ATTACHMENT_FORBIDDEN] = { "ATTACHMENT_FORBIDDEN", "a forbidden kind of file" },
	[ATTACHMENT_ENCRYPTED] = { "ATTACHMENT_ENCRYPTED", "an archive under a password" },
	[ATTACHMENT_BOMB] = { "ATTACHMENT_BOMB", "an archive that grows too much" },
	[ATTACHMENT_NESTED] = { "ATTACHMENT_NESTED", "too many archives inside one another" },
	[ATTACHMENT_TEST] = { "ATTACHMENT_TEST", "the test file of antivirus programs" },
	[ATTACHMENT_BROKEN] = { "ATTACHMENT_BROKEN",
				"an archive that programs read differently, or not at all" },
};

struct check {
	const struct attachments_settings *set;
	struct arena *a;
	struct attachments *out;
	size_t unpacked;	     /* octets that are left to unpack */
	size_t entries;		     /* of all archives that are left to look at */
	str path[LIM_ZIP_DEPTH + 1]; /* the file in hand and the archives around it */
	unsigned depth;
};

/* ---- what was found ---- */

/* "invoice.zip: inner.zip: invoice.exe" */
static str show_path(const struct check *c)
{
	struct buf b;

	buf_init(&b, (LIM_ZIP_DEPTH + 1) * (3 * SHOWN + 2));
	for (unsigned i = 0; i <= c->depth; i++) {
		buf_add(&b, i ? STR(": ") : STR(""));
		utf8_add_shown(&b, c->path[i].n ? str_take(c->path[i], SHOWN) : STR("no name"));
	}
	str s = arena_dup(c->a, buf_str(&b));

	buf_free(&b);
	return s;
}

static void found(struct check *c, enum attachment_why why)
{
	enum attachment_act act = why < ATTACHMENT_WHYS ? c->set->act[why] : ATTACHMENT_PASS;

	if (act == ATTACHMENT_PASS)
		return;
	for (size_t i = 0; i < c->out->n; i++)
		if (c->out->v[i].why == why)
			return;
	c->out->v[c->out->n++] =
		(struct attachment_hit){ .why = why,
					 .act = act,
					 .symbol = whys[why].symbol,
					 .text = whys[why].text,
					 .score = act == ATTACHMENT_MARK ? c->set->score : 0,
					 .file = show_path(c) };
}

/* ---- programs by what they begin with ---- */

static bool is_program(str head)
{
	static const str begins[] = {
		S("\177ELF"),	       /* Unix */
		S("\xfe\xed\xfa\xce"), /* Mach-O, in both orders and widths */
		S("\xfe\xed\xfa\xcf"),
		S("\xce\xfa\xed\xfe"),
		S("\xcf\xfa\xed\xfe"),
		S("\xca\xfe\xba\xbe"), /* several of them; a Java class */
		S("L\0\0\0\1\24\2\0"), /* a Windows shortcut */
		S("dex\n"),	       /* Android */
		S("ITSF"),	       /* compiled help */
	};

	for (size_t i = 0; i < COUNT(begins); i++)
		if (str_starts(head, begins[i]))
			return true;
	/* DOS and Windows; letters alone may begin a text. */
	return head.n >= 64 && str_starts(head, STR("MZ")) && memchr(head.p, '\0', 64);
}

/* eicar.org: a file that begins with it. In two halves, so that no scanner finds it here. */
static bool is_test(str head)
{
	str s = str_trim_ws(head), first = STR("X5O!P%@AP[4\\PZX54(P^)7CC)7}$"),
	    second = STR("EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");

	return str_starts(s, first) && str_starts(str_skip(s, first.n), second);
}

static void judge_head(struct check *c, str head)
{
	if (is_program(head))
		found(c, ATTACHMENT_CONTENT);
	if (is_test(head))
		found(c, ATTACHMENT_TEST);
}

/* ---- archives ---- */

static void check_zip(struct check *c, str archive);

static bool grows(const struct check *c, const struct zip_entry *e)
{
	return e->size > GROWS && e->size / (e->data.n + 1) > (uint64_t)c->set->ratio;
}

/* One archive in another. Recursion ends at the settings' depth. */
static void check_inner(struct check *c, const struct zip_entry *e)
{
	CLEANUP(buf_free) struct buf inner;

	buf_init(&inner, c->unpacked);
	if (c->depth >= (unsigned)c->set->depth) {
		found(c, ATTACHMENT_NESTED);
		return;
	}
	err r = zip_unpack(e, &inner);

	c->unpacked -= inner.n;
	if (r == E_LIMIT)
		found(c, ATTACHMENT_BOMB);
	else if (r)
		found(c, ATTACHMENT_BROKEN);
	check_zip(c, buf_str(&inner));
}

static void check_entry(struct check *c, const struct zip_entry *e)
{
	CLEANUP(buf_free) struct buf head;

	buf_init(&head, HEAD);
	for (unsigned i = 0; i < e->nnames && !e->folder; i++) {
		c->path[c->depth] = e->names[i];
		found(c, attachment_name(c->set, e->names[i]));
	}
	c->path[c->depth] = e->names[0];
	if (e->differs)
		found(c, ATTACHMENT_BROKEN);
	if (grows(c, e))
		found(c, ATTACHMENT_BOMB);
	if (e->encrypted) {
		found(c, ATTACHMENT_ENCRYPTED);
		return;
	}
	err r = zip_unpack(e, &head);

	if (r == E_CORRUPT || r == E_NOTFOUND) /* or packed in a way that we do not know */
		found(c, ATTACHMENT_BROKEN);
	judge_head(c, buf_str(&head));
	if (zip_is(buf_str(&head)))
		check_inner(c, e);
}

/* archive: the file at c->path[c->depth]. */
static void check_zip(struct check *c, str archive)
{
	struct zip_entry e;
	struct zip z;

	if (zip_open(archive, &z) != OK) {
		found(c, ATTACHMENT_BROKEN);
		return;
	}
	if (c->depth == LIM_ZIP_DEPTH)
		return;
	c->depth++;
	while (c->entries && zip_next(&z, &e) == OK) {
		c->entries--;
		check_entry(c, &e);
	}
	c->depth--;
	if (z.defects & ZIP_OVERLAP)
		found(c, ATTACHMENT_BOMB);
	if (z.defects & ~(unsigned)ZIP_OVERLAP || !c->entries)
		found(c, ATTACHMENT_BROKEN);
}

/* ---- parts ---- */

/* What a part's encoding hides is undone as far as it is looked at. */
static void check_content(struct check *c, const struct mime_part *p, str name)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, HEAD);
	(void)!mime_decode_body(p, &b);
	judge_head(c, buf_str(&b));
	if (!zip_is(buf_str(&b)) && !str_endsi(str_trim(name), STR(".zip")))
		return;
	buf_free(&b);
	buf_init(&b, LIM_MESSAGE);
	(void)!mime_decode_body(p, &b); /* what is over the longest message is cut */
	check_zip(c, buf_str(&b));
}

static void check_part(struct check *c, const struct mime_part *p)
{
	str names[] = { mime_param(p->disposition_params, STR("filename")),
			mime_param(p->params, STR("name")) };

	for (size_t i = 0; i < COUNT(names); i++) {
		c->path[0] = names[i];
		if (names[i].n)
			found(c, attachment_name(c->set, names[i]));
	}
	c->path[0] = names[0].n ? names[0] : names[1];
	if (p->kind == MIME_LEAF)
		check_content(c, p, c->path[0]);
}

void attachments_check(const struct attachments_settings *set, const struct mime_part *root,
		       struct arena *a, struct attachments *out)
{
	struct check c = { .set = set,
			   .a = a,
			   .out = out,
			   .unpacked = (size_t)set->unpacked,
			   .entries = LIM_ZIP_ENTRIES };

	*out = (struct attachments){ .v = arena_get(a, ATTACHMENT_WHYS * sizeof(*out->v), 16) };
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		check_part(&c, p);
	for (size_t i = out->n; i-- > 0;)
		if (out->v[i].act == ATTACHMENT_REFUSE)
			out->dangerous = &out->v[i];
}

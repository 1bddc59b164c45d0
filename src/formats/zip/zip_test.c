#include "formats/zip/zip.h"

#include <string.h>
#include <zlib.h>

#include "base/limits.h"
#include "base/test.h"

/* ---- archives made here ---- */

static void put(struct buf *b, uint64_t v, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		buf_addc(b, (char)(i < 8 ? v >> 8 * i & 255 : 0));
}

struct file {
	str name, local; /* local: "" = the same */
	str data;
	bool deflated, streamed; /* streamed: the header tells no length */
	unsigned flags;
	str extra; /* of the directory */
};

static str pack(const struct file *f, struct buf *out)
{
	z_stream z = { 0 };

	if (!f->deflated)
		return f->data;
	buf_init(out, MIB(1));
	CHECK(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (Bytef *)(uintptr_t)f->data.p;
	z.avail_in = (uInt)f->data.n;
	z.next_out = (Bytef *)buf_room(out, MIB(1) / 2);
	z.avail_out = (uInt)MIB(1) / 2;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->n = MIB(1) / 2 - z.avail_out;
	(void)deflateEnd(&z);
	return buf_str(out);
}

static void add_local(struct buf *b, const struct file *f, str packed)
{
	str name = f->local.n ? f->local : f->name;

	buf_add(b, STR("PK\3\4"));
	put(b, 20, 2);
	put(b, f->flags | (f->streamed ? 8 : 0), 2);
	put(b, f->deflated ? 8 : 0, 2);
	put(b, 0, 8); /* time, date, CRC */
	put(b, f->streamed ? 0 : packed.n, 4);
	put(b, f->streamed ? 0 : f->data.n, 4);
	put(b, name.n, 2);
	put(b, 0, 2);
	buf_add(b, name);
	buf_add(b, packed);
	if (!f->streamed)
		return;
	buf_add(b, STR("PK\7\10"));
	put(b, 0, 4);
	put(b, packed.n, 4);
	put(b, f->data.n, 4);
}

static void add_record(struct buf *b, const struct file *f, size_t packed, size_t at)
{
	buf_add(b, STR("PK\1\2"));
	put(b, 20, 2);
	put(b, 20, 2);
	put(b, f->flags | (f->streamed ? 8 : 0), 2);
	put(b, f->deflated ? 8 : 0, 2);
	put(b, 0, 8);
	put(b, packed, 4);
	put(b, f->data.n, 4);
	put(b, f->name.n, 2);
	put(b, f->extra.n, 2);
	put(b, 0, 10); /* comment, disk, attributes */
	put(b, at, 4);
	buf_add(b, f->name);
	buf_add(b, f->extra);
}

/* at: where the archive itself begins; 0 but for what comes after something else. */
static void make(struct buf *b, const struct file *f, size_t n, bool directory)
{
	size_t base = b->n, at[8], packed[8];

	for (size_t i = 0; i < n; i++) {
		struct buf room = { 0 };
		str data = pack(&f[i], &room);

		at[i] = b->n - base;
		packed[i] = data.n;
		add_local(b, &f[i], data);
		buf_free(&room);
	}
	size_t start = b->n;

	if (!directory)
		return;
	for (size_t i = 0; i < n; i++)
		add_record(b, &f[i], packed[i], at[i]);
	size_t size = b->n - start;

	buf_add(b, STR("PK\5\6"));
	put(b, 0, 4);
	put(b, n, 2);
	put(b, n, 2);
	put(b, size, 4);
	put(b, start - base, 4);
	put(b, 0, 2);
}

/* ---- what is read of them ---- */

static void list(str archive, struct buf *out, unsigned *defects)
{
	struct zip_entry e;
	struct zip z;

	buf_reset(out);
	if (zip_open(archive, &z) != OK) {
		buf_add(out, STR("none"));
		*defects = 0;
		return;
	}
	while (zip_next(&z, &e) == OK) {
		CLEANUP(buf_free) struct buf data;

		buf_init(&data, 100);
		for (unsigned i = 0; i < e.nnames; i++)
			buf_fmt(out, "%s%.*s", i ? "|" : "", STRF(e.names[i]));
		err r = zip_unpack(&e, &data);

		buf_fmt(out, "%s%s=%.*s%s ", e.differs ? "!" : "", e.encrypted ? "#" : "",
			STRF(buf_str(&data)),
			r == E_LIMIT	  ? "..."
			: r == E_CORRUPT  ? "?"
			: r == E_NOTFOUND ? "??"
					  : "");
	}
	*defects = z.defects;
}

TEST(zip_entries)
{
	static const struct {
		struct file v[2];
		size_t n;
		bool directory;
		str want;
		unsigned defects;
	} rows[] = {
		{ { { .name = S("a.txt"), .data = S("hello") },
		    { .name = S("b/"), .data = S("") } },
		  2,
		  true,
		  S("a.txt=hello b/= "),
		  0 },
		{ { { .name = S("a.txt"), .data = S("hello hello hello"), .deflated = true } },
		  1,
		  true,
		  S("a.txt=hello hello hello "),
		  0 },
		/* 4.4.4 bit 3: the lengths stand behind the data */
		{ { { .name = S("s"), .data = S("streamed"), .deflated = true, .streamed = true },
		    { .name = S("t"), .data = S("too") } },
		  2,
		  true,
		  S("s=streamed t=too "),
		  0 },
		{ { { .name = S("s"), .data = S("streamed"), .deflated = true, .streamed = true },
		    { .name = S("t"), .data = S("too") } },
		  2,
		  false,
		  S("s=streamed t=too "),
		  ZIP_NO_DIRECTORY },
		{ { { .name = S("a.txt"), .local = S("a.exe"), .data = S("x") } },
		  1,
		  true,
		  S("a.txt|a.exe!=x "),
		  0 },
		{ { { .name = S("k"), .data = S("secret"), .flags = 1 } }, 1, true, S("k#= "), 0 },
		{ { { .name = S("k"), .data = S("secret"), .flags = 1 << 13 } },
		  1,
		  true,
		  S("k#= "),
		  0 },
		/* 4.6.9 */
		{ { { .name = S("a.txt"),
		      .data = S("x"),
		      .extra = S("\x75\x70\x0a\0\1cccca.exe") } },
		  1,
		  true,
		  S("a.txt|a.exe=x "),
		  0 },
		{ { { .name = S("e") } }, 0, true, S(""), 0 },
	};
	struct buf b, text;
	unsigned defects;

	buf_init(&b, MIB(2));
	buf_init(&text, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		make(&b, rows[i].v, rows[i].n, rows[i].directory);
		CHECK_ROW(i, zip_is(buf_str(&b)));
		list(buf_str(&b), &text, &defects);
		CHECK_STR_ROW(i, buf_str(&text), rows[i].want);
		CHECK_ROW(i, defects == rows[i].defects);
	}
	buf_free(&b);
	buf_free(&text);
}

/* Programs disagree on which of two archives in one file counts: both are read. */
TEST(zip_two_in_one)
{
	static const struct file first = { .name = S("bad.exe"), .data = S("MZ") },
				 second = { .name = S("good.txt"), .data = S("x") };
	struct buf b, text;
	unsigned defects;

	buf_init(&b, MIB(1));
	buf_init(&text, KIB(4));
	make(&b, &first, 1, true);
	make(&b, &second, 1, true);
	list(buf_str(&b), &text, &defects);
	CHECK_STR(buf_str(&text), STR("good.txt=x bad.exe=MZ "));
	CHECK(defects == ZIP_BEFORE);
	/* a program that unpacks itself */
	buf_reset(&b);
	buf_add(&b, STR("MZ and a program"));
	make(&b, &second, 1, true);
	list(buf_str(&b), &text, &defects);
	CHECK_STR(buf_str(&text), STR("good.txt=x "));
	CHECK(defects == 0 && !zip_is(buf_str(&b)));
	buf_free(&b);
	buf_free(&text);
}

TEST(zip_bounds)
{
	struct file f[2] = { { .name = S("zeros"), .deflated = true }, { .name = S("b") } };
	static char zeros[100000];
	struct buf b, text;
	unsigned defects;

	memset(zeros, '0', sizeof(zeros));
	f[0].data = str_of(zeros, sizeof(zeros));
	buf_init(&b, MIB(1));
	buf_init(&text, MIB(1));
	make(&b, f, 1, true);
	list(buf_str(&b), &text, &defects);
	CHECK(str_ends(buf_str(&text), STR("... ")) && text.n == 6 + 100 + 4); /* 100 octets, cut */
	/* each shorter piece of it ends in peace */
	for (size_t n = b.n; n-- > 0;)
		list(str_take(buf_str(&b), n), &text, &defects);
	/* every octet changed */
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] = (char)~b.p[i];
		list(buf_str(&b), &text, &defects);
		b.p[i] = (char)~b.p[i];
	}
	/* two entries of the directory that share one's bytes */
	buf_reset(&b);
	f[0].deflated = false;
	f[0].data = str_of(zeros, 1000);
	add_local(&b, &f[0], f[0].data);
	size_t start = b.n;

	for (unsigned i = 0; i < 3; i++)
		add_record(&b, &f[0], 1000, 0);
	size_t size = b.n - start;

	buf_add(&b, STR("PK\5\6"));
	put(&b, 0, 8);
	put(&b, size, 4);
	put(&b, start, 4);
	put(&b, 0, 2);
	list(buf_str(&b), &text, &defects);
	CHECK(defects == ZIP_OVERLAP);
	buf_free(&b);
	buf_free(&text);
}

TEST(zip_none)
{
	static const str rows[] = { S(""),	 S("PK"),
				    S("PK\3\4"), S("no archive at all"),
				    S("PK\5\6"), S("PK\5\6 0123456789012345") };
	struct zip z;

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, zip_open(rows[i], &z) == E_SYNTAX);
}

TEST(zip_64)
{
	static const char extra[] = "\1\0\x18\0\5\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct file f = { .name = S("z"), .data = S("hello") };
	struct buf b, text;
	unsigned defects;

	buf_init(&b, MIB(1));
	buf_init(&text, KIB(4));
	add_local(&b, &f, f.data);
	size_t start = b.n;

	f.extra = str_of(extra, sizeof(extra) - 1);
	add_record(&b, &f, UINT32_MAX, UINT32_MAX);
	memset(b.p + start + 20, 0xff, 8);
	size_t size = b.n - start, end64 = b.n;

	buf_add(&b, STR("PK\6\6"));
	put(&b, 44, 8);
	put(&b, 0, 28);
	put(&b, size, 8);
	put(&b, start, 8);
	buf_add(&b, STR("PK\6\7"));
	put(&b, 0, 4);
	put(&b, end64, 8);
	put(&b, 1, 4);
	buf_add(&b, STR("PK\5\6"));
	put(&b, UINT64_MAX, 8);
	put(&b, UINT64_MAX, 8);
	put(&b, 0, 2);
	list(buf_str(&b), &text, &defects);
	CHECK_STR(buf_str(&text), STR("z=hello "));
	CHECK(defects == 0);
	buf_free(&b);
	buf_free(&text);
}

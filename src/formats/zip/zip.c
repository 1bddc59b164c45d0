#include "formats/zip/zip.h"

#include "base/limits.h"
#include "base/mem.h"

enum {
	LOCAL = 30,	/* octets of a local header without its name, 4.3.7 */
	RECORD = 46,	/* of a record of the directory, 4.3.12 */
	END = 22,	/* of the end record, 4.3.16 */
	END64 = 56,	/* 4.3.14 */
	LOCATOR64 = 20, /* 4.3.15 */
	COMMENT = 65535,
	STRONG = 1 << 6 | 1 << 13, /* 4.4.4: strong encryption, masked headers */
};

static unsigned get16(str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return at + 2 > s.n ? 0 : p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(str s, size_t at)
{
	return get16(s, at) | (uint32_t)get16(s, at + 2) << 16;
}

static uint64_t get64(str s, size_t at)
{
	return get32(s, at) | (uint64_t)get32(s, at + 4) << 32;
}

static str sub(str s, size_t at, uint64_t n)
{
	str rest = str_skip(s, at);

	return str_take(rest, n < rest.n ? (size_t)n : rest.n);
}

static bool signed_as(str s, size_t at, const char sign[3])
{
	return str_eq(sub(s, at, 4), str_of((char[]){ 'P', 'K', sign[0], sign[1] }, 4));
}

bool zip_is(str bytes)
{
	return signed_as(bytes, 0, "\3\4") || signed_as(bytes, 0, "\5\6") ||
	       (signed_as(bytes, 0, "\7\10") && signed_as(bytes, 4, "\3\4")); /* 8.5.3: split */
}

/* ---- where the directory is ---- */

/* The end record nearest to the end whose comment fits; s.n when there is none. */
static size_t find_end(str s)
{
	size_t first = s.n > END + COMMENT ? s.n - END - COMMENT : 0;

	for (size_t at = s.n < END ? 0 : s.n - END + 1; at-- > first;)
		if (s.p[at] == 'P' && signed_as(s, at, "\5\6") &&
		    at + END + get16(s, at + 20) <= s.n)
			return at;
	return s.n;
}

struct place {
	uint64_t offset, size; /* of the directory, as the end record has them */
	size_t end;	       /* where the records that follow it begin */
};

static struct place read_end(str s, size_t end)
{
	struct place p = { get32(s, end + 16), get32(s, end + 12), end };

	if (p.offset != UINT32_MAX && p.size != UINT32_MAX)
		return p;
	if (end < LOCATOR64 + END64 || !signed_as(s, end - LOCATOR64, "\6\7"))
		return p;
	size_t at = end - LOCATOR64 - END64;

	if (!signed_as(s, at, "\6\6"))
		return p;
	return (struct place){ get64(s, at + 48), get64(s, at + 40), at };
}

/* The directory ends where the end record begins; what is before the archive's own first octet (a
 * program that unpacks itself, another archive) is told by the offset that it should have. */
static bool find_directory(struct zip *z)
{
	size_t end = find_end(z->archive);

	if (end == z->archive.n)
		return false;
	struct place p = read_end(z->archive, end);

	if (p.size > p.end || p.offset > p.end - p.size)
		return false;
	z->at = p.end - (size_t)p.size;
	z->base = z->at - (size_t)p.offset;
	z->end = p.end;
	return p.size == 0 || signed_as(z->archive, z->at, "\1\2");
}

static bool find_local(struct zip *z)
{
	for (size_t at = 0; at + LOCAL <= z->archive.n; at++)
		if (z->archive.p[at] == 'P' && signed_as(z->archive, at, "\3\4")) {
			z->at = at;
			return true;
		}
	return false;
}

err zip_open(str archive, struct zip *out)
{
	*out = (struct zip){ .archive = archive, .directory = true };
	if (find_directory(out)) {
		if (out->base && zip_is(archive))
			out->defects |= ZIP_BEFORE;
		return OK;
	}
	out->directory = false;
	out->base = 0;
	out->end = archive.n;
	out->defects = ZIP_NO_DIRECTORY;
	return find_local(out) ? OK : fail(E_SYNTAX, "no archive");
}

/* ---- entries ---- */

static void add_name(struct zip_entry *e, str name)
{
	for (unsigned i = 0; i < e->nnames; i++)
		if (str_eq(e->names[i], name))
			return;
	if (e->nnames < ZIP_NAMES)
		e->names[e->nnames++] = name;
}

/* 4.5.3: sizes and offset in 64 bits, each where the field before has no room for it. 4.6.9: the
 * name in Unicode. */
static void read_extra(str extra, struct zip_entry *e, uint64_t *packed, uint64_t *offset)
{
	while (extra.n >= 4) {
		unsigned id = get16(extra, 0);
		str data = sub(extra, 4, get16(extra, 2));
		size_t at = 0;

		if (id == 1 && e->size == UINT32_MAX && (at += 8) <= data.n)
			e->size = get64(data, at - 8);
		if (id == 1 && *packed == UINT32_MAX && (at += 8) <= data.n)
			*packed = get64(data, at - 8);
		if (id == 1 && offset && *offset == UINT32_MAX && (at += 8) <= data.n)
			*offset = get64(data, at - 8);
		if (id == 0x7075 && data.n > 5)
			add_name(e, str_skip(data, 5));
		extra = str_skip(extra, 4 + data.n);
	}
}

static void judge_names(struct zip_entry *e, unsigned flags)
{
	str name = e->names[0];

	e->utf8 = flags & 1 << 11;
	e->encrypted = flags & (1 | STRONG);
	e->folder = name.n && name.p[name.n - 1] == '/';
}

/* What the local header says of an entry that the directory has. */
static void read_local(struct zip *z, uint64_t offset, uint64_t packed, struct zip_entry *e)
{
	str s = z->archive;
	size_t at = size_add(z->base, offset < s.n ? (size_t)offset : s.n);

	if (at >= s.n || s.n - at < LOCAL || !signed_as(s, at, "\3\4")) {
		e->differs = true;
		return;
	}
	unsigned flags = get16(s, at + 6);
	size_t head = LOCAL + (size_t)get16(s, at + 26) + get16(s, at + 28);
	str local = sub(s, at + LOCAL, get16(s, at + 26));

	e->differs = !str_eq(local, e->names[0]) || get16(s, at + 8) != e->method;
	e->encrypted |= flags & 1;
	add_name(e, local);
	e->data = sub(s, at + head, packed);
	if (e->data.n < packed)
		z->defects |= ZIP_CUT;
}

static err next_record(struct zip *z, struct zip_entry *e)
{
	str s = str_take(z->archive, z->end);

	if (!signed_as(s, z->at, "\1\2") || s.n - z->at < RECORD)
		return E_EOF;
	uint64_t packed = get32(s, z->at + 20), offset = get32(s, z->at + 42);
	size_t name = get16(s, z->at + 28), extra = get16(s, z->at + 30);

	e->method = get16(s, z->at + 10);
	e->size = get32(s, z->at + 24);
	add_name(e, sub(s, z->at + RECORD, name));
	judge_names(e, get16(s, z->at + 8));
	read_extra(sub(s, z->at + RECORD + name, extra), e, &packed, &offset);
	read_local(z, offset, packed, e);
	z->at += RECORD + name + extra + get16(s, z->at + 32);
	return OK;
}

/* Of an entry whose header does not tell its length (4.4.4 bit 3): up to the next signature. */
static size_t to_next_signature(str s)
{
	size_t at = 0;

	for (;; at++) {
		at += str_find(str_skip(s, at), 'P');
		if (at >= s.n)
			return s.n;
		if (signed_as(s, at, "\3\4") || signed_as(s, at, "\1\2") ||
		    signed_as(s, at, "\7\10"))
			return at;
	}
}

static err next_local(struct zip *z, struct zip_entry *e)
{
	str s = str_take(z->archive, z->end);

	if (signed_as(s, z->at, "\7\10")) /* 4.3.9: after an entry, with its signature */
		z->at += to_next_signature(str_skip(s, z->at + 4)) + 4;
	if (!signed_as(s, z->at, "\3\4"))
		return E_EOF;
	if (s.n - z->at < LOCAL) {
		z->defects |= ZIP_CUT;
		return E_EOF;
	}
	unsigned flags = get16(s, z->at + 6);
	uint64_t packed = get32(s, z->at + 18);
	size_t name = get16(s, z->at + 26), extra = get16(s, z->at + 28);

	e->method = get16(s, z->at + 8);
	e->size = get32(s, z->at + 22);
	add_name(e, sub(s, z->at + LOCAL, name));
	judge_names(e, flags);
	read_extra(sub(s, z->at + LOCAL + name, extra), e, &packed, NULL);
	str rest = str_skip(s, z->at + LOCAL + name + extra);

	if ((flags & 1 << 3) && !packed)
		packed = to_next_signature(rest);
	e->data = sub(rest, 0, packed);
	if (e->data.n < packed)
		z->defects |= ZIP_CUT;
	z->at += LOCAL + name + extra + e->data.n;
	return OK;
}

/* The archive before the archive: what others read. */
static bool turn_to_first(struct zip *z)
{
	if (!z->directory || !(z->defects & ZIP_BEFORE))
		return false;
	z->directory = false;
	z->end = z->base;
	z->packed = 0;
	return find_local(z);
}

err zip_next(struct zip *z, struct zip_entry *out)
{
	*out = (struct zip_entry){ 0 };
	if (z->entries == LIM_ZIP_ENTRIES) {
		z->defects |= ZIP_MANY;
		return E_EOF;
	}
	err e = z->directory ? next_record(z, out) : next_local(z, out);

	if (e && turn_to_first(z))
		e = next_local(z, out);
	if (e)
		return e;
	z->entries++;
	z->packed += out->data.n;
	if (z->packed > z->archive.n)
		z->defects |= ZIP_OVERLAP;
	return OK;
}

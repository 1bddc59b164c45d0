#include "services/zones/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/hash.h"
#include "base/limits.h"
#include "run/file.h"
#include "services/zones/journal_part.h"

static const str magic = S("posta zone copy 1\n");

enum { CHECKSUM = 4, NAME_PLAIN = 200 /* octets of a file's name made of the zone's */ };

/* ---- octets ---- */

static err add_set(void *arg, const struct zone_rrset *s)
{
	struct buf *out = arg;
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(s, &p, &rdata);) {
		const struct journal_record r = { s->owner, s->type, s->ttl, rdata };

		journal_record_add(out, &r);
	}
	return buf_done(out);
}

err zone_copy_encode(const struct zone *z, struct buf *out)
{
	buf_add(out, magic);
	TRY(zone_each(z, add_set, out));
	buf_u32(out, hash_crc32c(0, buf_str(out)));
	return buf_done(out);
}

err zone_copy_decode(str octets, struct zone_builder *b)
{
	struct journal_record r;

	if (!str_starts(octets, magic) || octets.n < magic.n + CHECKSUM)
		return fail(E_CORRUPT, "no copy of a zone");
	str whole = str_take(octets, octets.n - CHECKSUM);

	if (hash_crc32c(0, whole) != dns_get32(octets.p + whole.n))
		return fail(E_CORRUPT, "the copy's checksum is wrong");
	for (str rest = str_skip(whole, magic.n); rest.n;) {
		if (!journal_next(&rest, &r))
			return fail(E_CORRUPT, "a record of the copy is malformed");
		TRY(zone_builder_add(b, r.owner, r.type, r.ttl, r.rdata));
	}
	return OK;
}

/* ---- files ---- */

/* Letters, digits, - and _ as they are, all else as %XX; of a long name its hash. */
static void file_name(str apex, struct buf *out)
{
	struct dns_name n = { .n = (unsigned char)apex.n };
	CLEANUP(buf_free) struct buf text = { 0 };

	buf_init(&text, KIB(2));
	memcpy(n.p, apex.p, apex.n);
	dns_name_lower(&n);
	dns_name_print(dns_name_str(&n), &text);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (ch_alnum(c) || c == '-' || c == '_' || (c == '.' && i))
			buf_addc(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned)(unsigned char)c);
	}
	if (out->n <= NAME_PLAIN)
		return;
	static const uint8_t key[16] = "posta zone copy";
	uint64_t h = hash_sip(key, dns_name_str(&n));

	out->n = NAME_PLAIN;
	buf_fmt(out, "%%%016llx", (unsigned long long)h);
}

err zone_copy_path(const char *folder, str apex, char *out, size_t room)
{
	CLEANUP(buf_free) struct buf name = { 0 };

	buf_init(&name, KIB(4));
	file_name(apex, &name);
	TRY(buf_done(&name));
	int n = snprintf(out, room, "%s/%.*szone", folder, STRF(buf_str(&name)));

	return n > 0 && (size_t)n < room ? OK : fail(E_LIMIT, "%s: path too long", folder);
}

err zone_copy_write(const char *path, const struct zone *z)
{
	CLEANUP(buf_free) struct buf out = { 0 };

	buf_init(&out, LIM_ZONE_COPY);
	TRY(zone_copy_encode(z, &out));
	return file_replace(path, buf_str(&out), 0600);
}

static err decode(str octets, str apex, struct zone **out)
{
	struct zone_builder *b = zone_builder_new(apex);
	err e = zone_copy_decode(octets, b);

	if (e == OK)
		e = zone_compile(b, out);
	zone_builder_free(b);
	return e == E_SYNTAX ? fail(E_CORRUPT, "the copy is no zone") : e;
}

err zone_copy_read(const char *path, str apex, struct zone **out, int64_t *unix_seconds)
{
	CLEANUP(buf_free) struct buf in = { 0 };
	struct stat st;

	buf_init(&in, LIM_ZONE_COPY);
	TRY(file_read(path, &in));
	if (stat(path, &st) != 0)
		return fail(E_IO, "%s: cannot be looked at", path);
	*unix_seconds = st.st_mtim.tv_sec;
	return decode(buf_str(&in), apex, out);
}

err zone_copy_touch(const char *path, int64_t unix_seconds)
{
	const struct timespec times[2] = { { .tv_sec = unix_seconds }, { .tv_sec = unix_seconds } };

	return utimensat(AT_FDCWD, path, times, 0) == 0
		       ? OK
		       : fail(E_IO, "%s: its time cannot be set", path);
}

void zone_copy_remove(const char *path)
{
	(void)unlink(path);
}

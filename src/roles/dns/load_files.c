/* Zones of master files: those that posta.conf names, and NAME.zone in a folder. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "roles/dns/load_state.h"
#include "run/log.h"
#include "run/work.h"

#define TURN	1000 /* files that are judged between two turns of the others */
#define SETTLED 1000 /* ms since its last change: younger ones may be half written */

struct found {
	struct dns_name apex;
	const char *path, *transfer, *notify;
	bool sign, listed, there;
	struct zone_stamp stamp;
};
struct scan {
	const struct dns_load_settings *set;
	struct load_entry **including; /* zones that include files: nobody else changes them now */
	size_t nincluding;
	struct arena a;
	struct found *v;
	size_t n, cap;
	err folder; /* how the folder could be read */
};

/* ---- on a helper thread ---- */

static struct found *add(struct scan *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->v = mem_resize(s->v, size_mul(s->cap, sizeof(*s->v)));
	}
	s->v[s->n] = (struct found){ .transfer = "", .notify = "" };
	return &s->v[s->n++];
}

static void add_listed(struct scan *s, const struct dns_file *file)
{
	struct found *f = add(s);

	f->apex = file->apex;
	f->path = arena_z(&s->a, file->path);
	f->transfer = arena_z(&s->a, file->transfer);
	f->notify = arena_z(&s->a, file->notify);
	f->sign = file->sign;
	f->listed = true;
	f->there = zone_file_stamp(f->path, &f->stamp) == OK;
}

/* "example.org.zone"; others, and those that begin with a dot, are no zones. */
static void add_in_folder(struct scan *s, const char *file)
{
	struct dirzone_name *name = NEW(&s->a, struct dirzone_name);
	str z = str_z(file);

	if (z.p[0] == '.' || !str_ends(z, STR(".zone")) ||
	    dirzone_name_parse(str_take(z, z.n - 5), name))
		return;
	struct found *f = add(s);

	f->apex = name->wire;
	f->path = arena_fmt(&s->a, "%.*s/%s%c", STRF(s->set->folder), file, 0).p;
	f->there = zone_file_stamp(f->path, &f->stamp) == OK;
}

static err scan_folder(struct scan *s)
{
	const char *path = arena_z(&s->a, s->set->folder);
	DIR *d = opendir(path);
	struct dirent *entry;

	if (!d)
		return fail(E_IO, "%s cannot be read", path);
	while ((entry = readdir(d)))
		add_in_folder(s, entry->d_name);
	(void)closedir(d);
	return OK;
}

static err scan(void *arg)
{
	struct scan *s = arg;

	for (size_t i = 0; i < s->set->nfiles; i++)
		add_listed(s, &s->set->files[i]);
	if (s->set->folder.n)
		s->folder = scan_folder(s);
	for (size_t i = 0; i < s->nincluding; i++) {
		struct load_entry *e = s->including[i];

		e->again |= zone_files_sum(str_z(e->includes)) != e->included;
	}
	return OK;
}

/* ---- on the loop ---- */

static void find_including(const struct dns_load *l, struct scan *s)
{
	str key;
	void *value;

	for (size_t at = 0; map_each(&l->by_apex, &at, &key, &value);) {
		struct load_entry *e = value;

		if (!e->includes)
			continue;
		s->including = mem_resize(s->including,
					  size_mul(s->nincluding + 1, sizeof(*s->including)));
		s->including[s->nincluding++] = e;
	}
}

static bool as_before(const struct load_entry *e, const struct found *f)
{
	return !e->again && zone_stamp_eq(&e->stamp, &f->stamp) &&
	       str_eq(str_z(e->path), str_z(f->path)) && e->source.sign == f->sign &&
	       str_eq(e->source.transfer, str_z(f->transfer)) &&
	       str_eq(e->source.notify, str_z(f->notify));
}

/* A file that is gone leaves its zone served while posta.conf names it. */
static void say_missing(struct load_entry *e, const struct found *f)
{
	if (!e || !e->missing)
		LOG(LOG_WARN, "dns.no_file", KS("file", str_z(f->path)), KI("served", e != NULL));
	if (e)
		e->missing = true;
}

/* Whoever writes a file in place is let finish; who renames a whole one into place is not waited
 * for. */
static bool settled(const struct zone_stamp *s)
{
	int64_t changed = (int64_t)s->mtime.tv_sec * 1000 + s->mtime.tv_nsec / 1000000;
	int64_t age = clock_unix_ms() - changed;

	return age < 0 || age >= SETTLED;
}

static void judge(struct dns_load *l, const struct found *f, bool reread, struct load_batch *b)
{
	struct load_entry *e = load_find(l, dns_name_str(&f->apex));

	if (e && e->seen == l->looks)
		return; /* posta.conf's own line comes before the folder's file */
	if (e && e->path)
		e->seen = l->looks;
	if (!f->there) {
		say_missing(e && e->path ? e : NULL, f);
		return;
	}
	if (!reread && (!settled(&f->stamp) || (e && e->path && as_before(e, f))))
		return;
	struct load_item *it = batch_add(b);

	it->apex = f->apex;
	it->path = arena_z(&b->a, str_z(f->path));
	it->transfer = arena_z(&b->a, str_z(f->transfer));
	it->notify = arena_z(&b->a, str_z(f->notify));
	it->sign = f->sign;
	it->listed = f->listed;
	it->stamp = f->stamp;
}

static void drop_unseen(struct dns_load *l, bool folder_read)
{
	struct load_entry *gone[64];
	str key;
	void *value;
	size_t n;

	do {
		n = 0;
		for (size_t at = 0; n < COUNT(gone) && map_each(&l->by_apex, &at, &key, &value);) {
			struct load_entry *e = value;

			if (e->path && e->seen != l->looks && (e->listed || folder_read))
				gone[n++] = e;
		}
		for (size_t i = 0; i < n; i++) {
			load_remove(l, gone[i]);
			l->all = true; /* the directory may have a zone of that name */
		}
	} while (n);
}

WAITS err load_files(struct dns_load *l, bool reread)
{
	struct scan *s = MEM_NEW(struct scan);
	struct load_batch b;

	s->set = l->o.settings();
	arena_init(&s->a, SIZE_MAX);
	l->next_files = clock_in(s->set->poll);
	find_including(l, s);
	err e = work(POOL_DISK, scan, s);

	if (s->folder && !l->no_folder)
		LOG(LOG_WARN, "dns.no_folder", KS("folder", s->set->folder));
	l->no_folder = s->folder != OK;
	if (!e) {
		l->looks++;
		batch_init(&b, l, NULL);
		for (size_t i = 0; i < s->n && !e; i++) {
			judge(l, &s->v[i], reread, &b);
			if (i % TURN == TURN - 1)
				e = fiber_yield();
		}
		if (!e)
			drop_unseen(l, s->folder == OK);
		if (e)
			batch_drop(&b);
		else
			e = batch_run(&b);
	}
	arena_free(&s->a);
	mem_free(s->v);
	mem_free(s->including);
	mem_free(s);
	return e;
}

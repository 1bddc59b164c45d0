/* How fast formats/mime takes a folder of messages apart. Called by bench/mime; argument: the
 * folder, or files. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "formats/mime/header.h"
#include "formats/mime/imap.h"
#include "formats/mime/text.h"

#define MESSAGES_MAX 100000

struct corpus {
	struct buf *messages;
	size_t n, bytes;
};

static void load(struct corpus *c, const char *dir, const char *name)
{
	char path[1024], chunk[2048];
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	struct buf *b = &c->messages[c->n++];

	buf_init(b, MIB(64));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(b, str_of(chunk, n));
	c->bytes += b->n;
	(void)fclose(f);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void parse(str message, struct arena *a, struct buf *out)
{
	(void)mime_parse(message, a);
	(void)out;
}

static void describe(str message, struct arena *a, struct buf *out)
{
	struct mime_part *p = mime_parse(message, a);

	mime_add_envelope(p, out);
	mime_add_bodystructure(p, out, true);
}

static void read_text(str message, struct arena *a, struct buf *out)
{
	struct mime_part *p = mime_parse(message, a);

	(void)mime_header_text(a, p->header, STR("Subject"));
	if (mime_all_text(p, out) != OK)
		(void)fputs("a text was cut\n", stderr);
}

static void pieces(str message, struct arena *a, struct buf *out)
{
	struct mime_scan s;

	(void)out;
	mime_scan_init(&s, a);
	for (; message.n; message = str_skip(message, KIB(16)))
		mime_scan_feed(&s, str_take(message, KIB(16)));
	(void)mime_scan_end(&s);
}

static void run(const char *name, const struct corpus *c,
		void (*work)(str, struct arena *, struct buf *))
{
	struct arena a;
	struct buf out;
	double best = 1e9;

	arena_init(&a, MIB(64));
	buf_init(&out, MIB(256));
	for (int round = 0; round < 5; round++) {
		double start = now();

		for (size_t i = 0; i < c->n; i++) {
			arena_reset(&a);
			buf_reset(&out);
			work(buf_str(&c->messages[i]), &a, &out);
		}
		double took = now() - start;

		best = took < best ? took : best;
	}
	(void)printf("%-44s %8.0f MB/s %10.0f messages/s\n", name, (double)c->bytes / 1e6 / best,
		     (double)c->n / best);
	buf_free(&out);
	arena_free(&a);
}

int main(int argc, char **argv)
{
	struct corpus c = { .messages = mem_get(MESSAGES_MAX * sizeof(struct buf)) };
	DIR *d = argc > 1 ? opendir(argv[1]) : NULL;

	if (!d) {
		(void)fputs("usage: bench-mime_parse FOLDER\n", stderr);
		return 2;
	}
	for (struct dirent *e; c.n < MESSAGES_MAX && (e = readdir(d));)
		if (e->d_name[0] != '.')
			load(&c, argv[1], e->d_name);
	(void)closedir(d);
	(void)printf("%zu messages, %.1f MB, best of 5 rounds, one core\n", c.n,
		     (double)c.bytes / 1e6);
	run("parse", &c, parse);
	run("parse in pieces of 16 KiB", &c, pieces);
	run("parse, ENVELOPE and BODYSTRUCTURE", &c, describe);
	run("parse, subject, all text as UTF-8", &c, read_text);
	for (size_t i = 0; i < c.n; i++)
		buf_free(&c.messages[i]);
	mem_free(c.messages);
	return 0;
}

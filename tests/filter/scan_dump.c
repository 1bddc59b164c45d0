/* scan_dump FILE...: each message as formats/scan sees it, in the form of tests/filter/views.pl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "formats/scan/scan.h"

static void line(const char *name, str s)
{
	printf("%s ", name);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == '\\' || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static void lines(const char *name, struct scan_strs v)
{
	for (size_t i = 0; i < v.n; i++)
		line(name, v.v[i]);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

static void sorted(const char *name, struct scan_strs v)
{
	str *copy = calloc(v.n + 1, sizeof *copy);

	if (v.n)
		memcpy(copy, v.v, v.n * sizeof *copy);
	qsort(copy, v.n, sizeof *copy, by_text);
	lines(name, (struct scan_strs){ copy, v.n });
	free(copy);
}

static int by_uri(const void *a, const void *b)
{
	return str_cmp(((const struct scan_uri *)a)->uri, ((const struct scan_uri *)b)->uri);
}

static void uris(struct scan_mail *m)
{
	struct scan_uris u = scan_uris(m);
	struct scan_uri *v = calloc(u.n + 1, sizeof *v);

	if (u.n)
		memcpy(v, u.v, u.n * sizeof *v);
	qsort(v, u.n, sizeof *v, by_uri);
	for (size_t i = 0; i < u.n; i++) {
		line("uri", v[i].uri);
		sorted("  clean", v[i].clean);
		sorted("  host", v[i].hosts);
		sorted("  domain", v[i].domains);
		lines("  anchor", v[i].anchors);
	}
	free(v);
}

static int by_tag(const void *a, const void *b)
{
	return str_cmp(((const struct scan_html_tag *)a)->name, ((const struct scan_html_tag *)b)->name);
}

static void html(struct scan_mail *m)
{
	struct scan_htmls all = scan_htmls(m);

	for (size_t n = 0; n < all.n; n++) {
		const struct scan_html *h = &all.v[n];
		struct scan_html_tag *tags = calloc(h->ntags + 1, sizeof *tags);

		printf("html length %zu\nhtml non_space_len %zu\n", h->length, h->non_space_len);
		printf("html image_area %.4f\nhtml min_size %d\nhtml max_size %d\n", h->image_area, h->min_size, h->max_size);
		printf("html bad_tag_ratio %.4f\nhtml non_element_ratio %.4f\nhtml closed_extra_ratio %.4f\n", h->bad_tag_ratio,
		       h->non_element_ratio, h->closed_extra_ratio);
		printf("html obfuscation_ratio %.4f\nhtml font_low_contrast %d\nhtml font_invalid_color %d\nhtml font_face_bad %d\n",
		       h->obfuscation_ratio, h->font_low_contrast, h->font_invalid_color, h->font_face_bad);
		printf("html form_action_mailto %d\nhtml embeds %d\nhtml inside", h->form_action_mailto, h->embeds);
		if (h->ntags)
			memcpy(tags, h->tags, h->ntags * sizeof *tags);
		qsort(tags, h->ntags, sizeof *tags, by_tag);
		for (size_t i = 0; i < h->ntags; i++)
			printf(" %.*s=%d", STRF(tags[i].name), tags[i].inside);
		printf("%s\n", h->ntags ? "" : " ");
		free(tags);
		lines("html title", h->title);
	}
}

static void dump(const char *path)
{
	static const char *const specs[] = { "ALL", "From:addr", "From:name", "To:addr", "Reply-To:addr", "ToCc", "MESSAGEID",
					     "EnvelopeFrom", "Subject", "Subject:raw", "Received", "X-Spam-Relays-Untrusted",
					     "X-Spam-Relays-Trusted", "X-Spam-Relays-External", "Content-Type", "ALL-TRUSTED", "From:raw" };
	static const struct scan_envelope env = { .now = 1795000000 };
	static char bytes[8 << 20];
	FILE *f = fopen(path, "rb");
	struct arena a;
	struct scan_mail *m;
	char name[64];
	size_t n;

	if (!f) {
		perror(path);
		exit(1);
	}
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	printf("FILE %s\n", path);
	arena_init(&a, LIM_SCAN_ARENA);
	m = scan_mail_new(&a, str_of(bytes, n), &env, NULL);
	lines("body", scan_body(m));
	lines("hidden", scan_body_invisible(m));
	lines("raw", scan_rawbody(m));
	for (size_t i = 0; i < COUNT(specs); i++) {
		bool found;

		snprintf(name, sizeof name, "get %s", specs[i]);
		line(name, scan_header(m, str_z(specs[i]), &found));
	}
	uris(m);
	html(m);
	arena_free(&a);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		dump(argv[i]);
	return 0;
}

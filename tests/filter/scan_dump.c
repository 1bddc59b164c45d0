/* Prints posta's views of each message whose path stands on standard input, as views.pl prints
 * SpamAssassin's: scan-dump LISTS [time]. LISTS: registries, lines "1 com", "2 co.uk". time: views
 * are made and not printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "formats/scan/scan.h"

static struct map registries[4];

static bool registry(const void *ctx, unsigned level, str name)
{
	(void)ctx;
	return map_get(&registries[level], name) != NULL;
}

static const struct scan_lists lists = { .registry = registry };

static void show(const char *name, str s)
{
	printf("%s ", name);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			printf("\\%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static void show_all(const char *name, struct scan_strs v)
{
	for (size_t i = 0; i < v.n; i++)
		show(name, v.v[i]);
}

static int by_text(const void *a, const void *b)
{
	const str *x = a, *y = b;

	return str_cmp(*x, *y);
}

static void show_sorted(const char *name, struct scan_strs v)
{
	str *copy = mem_get(v.n * sizeof(*copy) + 1);

	if (v.n)
		memcpy(copy, v.v, v.n * sizeof(*copy));
	qsort(copy, v.n, sizeof(*copy), by_text);
	show_all(name, (struct scan_strs){ copy, v.n });
	mem_free(copy);
}

static int by_uri(const void *a, const void *b)
{
	const struct scan_uri *x = a, *y = b;

	return str_cmp(x->uri, y->uri);
}

static int by_name(const void *a, const void *b)
{
	const struct scan_html_tag *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static void fact(const struct scan_html *h, unsigned bit, const char *name, double v)
{
	if (!bit || h->have & bit)
		printf("html-%s %.6g\n", name, v);
}

static void flag(bool on, const char *name)
{
	if (on)
		printf("html-%s 1\n", name);
}

static void show_html(const struct scan_html *h)
{
	struct scan_html_tag *tags = mem_get((h->ntags + 1) * sizeof(*tags));
	struct buf b;

	fact(h, SCAN_HTML_IMAGE_AREA, "image_area", h->image_area);
	fact(h, SCAN_HTML_LENGTH, "length", (double)h->length);
	fact(h, SCAN_HTML_NON_SPACE, "non_space_len", (double)h->non_space_len);
	fact(h, SCAN_HTML_SIZES, "min_size", h->min_size);
	fact(h, SCAN_HTML_SIZES, "max_size", h->max_size);
	fact(h, SCAN_HTML_CLOSED_EXTRA, "closed_extra_ratio", h->closed_extra_ratio);
	fact(h, SCAN_HTML_BAD_TAG, "bad_tag_ratio", h->bad_tag_ratio);
	fact(h, SCAN_HTML_NON_ELEMENT, "non_element_ratio", h->non_element_ratio);
	fact(h, SCAN_HTML_OBFUSCATION, "obfuscation_ratio", h->obfuscation_ratio);
	flag(h->embeds, "embeds");
	flag(h->font_face_bad, "font_face_bad");
	flag(h->font_invalid_color, "font_invalid_color");
	flag(h->font_low_contrast, "font_low_contrast");
	flag(h->form_action_mailto, "form_action_mailto");
	if (h->ntags)
		memcpy(tags, h->tags, h->ntags * sizeof(*tags));
	qsort(tags, h->ntags, sizeof(*tags), by_name);
	buf_init(&b, MIB(16));
	for (size_t i = 0; i < h->ntags; i++) {
		if (i)
			buf_addc(&b, ' ');
		buf_add(&b, tags[i].name);
		buf_fmt(&b, "=%d", tags[i].inside);
	}
	show("html-inside", buf_str(&b));
	buf_free(&b);
	mem_free(tags);
	show_all("html-anchor", h->anchor);
	show_all("html-comment", h->comment);
	show_all("html-title", h->title);
}

static void show_uris(struct scan_uris u)
{
	struct scan_uri *v = mem_get((u.n + 1) * sizeof(*v));

	if (u.n)
		memcpy(v, u.v, u.n * sizeof(*v));
	qsort(v, u.n, sizeof(*v), by_uri);
	for (size_t i = 0; i < u.n; i++) {
		show("uri", v[i].uri);
		show_sorted("uri-clean", v[i].clean);
		show_sorted("uri-domain", v[i].domains);
		show_sorted("uri-host", v[i].hosts);
	}
	mem_free(v);
}

static void show_mail(struct scan_mail *m)
{
	static const char *const headers[] = {
		"Subject",		   "Subject:raw",	    "From",
		"From:addr",		   "From:name",		    "From:raw",
		"To",			   "To:addr",		    "ToCc",
		"Reply-To:addr",	   "Reply-To:name",	    "MESSAGEID",
		"EnvelopeFrom",		   "ALL",		    "ALL:raw",
		"ALL-EXTERNAL",		   "ALL-TRUSTED",	    "Received",
		"Content-Type",		   "Content-Type:raw",	    "Date",
		"List-Id",		   "X-Spam-Relays-Trusted", "X-Spam-Relays-Untrusted",
		"X-Spam-Relays-External",  "X-Spam-Relays-Internal", "From:addr:domain",
		"From:addr:host",	   "Received:first:ip",	    "Message-Id:host",
	};
	char name[80];
	struct scan_htmls h;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		bool found;
		str v = scan_header_all(m, str_z(headers[i]), &found);

		snprintf(name, sizeof(name), "header-%s", headers[i]);
		if (found)
			show(name, v);
	}
	show_all("body", scan_body(m));
	show_all("visible", scan_body_visible(m));
	show_all("invisible", scan_body_invisible(m));
	show_all("rawbody", scan_rawbody(m));
	for (const struct mime_part *p = scan_root(m); p; p = mime_next(scan_root(m), p))
		show("type", scan_part_type(m, p));
	show_uris(scan_uris(m));
	h = scan_htmls(m);
	for (size_t i = 0; i < h.n; i++)
		show_html(&h.v[i]);
}

static void read_lists(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];

	if (!f)
		exit(2);
	while (fgets(line, sizeof(line), f)) {
		str s = str_trim_ws(str_z(line));

		if (s.n > 2 && s.p[0] >= '1' && s.p[0] <= '3')
			(void)map_put(&registries[s.p[0] - '0'], str_skip(s, 2), registries);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static char text[8 << 20];
	char path[1024];
	struct scan_envelope env = { .known = false };
	struct arena a;

	for (unsigned i = 0; i < 4; i++)
		map_init(&registries[i]);
	if (argc > 1)
		read_lists(argv[1]);
	while (fgets(path, sizeof(path), stdin)) {
		FILE *f;
		size_t n;
		struct scan_mail *m;

		path[strcspn(path, "\n")] = 0;
		f = fopen(path, "rb");
		if (!f)
			return 2;
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		arena_init(&a, LIM_SCAN_ARENA);
		m = scan_mail_new(&a, str_of(text, n), &env, NULL);
		if (argc > 1)
			scan_use_lists(m, &lists);
		if (argc < 3) {
			printf("== %s\n", path);
			show_mail(m);
		} else {
			(void)scan_uris(m);
			(void)scan_rawbody(m);
			(void)scan_relays(m);
			(void)scan_body_visible(m);
		}
		arena_free(&a);
	}
	for (unsigned i = 0; i < 4; i++)
		map_free(&registries[i]);
	return 0;
}

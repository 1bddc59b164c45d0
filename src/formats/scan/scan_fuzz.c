/* A message, all of its views: nothing falls, and what they point at can be read. */
#include "formats/scan/scan.h"

#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum;

static void look(str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
}

static void look_all(struct scan_strs v)
{
	for (size_t i = 0; i < v.n; i++)
		look(v.v[i]);
}

static void look_at(struct scan_mail *m)
{
	static const str specs[] = {
		S("ALL"),
		S("ALL:raw"),
		S("ALL-EXTERNAL"),
		S("ALL-TRUSTED"),
		S("From:addr"),
		S("From:name"),
		S("From:addr:domain"),
		S("Received:revip"),
		S("EnvelopeFrom"),
		S("ToCc"),
		S("MESSAGEID"),
		S("Message-Id:host"),
		S("X-Spam-Relays-Untrusted"),
	};
	struct scan_uris u = scan_uris(m);
	struct scan_htmls h = scan_htmls(m);
	bool found;
	str type;

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		look(scan_header(m, specs[i], &found));
	look_all(scan_body(m));
	look_all(scan_body_visible(m));
	look_all(scan_body_invisible(m));
	look_all(scan_rawbody(m));
	for (size_t i = 0; i < u.n; i++) {
		look(u.v[i].uri);
		look_all(u.v[i].clean);
		look_all(u.v[i].hosts);
		look_all(u.v[i].domains);
		look_all(u.v[i].anchors);
	}
	for (size_t i = 0; i < h.n; i++) {
		look_all(h.v[i].anchor);
		look_all(h.v[i].comment);
		look_all(h.v[i].title);
		for (size_t k = 0; k < h.v[i].nuris; k++)
			look_all(h.v[i].uris[k].anchors);
	}
	for (const struct mime_part *p = scan_root(m); p; p = mime_next(scan_root(m), p)) {
		look(scan_decoded(m, p));
		look(scan_rendered(m, p, &type));
		look(scan_raw(m, p));
		look(scan_part_header(m, p, STR("Content-Type"), false, &found));
		look(scan_part_header(m, p, STR("ALL"), true, &found));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scan_envelope env = { .known = false };
	struct arena a;

	arena_init(&a, LIM_SCAN_ARENA);
	look_at(scan_mail_new(&a, str_of(data, size), &env, NULL));
	arena_free(&a);
	return 0;
}

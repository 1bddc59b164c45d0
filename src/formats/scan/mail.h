/* formats/scan/mail.h: what the files of this folder share. Private to it. */
#ifndef FORMATS_SCAN_MAIL_H
#define FORMATS_SCAN_MAIL_H

#include "base/limits.h"
#include "formats/html/html.h"
#include "formats/scan/scan.h"

struct scan_field {
	str name;
	str raw;   /* behind the colon, folded, with its line end */
	str value; /* unfolded, trimmed, decoded to UTF-8; p NULL until asked for */
};
struct scan_memo { /* of scan_header */
	str spec, value;
	bool found;
};
#define SCAN_MEMOS 512

/* One leaf that shows text. */
struct scan_leaf {
	const struct mime_part *part;
	str type;    /* as SpamAssassin takes it: text/plain, text/html or another one's own */
	bool text;   /* it is rendered */
	str decoded; /* transfer encoding undone; p NULL until asked for */
	str utf8;    /* in UTF-8 */
	str rendered, visible, invisible;
	bool is_rendered;
};

struct scan_mail {
	struct arena *a;
	const struct scan_envelope *env;
	const struct scan_networks *nets;
	str full, header, body; /* LF line ends */
	const struct mime_part *root;
	unsigned cut;
	unsigned flags; /* SCAN_FLAG_* of the header */
	struct scan_field *fields;
	size_t nfields;
	struct scan_memo memos[SCAN_MEMOS];
	size_t nmemos;
	struct scan_leaf *leaves; /* depth first */
	size_t nleaves;
	bool rendered;
	struct scan_strs text[3]; /* body, visible, invisible */
	bool has_text[3];
	struct scan_strs raw;
	bool has_raw;
	struct scan_html *htmls; /* one an HTML part, room for all */
	size_t nhtmls;
	struct scan_uris uris;
	bool has_uris;
	struct scan_relays relays;
	bool has_relays;
	str envelope_from;
	int has_envelope_from; /* 0 unknown, 1 there is one, -1 there is none */
};

/* ---- header.c ---- */
str scan_field_value(struct scan_mail *m, struct scan_field *f);
/* value: of a field without its name. Encoded words decoded, valid UTF-8; structured: they are left
 * as they are. */
str scan_decode_field(struct scan_mail *m, str value, bool structured);
/* ---- text.c ---- */
/* bytes in a charset as UTF-8, as SpamAssassin's normalize_charset does. */
str scan_normalize(struct scan_mail *m, str bytes, str charset);
/* Octets of the one white space at the start of s, of ASCII or of Unicode; 0: there is none. */
size_t scan_space(str s);
void scan_render_all(struct scan_mail *m);
/* ---- render.c ---- */
/* Renders the HTML of a leaf: fills rendered, visible, invisible and the facts. */
void scan_render_html(struct scan_mail *m, struct scan_leaf *leaf, struct scan_html *out);
/* ---- colour.c ---- */
/* A colour of HTML or CSS as 0xrrggbb; -1: none that anybody would read. */
int32_t scan_colour(str text);
/* ---- uris.c ---- */
/* RFC 3986 5.2 as browsers do it. */
str scan_uri_target(struct arena *a, str base, str uri);
/* ---- domain.c ---- */
bool scan_known_top(str top);
bool scan_host_valid(str host); /* a host name as is_fqdn_valid has it, with a known top */
/* Lower case, A-labels, without a dot at its end; "" when it cannot be. */
str scan_ascii_host(struct arena *a, str host);

/* A copy of what b holds; frees b. */
str scan_keep(struct scan_mail *m, struct buf *b);

#endif

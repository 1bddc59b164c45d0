/* formats/scan/view.h: what the files of this folder share. Private to it. */
#ifndef FORMATS_SCAN_VIEW_H
#define FORMATS_SCAN_VIEW_H

#include "base/limits.h"
#include "formats/scan/scan.h"

struct view_field {
	str name;  /* as written, no white space before the colon */
	str raw;   /* behind the colon, folded, with its line end */
	str value; /* decoded, no line end; p NULL: not made yet */
};
struct view_fields {
	struct view_field *v;
	size_t n, cap;
};

/* Text that was characters or still octets: in Perl white space and lengths depend on it. */
struct view_text {
	str s;	   /* UTF-8 */
	bool wide; /* characters; else code points over 127 stand for octets of Latin-1 */
};

struct view_part {
	struct mime_part mime; /* first: scan_root's tree is made of these */
	struct view_fields fields;
	str type;     /* "text/html" */
	str boundary; /* p NULL: none */
	str charset;  /* p NULL: none named */
	str name;
	str raw; /* body, encoded */
	bool was_decoded, was_rendered;
	str decoded;
	str shown_as; /* "text/html", "text/plain", "" */
	struct view_text all, visible, invisible;
	struct scan_html *html;
};

struct scan_mail {
	struct arena *a;
	const struct scan_envelope *env;
	const struct scan_networks *nets;
	const struct scan_lists *lists;
	str full, head, body;
	struct view_part *root;
	unsigned cut, flags;
	struct {
		bool done;
		struct scan_strs v;
	} bodies[3], rawbody;
	bool htmls_done, uris_done, relays_done, envelope_done, envelope_known;
	struct scan_htmls htmls;
	struct scan_uris uris;
	struct scan_relays relays;
	str relay_lines[4]; /* X-Spam-Relays-Trusted, -Untrusted, -Internal, -External */
	str envelope_from;
};

/* Output of at most n octets in the arena, cap set by view_out. */
struct out {
	char *p;
	size_t n, cap;
};
/* False, and SCAN_CUT_ARENA: the arena is full (o takes nothing). */
bool view_out(struct scan_mail *m, struct out *o, size_t cap);
static inline void out_c(struct out *o, char c)
{
	if (o->n < o->cap)
		o->p[o->n++] = c;
}
void out_add(struct out *o, str s);
void out_cp(struct out *o, uint32_t cp); /* UTF-8 */
static inline str out_str(const struct out *o)
{
	return (str){ o->p ? o->p : "", o->n };
}
str view_dup(struct scan_mail *m, str s);

/* A list that grows by doubling in the arena. */
struct view_list {
	str *v;
	size_t n, cap;
};
void view_push(struct scan_mail *m, struct view_list *l, str s);
static inline struct scan_strs view_strs(const struct view_list *l)
{
	return (struct scan_strs){ l->v, l->n };
}

/* Perl's \s without the Unicode ones. */
static inline bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool is_word(char c)
{
	return ch_alnum(c) || c == '_';
}
static inline bool is_high(char c)
{
	return (unsigned char)c >= 0x80;
}
static inline bool is_xdigit(char c)
{
	return ch_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static inline unsigned hex_of(char c)
{
	return (unsigned)(ch_digit(c) ? c - '0' : ch_lower(c) - 'a' + 10);
}
str view_lower(struct scan_mail *m, str s);
/* The next line with its line end. */
bool view_line(str *rest, str *line);
size_t view_find_from(str s, char c, size_t from); /* s.n: none */

/* head.c */
struct view_fields view_read_head(struct scan_mail *m, str message, str *head, str *body,
				  unsigned *flags);
void view_add_field(struct scan_mail *m, struct view_fields *f, str name, str raw);
str view_value(struct scan_mail *m, struct view_field *f);
/* The last field of that name, decoded; "" when there is none. */
str view_last(struct scan_mail *m, struct view_fields *f, str name, bool *found);
/* words.c */
str view_decode_words(struct scan_mail *m, str value, str name);

/* parts.c */
struct view_type {
	str type, boundary, charset, name;
	bool missing;
};
struct view_type view_content_type(struct scan_mail *m, str value);
struct view_part *view_parse(struct scan_mail *m);
str view_decoded(struct scan_mail *m, struct view_part *p);
/* "text/html" by its name. */
str view_effective(const struct view_part *p);
void view_render(struct scan_mail *m, struct view_part *p);

/* decode.c */
str view_base64(struct scan_mail *m, str in);
str view_qp(struct scan_mail *m, str in);
str view_no_cr(struct scan_mail *m, str in);
/* To UTF-8 as SpamAssassin takes charsets; insist: the declared one whatever the octets are. */
struct view_text view_normalize(struct scan_mail *m, str in, str charset, bool insist);

/* html.c */
struct scan_html *view_html(struct scan_mail *m, struct view_part *p, struct view_text in);

/* domain.c */
bool view_fqdn_valid(str host);
str view_to_ascii(struct scan_mail *m, str host);
bool view_tld_valid(struct scan_mail *m, str tld);
/* By the lists handed in, else the public suffix list; host in lower case. */
str view_trim_domain(struct scan_mail *m, str host);
bool view_domain_valid(struct scan_mail *m, str host);
/* The host and registered domain of a URI or an address; false: none. */
bool view_uri_domain(struct scan_mail *m, str uri, str *domain, str *host);
/* The length of the IP address at the start of s (as SpamAssassin's patterns take it), 0: none.
 * before: the octet before s, or a space. */
size_t view_ip(str s, char before);
bool view_is_ip(str s);
bool view_ip_private(str s);

/* canon.c */
void view_canon(struct scan_mail *m, str uri, struct view_list *out);
/* text.c: the URIs of rendered text. */
void view_text_uris(struct scan_mail *m, void (*found)(void *ctx, str uri, unsigned kinds),
		    void *ctx);

/* received.c */
enum view_received { RECEIVED_RELAY, RECEIVED_SKIP, RECEIVED_UNKNOWN };
enum view_received view_received(struct scan_mail *m, str line, struct scan_relay *r, bool *fetcher,
				 str *scanner_from);

/* addresses.c */
struct view_address {
	str phrase, address; /* p NULL: none */
};
struct view_address *view_addresses(struct scan_mail *m, str value, size_t *n);

#endif

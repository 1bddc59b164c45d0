/* formats/scan/scan.h: a message as a filter sees it. SpamAssassin's rules are written against
 * SpamAssassin's own views of a message (its rendered paragraphs, its pseudo-headers, its list of
 * URIs, its chain of relays); these are the same views, byte for byte where a rule can tell.
 * Pure: never waits. Everything lives in the mail's arena and is made once, when first asked for.
 * Bounded by LIM_SCAN_*: what is cut sets a SCAN_CUT_* bit and never fails. */
#ifndef FORMATS_SCAN_SCAN_H
#define FORMATS_SCAN_SCAN_H

#include "base/arena.h"
#include "formats/mime/message.h"

/* What the caller knows beside the message; "" = not known. */
struct scan_envelope {
	str ip, helo, rdns; /* the client; text */
	str from;	    /* MAIL FROM without <>; known says whether "" means <> */
	bool known;	    /* there is an envelope at all */
	const str *rcpts;
	size_t nrcpts;
	str user;     /* login of an authenticated sender */
	str hostname; /* our own name */
	int64_t now;  /* seconds since 1970 */
};

/* Networks that are taken as ours, as SpamAssassin's trusted_networks and internal_networks. */
struct scan_networks {
	const struct scan_network {
		unsigned char addr[16]; /* IPv4 as ::ffff:a.b.c.d */
		unsigned bits;
		bool not ;
	} * trusted, *internal, *msa;
	size_t ntrusted, ninternal, nmsa;
	bool trusted_given, internal_given; /* else they are inferred, as SpamAssassin does */
};

/* What SpamAssassin's rule files say that a view needs. */
struct scan_lists {
	const void *ctx;
	/* A top level (level 1) or a registry below one ("co.uk", level 2 or 3); lower case. */
	bool (*registry)(const void *ctx, unsigned level, str name);
	/* Where a redirector leads to by its URI alone; a view into uri. NULL: not known. */
	bool (*redirect)(const void *ctx, str uri, str *target);
};

struct scan_mail;

/* message: LF or CRLF line ends; stays where it is while the mail is used. a: created with
 * LIM_SCAN_ARENA. env and nets live as long; nets may be NULL. Never NULL. */
struct scan_mail *scan_mail_new(struct arena *a, str message, const struct scan_envelope *env,
				const struct scan_networks *nets);

/* Before the first view is asked for; NULL, or never called: the public suffix list decides. l
 * lives as long as the mail. */
void scan_use_lists(struct scan_mail *m, const struct scan_lists *l);

const struct scan_envelope *scan_envelope(const struct scan_mail *m);
struct arena *scan_arena(struct scan_mail *m);
const struct mime_part *scan_root(struct scan_mail *m);
str scan_full(struct scan_mail *m); /* pristine, LF line ends: "full" rules */
str scan_pristine_header(struct scan_mail *m);
str scan_pristine_body(struct scan_mail *m);
unsigned scan_cut(const struct scan_mail *m); /* SCAN_CUT_* */

/* Bits of scan_cut. */
enum {
	SCAN_CUT_ARENA = 1, /* LIM_SCAN_ARENA is used up: views are missing or empty */
	SCAN_CUT_PARTS = 2, /* LIM_SCAN_PARTS, LIM_SCAN_SUBPARTS, LIM_SCAN_DEPTH */
	SCAN_CUT_URIS = 4,  /* LIM_SCAN_URIS, LIM_SCAN_VARIANTS */
	SCAN_CUT_HTML = 8,  /* LIM_SCAN_STYLES */
};

/* A list of views. */
struct scan_strs {
	const str *v;
	size_t n;
};

/* What a header rule matches: name with its modifiers as a rule writes it ("From:addr",
 * "Subject:raw", "ToCc", "ALL", "ALL-EXTERNAL", "MESSAGEID", "EnvelopeFrom",
 * "X-Spam-Relays-Untrusted", "Received", ...). Several fields of a name are joined as SpamAssassin
 * joins them. found false: there is no such header (then ""). */
str scan_header(struct scan_mail *m, str spec, bool *found);
/* What a header rule matches where a spec gives several values ("ToCc:addr"): all of them, a line
 * each. */
str scan_header_all(struct scan_mail *m, str spec, bool *found);
/* The fields of a name one by one, decoded (or raw), in order. */
struct scan_strs scan_headers(struct scan_mail *m, str name, bool raw);
/* The addresses and names in From, Reply-To and so on, as SpamAssassin's get(...:addr) finds them;
 * all of them. */
struct scan_strs scan_addresses(struct scan_mail *m, str name);
/* Parts' own headers: "mimeheader" rules. part: of scan_root's tree. */
str scan_part_header(struct scan_mail *m, const struct mime_part *part, str name, bool raw,
		     bool *found);

/* Rendered paragraphs; the first is the subject. All, what a reader sees, and what is hidden from
 * him (HTML of one colour on the same, tiny letters). */
struct scan_strs scan_body(struct scan_mail *m);
struct scan_strs scan_body_visible(struct scan_mail *m);
struct scan_strs scan_body_invisible(struct scan_mail *m);
/* Decoded, not rendered, in SpamAssassin's chunks: "rawbody" rules. */
struct scan_strs scan_rawbody(struct scan_mail *m);
/* A leaf decoded (base64, QP) and, for text, in UTF-8 as SpamAssassin normalises. */
str scan_decoded(struct scan_mail *m, const struct mime_part *leaf);
/* Rendered text of one text leaf; type: what it was taken for ("text/html"). */
str scan_rendered(struct scan_mail *m, const struct mime_part *leaf, str *type);

/* URIs of the text and the HTML, each once per text. */
enum scan_uri_kind {
	SCAN_URI_PARSED = 1, /* found in plain text */
	SCAN_URI_A = 2,	     /* <a href>, */
	SCAN_URI_IMG = 4,
	SCAN_URI_FORM = 8,
	SCAN_URI_LINK = 16,
	SCAN_URI_OTHER = 32,	/* any other tag */
	SCAN_URI_UNLINKED = 64, /* a domain name in text, without a scheme */
	SCAN_URI_DKIM = 128,	/* the domain of a signature */
	SCAN_URI_HEADER = 256,
};
struct scan_uri {
	str uri; /* as found */
	struct scan_strs
		clean; /* the variants that "uri" rules match: decoded, redirector's targets */
	struct scan_strs hosts;	  /* host names of the variants, lower case, A-labels */
	struct scan_strs domains; /* their registered domains */
	struct scan_strs anchors; /* texts of <a> */
	unsigned kinds;
};
struct scan_uris {
	const struct scan_uri *v;
	size_t n;
};
struct scan_uris scan_uris(struct scan_mail *m);
/* The registered domain of a host by the public suffix list (and 20_aux_tlds); "" when there is
 * none. A view into host. */
str scan_registered_domain(str host);

/* The chain of Received fields, the newest (nearest to us) first. */
struct scan_relay {
	str ip, rdns, helo, by, ident, envfrom, id, auth;
	bool trusted, internal, msa, ip_private;
	bool no_reverse_dns; /* the field itself says that there is no name */
	str raw;
};
struct scan_relays {
	const struct scan_relay *v;
	size_t n, ntrusted, nuntrusted, ninternal, nexternal;
	unsigned unparseable; /* fields that could not be read */
	/* Trusted ones stand before untrusted ones, internal before external; untrusted[0] is the
	 * nearest to us. */
	const struct scan_relay *trusted, *untrusted, *internal, *external;
	str trusted_text, untrusted_text, internal_text, external_text; /* X-Spam-Relays-* */
	int last_trusted, last_internal; /* index of the Received field, -1: none */
};
const struct scan_relays *scan_relays(struct scan_mail *m);

/* What one HTML part showed, as SpamAssassin's HTML.pm reports it; in the order of the parts. A
 * fact that it leaves undefined lacks its bit in have. */
enum {
	SCAN_HTML_LENGTH = 1,
	SCAN_HTML_IMAGE_AREA = 2,
	SCAN_HTML_NON_SPACE = 4,
	SCAN_HTML_CLOSED_EXTRA = 8,
	SCAN_HTML_BAD_TAG = 16,
	SCAN_HTML_NON_ELEMENT = 32,
	SCAN_HTML_OBFUSCATION = 64,
	SCAN_HTML_SIZES = 128,
};
struct scan_html_tag {
	str name;      /* lower case */
	int inside;    /* tags open at the end */
	size_t starts; /* <name>, "</name>" not counted */
};
struct scan_html_uri {
	str uri; /* resolved against <base> */
	struct scan_strs anchors;
	unsigned kinds; /* SCAN_URI_* */
	bool iframe;
};
struct scan_html {
	const struct mime_part *part;
	unsigned have; /* SCAN_HTML_* */
	const struct scan_html_tag *tags;
	size_t ntags;
	size_t length, non_space_len;
	double image_area;
	int min_size, max_size;
	double closed_extra_ratio, bad_tag_ratio, non_element_ratio, obfuscation_ratio;
	bool embeds, font_face_bad, font_invalid_color, font_low_contrast, form_action_mailto;
	str charsets;
	struct scan_strs anchor, comment, script, title;
	const struct scan_html_uri *uris;
	size_t nuris;
};
struct scan_htmls {
	const struct scan_html *v;
	size_t n;
};
struct scan_htmls scan_htmls(struct scan_mail *m);

/* What was odd about the message's form. */
enum {
	SCAN_FLAG_HEAD_SEPARATOR = 1,	 /* no empty line behind the header */
	SCAN_FLAG_HEADER_TRUNCATED = 2,	 /* over SpamAssassin's limits */
	SCAN_FLAG_EPILOGUE = 4,		 /* text behind the last delimiter */
	SCAN_FLAG_PART_SEPARATOR = 8,	 /* a part without an empty line behind its header */
	SCAN_FLAG_PART_HEADERS = 16,	 /* a part without header */
	SCAN_FLAG_PART_LIMIT = 32,	 /* more parts than SpamAssassin looks at */
	SCAN_FLAG_URI_TRUNCATED = 64,	 /* over SpamAssassin's 8192 octets */
	SCAN_FLAG_BOUNDARY_MISSING = 128 /* a delimiter that opens and never closes */
};
unsigned scan_flags(struct scan_mail *m);
/* The body of a leaf, still encoded, with the line ends and cuts of SpamAssassin's parser. */
str scan_raw(struct scan_mail *m, const struct mime_part *leaf);
/* What SpamAssassin takes a part for: "text/plain", lower case. */
str scan_part_type(struct scan_mail *m, const struct mime_part *part);
/* A dot, no white space, and a top level that exists. */
bool scan_domain_valid(str domain);
/* A host name of at least two labels, and such a top level. */
bool scan_host_valid(str host);

#endif

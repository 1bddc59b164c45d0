/* services/attachments/attachments.h: files that no mail should bring: programs by name and by what
 * they begin with, also inside zip, double extensions, names with a change of direction, archives
 * that hide what is in them or grow without end. Pure but for its settings: never waits; a large
 * message takes milliseconds of CPU (POOL_CPU). */
#ifndef SERVICES_ATTACHMENTS_ATTACHMENTS_H
#define SERVICES_ATTACHMENTS_ATTACHMENTS_H

#include "formats/mime/message.h"
#include "run/role.h"

enum attachment_why {
	ATTACHMENT_PROGRAM,   /* its name's extension is on the list */
	ATTACHMENT_CONTENT,   /* it begins as a program does, whatever its name says */
	ATTACHMENT_DOUBLE,    /* "invoice.pdf.exe", "invoice.pdf        .exe" */
	ATTACHMENT_DIRECTION, /* U+202E: "exe.fdp" reads as "pdf.exe" */
	ATTACHMENT_FORBIDDEN, /* the list "forbidden" */
	ATTACHMENT_ENCRYPTED, /* an archive under a password */
	ATTACHMENT_BOMB,      /* an archive that grows too much */
	ATTACHMENT_NESTED,    /* an archive in an archive, deeper than is looked */
	ATTACHMENT_TEST,      /* EICAR's file, with which antivirus programs are tested */
	ATTACHMENT_BROKEN,    /* an archive that cannot be read, or not as others read it */
	ATTACHMENT_WHYS,
};
enum attachment_act { ATTACHMENT_PASS, ATTACHMENT_MARK, ATTACHMENT_REFUSE };

struct attachments_settings {
	struct conf_strs programs, documents, forbidden, allowed; /* extensions, no dot */
	enum attachment_act act[ATTACHMENT_WHYS];
	double score;	      /* of one that is marked */
	int64_t ratio, depth; /* of an archive */
	int64_t unpacked;     /* octets of one message's archives that are unpacked */
};
/* posta.conf's group "attachments". */
MUST_USE err attachments_read(const struct role_env *env, struct buf *complaints,
			      struct attachments_settings *out);
void attachments_describe(struct buf *out); /* for `posta check --settings` */

struct attachment_hit {
	enum attachment_why why;
	enum attachment_act act; /* MARK or REFUSE */
	const char *symbol;	 /* "ATTACHMENT_PROGRAM" */
	const char *text;	 /* "a program" */
	double score;		 /* 0: refused ones are no matter of scores */
	str file;		 /* its name, printable UTF-8: "invoice.zip: invoice.exe" */
};
struct attachments {
	struct attachment_hit *v; /* at most one a reason, the first file */
	size_t n;
	const struct attachment_hit *dangerous; /* one that is refused, or NULL */
};
/* root: the whole message. out lives in a, which need be no larger than LIM_ATTACHMENTS_ARENA; what
 * is unpacked lives for the call alone. Never fails: what cannot be read is a hit. */
void attachments_check(const struct attachments_settings *set, const struct mime_part *root,
		       struct arena *a, struct attachments *out);

#endif

/* formats/zip/zip.h: archives of PKZIP's form, read by who does not trust them. APPNOTE.TXT 6.3.10
 * (4.3 general format, 4.4 fields, 4.5 extra fields, 4.6.9 Unicode path). Pure: never waits. Views
 * point into the archive. Whatever the bytes are, the time is linear in them: LIM_ZIP_ENTRIES, and
 * what is unpacked is bounded by the buf's maximum.
 *
 * What programs disagree on is told: an archive with a second one before it, a name that the local
 * header has otherwise than the directory, entries that share their bytes. */
#ifndef FORMATS_ZIP_ZIP_H
#define FORMATS_ZIP_ZIP_H

#include "base/buf.h"

#define ZIP_NO_DIRECTORY 0x01u /* none, or not where it should be: local headers were read */
#define ZIP_BEFORE	 0x02u /* an archive before the archive: its local headers come last */
#define ZIP_OVERLAP	 0x04u /* entries share bytes: how bombs are built */
#define ZIP_MANY	 0x08u /* over LIM_ZIP_ENTRIES: the rest was not read */
#define ZIP_CUT		 0x10u /* ends before its end */

struct zip {
	str archive;
	size_t at;	  /* next record of the directory, or local header */
	size_t end;	  /* of what is being read */
	size_t base;	  /* octets before the archive's own first one */
	bool directory;	  /* records of it come; else local headers */
	size_t entries;	  /* so far */
	uint64_t packed;  /* octets of all entries so far */
	unsigned defects; /* ZIP_*; complete after zip_next gave E_EOF */
};

enum { ZIP_NAMES = 3 };
struct zip_entry {
	/* The directory's, the local header's where that is another one, the Unicode path; bytes in
	 * any charset, UTF-8 when utf8. */
	str names[ZIP_NAMES];
	unsigned nnames; /* at least 1 */
	bool utf8, folder, encrypted;
	bool differs; /* the local header is not there, or says something else than the directory */
	unsigned method;
	uint64_t size; /* as told */
	str data;      /* packed */
};

/* Does it begin as an archive does? */
bool zip_is(str bytes);
/* E_SYNTAX: there is none in it. */
MUST_USE err zip_open(str archive, struct zip *out);
/* E_EOF: no more. */
MUST_USE err zip_next(struct zip *z, struct zip_entry *out);
/* OK: all of it. E_LIMIT: out is full, what fitted is there. E_DENIED: encrypted. E_NOTFOUND: a
 * method other than stored and deflated. E_CORRUPT: what came before is in out. */
MUST_USE err zip_unpack(const struct zip_entry *e, struct buf *out);

#endif

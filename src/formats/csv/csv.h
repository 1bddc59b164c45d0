/* formats/csv/csv.h: comma-separated values, RFC 4180 2: quotes doubled inside quotes, CRLF or a
 * bare LF ends a record, white space belongs to the field. Pure. */
#ifndef FORMATS_CSV_CSV_H
#define FORMATS_CSV_CSV_H

#include "base/buf.h"
#include "base/limits.h"

struct csv_record {
	str fields[LIM_CSV_FIELDS]; /* views into space */
	size_t n;
	size_t used;  /* octets of the input that the record took, with its end */
	size_t lines; /* line ends among them: 1, or more when a field has some inside */
};
/* The record at the start of in. last: nothing follows in. space: takes the fields' octets; emptied
 * first, its maximum should be LIM_CSV_LINE. E_AGAIN: in has no whole record yet. E_EOF: in is
 * empty and the last. E_SYNTAX: a quote inside an unquoted field, or octets behind a closing quote,
 * or an open quote at the end. E_LIMIT: LIM_CSV_LINE or LIM_CSV_FIELDS. */
MUST_USE err csv_parse(str in, bool last, struct buf *space, struct csv_record *out);

/* One field, in quotes where it needs them; the caller adds commas and line ends. */
void csv_print(str field, struct buf *out);

#endif

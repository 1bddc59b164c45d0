/* sessions/spamd/print.h: the bodies of spamd's answers. */
#ifndef SESSIONS_SPAMD_PRINT_H
#define SESSIONS_SPAMD_PRINT_H

#include "formats/filter/answer.h"

bool spamd_is_spam(const struct filter_answer *f);
/* "A,B,C" and a line end. */
void spamd_add_symbols(struct buf *out, const struct filter_answer *f);
/* A table for people. */
void spamd_add_report(struct buf *out, const struct filter_answer *f);
/* The message with our fields before it and without forged ones; header: just its header. Line ends
 * as the message has them. */
void spamd_add_message(struct buf *out, const struct filter_answer *f, str message, str hostname,
		       bool header);

#endif

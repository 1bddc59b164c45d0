#include "formats/imap/fold.h"

#include <unicode/uchar.h>

#include "base/enc.h"

void imap_fold(struct buf *out, str in)
{
	while (in.n > 0 && out->e == OK) {
		if ((unsigned char)in.p[0] < 128) {
			buf_addc(out, ch_lower(in.p[0]));
			in = str_skip(in, 1);
			continue;
		}
		utf8_add(out, u_foldCase(utf8_next(&in), U_FOLD_CASE_DEFAULT));
	}
}

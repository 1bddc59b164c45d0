/* Any bytes as an archive: entries end, views stay inside, what is unpacked stays small. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/zip/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool inside(str view, str whole)
{
	return !view.n || (view.p >= whole.p && view.p + view.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	str archive = str_of(p, n);
	struct zip_entry e;
	struct zip z;
	struct buf out;

	(void)zip_is(archive);
	if (zip_open(archive, &z) != OK)
		return 0;
	buf_init(&out, KIB(64));
	while (zip_next(&z, &e) == OK) {
		if (!e.nnames || e.nnames > ZIP_NAMES || !inside(e.data, archive))
			abort();
		for (unsigned i = 0; i < e.nnames; i++)
			if (!inside(e.names[i], archive))
				abort();
		buf_reset(&out);
		err r = zip_unpack(&e, &out);

		if (out.n > KIB(64) || (r == E_DENIED) != e.encrypted)
			abort();
	}
	if (z.entries > LIM_ZIP_ENTRIES)
		abort();
	buf_free(&out);
	return 0;
}

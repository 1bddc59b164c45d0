/* Any text as a list of each type: ranges are ranges, names are names, texts stay short. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/rbl/rbl.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static err entry(void *arg, const struct rbl_entry *e)
{
	struct buf *text = arg;
	str vars[RBL_VARIABLES] = { [3] = S("three"), [RBL_BASE] = S("base $= $") };

	if (e->first > e->last || e->bits > 128 || e->name.n >= DNS_NAME_MAX)
		abort();
	buf_reset(text);
	rbl_text(e->value.txt, vars, STR("asked"), text);
	if (buf_done(text) != OK)
		abort();
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf complaints, text;

	buf_init(&complaints, KIB(4));
	buf_init(&text, 600);
	for (unsigned t = 0; t < RBL_TYPES; t++) {
		struct rbl_reader r = { .type = (enum rbl_type)t,
					.entry = entry,
					.arg = &text,
					.complaints = &complaints };

		(void)!rbl_read(&r, str_of(p, n), STR("fuzz"));
		buf_reset(&complaints);
	}
	buf_free(&complaints);
	buf_free(&text);
	return 0;
}

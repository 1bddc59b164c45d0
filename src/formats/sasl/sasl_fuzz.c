/* Every message of every mechanism: parsed; PLAIN is printed and parsed again. */
#include "base/limits.h"
#include "formats/sasl/sasl.h"
#include "formats/sasl/scram.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void plain(str in)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct sasl_plain p, again;

	if (sasl_plain_parse(in, &p))
		return;
	buf_init(&b, LIM_SASL);
	sasl_plain_print(&p, &b);
	assert(sasl_plain_parse(buf_str(&b), &again) == OK);
	assert(str_eq(p.password, again.password) && str_eq(p.authcid, again.authcid));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	CLEANUP(buf_free) struct buf b = { 0 };
	str in = str_of(data, n), view;
	struct scram_server_first s;
	struct scram_final l;
	struct scram_first f;

	arena_init(&a, MIB(1));
	buf_init(&b, KIB(64));
	plain(in);
	if (sasl_external_parse(in, &view) == OK)
		assert(view.n <= LIM_USER);
	if (scram_parse_first(in, &a, &f) == OK)
		assert(f.gs2.n + f.bare.n == n && f.user.n);
	if (scram_parse_server_first(in, &s) == OK)
		assert(s.nsalt && s.nsalt <= SCRAM_SALT_MAX);
	if (scram_parse_final(in, &a, &l) == OK)
		assert(l.without_proof.n < n);
	if (sasl_prep(in, &b) != OK)
		buf_reset(&b);
	return 0;
}

/* Reads a journal's file; what was read is written and read to the same. With its checksums right,
 * since a fuzzer does not find them: the input is the contents of one frame. */
#include <assert.h>

#include "base/hash.h"
#include "services/zones/journal_part.h"

static void again(void *arg, const struct journal_frame *f)
{
	struct buf *out = arg;

	journal_frame_add(out, f);
}

static void read_both(str file)
{
	CLEANUP(buf_free) struct buf first = { 0 };
	CLEANUP(buf_free) struct buf second = { 0 };

	buf_init(&first, 1 << 22);
	buf_init(&second, 1 << 22);
	buf_add(&first, journal_magic);
	buf_add(&second, journal_magic);
	size_t sound = journal_read(file, again, &first);

	assert(sound <= file.n);
	assert(journal_read(buf_str(&first), again, &second) == first.n);
	assert(str_eq(buf_str(&first), buf_str(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf file = { 0 };
	str in = str_of(data, n);

	read_both(in);
	buf_init(&file, 1 << 22);
	buf_add(&file, journal_magic);
	buf_u32(&file, (uint32_t)n);
	buf_u32(&file, hash_crc32c(0, in));
	buf_add(&file, in);
	read_both(buf_str(&file));
	return 0;
}

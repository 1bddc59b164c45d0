/* The weights that everybody starts with: start.model beside this file, made by
 * tools/learning-start: "pLS\n", u32 number of weights, u32 scale in millionths, u32 bias in
 * thousandths (signed), then one signed octet a weight. It is part of the program. */
#include <assert.h>

#include "services/learning/learning.h"

#define MAGIC "pLS\n"

__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"posta_learning_start: .incbin \"" POSTA_SRC "/services/learning/start.model\"\n"
	"posta_learning_start_end:\n"
	".popsection\n");
extern const char posta_learning_start[], posta_learning_start_end[];

err learning_start_read(str bytes, struct learning_start *out)
{
	struct cur c = { .rest = bytes };
	str magic = cur_bytes(&c, 4);
	uint32_t n = cur_u32(&c), scale = cur_u32(&c), bias = cur_u32(&c);

	if (c.e || !str_eq(magic, STR(MAGIC)) || n != c.rest.n || !n || (n & (n - 1)))
		return fail(E_CORRUPT, "no start of learning");
	out->weights = (const signed char *)c.rest.p;
	out->n = n;
	out->scale = (float)scale / 1e6f;
	out->bias = (float)(int32_t)bias / 1e3f;
	return OK;
}

void learning_shipped(struct learning_start *out)
{
	str all = str_of(posta_learning_start,
			 (size_t)(posta_learning_start_end - posta_learning_start));

	assert(learning_start_read(all, out) == OK);
}

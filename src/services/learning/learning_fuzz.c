/* A stored model and a message, both hostile: judged and taught. */
#include "services/learning/learning.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scan_envelope env = { .now = 1795000000 };
	size_t cut = size ? data[0] * size / 256 : 0;
	str model = str_of(data, cut), message = str_of(data + cut, size - cut), next;
	struct learning_start start;
	struct learning_features f;
	struct learning_judgement j;
	struct arena a;

	arena_init(&a, MIB(64));
	learning_shipped(&start);
	learning_features(scan_mail_new(&a, message, &env, NULL), &f);
	learning_judge(&start, model, &f, &j);
	if (learning_teach(&start, model, &f, size & 1, 1795000000, &a, &next) == OK)
		learning_judge(&start, next, &f, &j);
	arena_free(&a);
	return 0;
}

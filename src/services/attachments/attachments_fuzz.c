/* Any bytes as the content of an attachment, and as its name. */
#include <stdlib.h>

#include "base/enc.h"
#include "base/limits.h"
#include "services/attachments/attachments.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static str list[] = { S("exe"), S("pdf") };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct attachments_settings set = { .programs = { list, 1 },
					    .documents = { list + 1, 1 },
					    .ratio = 100,
					    .depth = 3,
					    .unpacked = (int64_t)KIB(256) };
	struct attachments found;
	struct arena a, tree;
	struct buf m;

	for (size_t i = 0; i < ATTACHMENT_WHYS; i++)
		set.act[i] = i % 2 ? ATTACHMENT_REFUSE : ATTACHMENT_MARK;
	buf_init(&m, MIB(4));
	buf_add(&m,
		STR("Content-Transfer-Encoding: base64\nContent-Type: application/zip; name=\""));
	for (size_t i = 0; i < n && i < 60; i++)
		if (p[i] >= ' ' && p[i] != '"')
			buf_addc(&m, (char)p[i]);
	buf_add(&m, STR("\"\n\n"));
	enc_base64(&m, str_of(p, n));
	arena_init(&a, LIM_ATTACHMENTS_ARENA);
	arena_init(&tree, LIM_MIME_ARENA);
	attachments_check(&set, mime_parse(buf_str(&m), &tree), &a, &found);
	for (size_t i = 0; i < found.n; i++)
		if (!found.v[i].file.n || !utf8_valid(found.v[i].file))
			abort();
	arena_free(&a);
	arena_free(&tree);
	buf_free(&m);
	return 0;
}

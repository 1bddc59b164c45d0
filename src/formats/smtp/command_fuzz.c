/* A command's arguments read as each command's; what is printed again reads as the same. First
 * octet: the extensions. */
#include <assert.h>

#include "formats/smtp/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void address(struct arena *a, str in)
{
	struct smtp_address one, two;

	if (smtp_parse_address(in, a, &one) != OK)
		return;
	assert(smtp_parse_address(one.text, a, &two) == OK);
	assert(str_eq(one.text, two.text) && str_eq(one.local, two.local) &&
	       str_eq(one.domain, two.domain) && one.utf8 == two.utf8);
	assert(one.text.n <= LIM_SMTP_PATH && one.local.n <= LIM_SMTP_LOCAL);
}

static void mail(struct arena *a, str in, unsigned ext)
{
	struct smtp_mail one, two;
	CLEANUP(buf_free) struct buf b, again;

	buf_init(&b, KIB(64));
	buf_init(&again, KIB(64));
	if (smtp_parse_mail(in, ext, a, &one) != OK)
		return;
	smtp_print_mail(&b, &one, ext);
	assert(smtp_parse_mail(str_skip(buf_str(&b), 5), ext, a, &two) == OK);
	smtp_print_mail(&again, &two, ext);
	assert(str_eq(buf_str(&b), buf_str(&again)) && one.size == two.size);
	for (size_t i = 0; i < b.n; i++)
		assert((unsigned char)b.p[i] >= ' ');
}

static void rcpt(struct arena *a, str in, unsigned ext)
{
	struct smtp_rcpt one, two;
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, KIB(64));
	if (smtp_parse_rcpt(in, ext, a, &one) != OK)
		return;
	smtp_print_rcpt(&b, &one, ext);
	assert(smtp_parse_rcpt(str_skip(buf_str(&b), 5), ext, a, &two) == OK);
	assert(str_eq(one.to.text, two.to.text) && one.notify == two.notify);
	assert(str_eq(one.orcpt, two.orcpt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n), mechanism, initial, name;
	unsigned ext = in.n && in.p[0] & 1 ? 0xffff : 0;
	struct arena a;
	uint64_t size;
	bool flag;

	in = str_skip(in, 1);
	arena_init(&a, MIB(1));
	address(&a, in);
	mail(&a, in, ext);
	rcpt(&a, in, ext);
	(void)!smtp_parse_helo(in, &name);
	(void)!smtp_parse_bdat(in, &size, &flag);
	(void)!smtp_parse_auth(in, &mechanism, &flag, &initial);
	arena_free(&a);
	return 0;
}

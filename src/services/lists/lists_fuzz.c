/* The first octet says the type and where the text of the list ends; the rest is a question. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/lists/served.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char out[DNS_UDP_PLAIN];
	enum served_what what;
	struct buf complaints;

	if (n < 3)
		return 0;
	size_t cut = 2 + (size_t)p[1] * 4 % (n - 2);
	const struct list_options o = { .type = (enum rbl_type)(p[0] % RBL_TYPES) };
	const struct list_file f = { STR("fuzz"), str_of(p + 2, cut - 2), 1 };
	struct served *s = served_new(1);

	buf_init(&complaints, KIB(4));
	s->zones[0].lists = mem_get(sizeof(struct list *));
	if (dns_name_parse(STR("z."), STR(""), &s->zones[0].name) != OK)
		abort();
	if (list_load(&o, &f, 1, &complaints, &s->zones[0].lists[0]) == OK)
		s->zones[0].nlists = 1;
	if (served_answer(s, str_of(p + cut, n - cut), false, out, sizeof(out), &what) >
	    sizeof(out))
		abort();
	served_free(s);
	buf_free(&complaints);
	return 0;
}

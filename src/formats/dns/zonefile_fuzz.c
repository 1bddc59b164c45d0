/* Any text as a master file: what is read is printed, and reads as the same again. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct count {
	unsigned records;
};

static err again(void *arg, const struct zonefile_record *r)
{
	struct count *c = arg;
	struct buf text, wire;

	if (!dns_name_valid(r->owner) || !dns_rdata_valid(r->type, r->rdata))
		abort();
	buf_init(&text, LIM_ZONE_ENTRY * 4);
	buf_init(&wire, LIM_ZONE_ENTRY);
	dns_rdata_print(r->type, r->rdata, &text);
	if (buf_done(&text) == OK &&
	    (dns_rdata_parse(r->type, buf_str(&text), STR(""), &wire) != OK ||
	     !str_eq(buf_str(&wire), r->rdata)))
		abort();
	buf_free(&text);
	buf_free(&wire);
	return ++c->records < 1000 ? OK : fail(E_LIMIT, "enough");
}

static err include(void *arg, str path, str from, str *text)
{
	(void)arg;
	(void)from;
	*text = path; /* what it says is what it includes */
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct count c = { 0 };
	struct buf complaints;
	struct zonefile z = { .origin = STR("\1o\4test"),
			      .record = again,
			      .include = include,
			      .arg = &c,
			      .complaints = &complaints };

	z.origin.n++; /* the literal's NUL is the root */
	buf_init(&complaints, KIB(16));
	(void)!zonefile_read(&z, str_of(p, n), STR("fuzz"));
	buf_free(&complaints);
	return 0;
}

/* A header value, read as everything that a value can be; what is printed again is read as the
 * same. */
#include <assert.h>

#include "base/date.h"
#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void words(str value)
{
	CLEANUP(buf_free) struct buf b, base;

	buf_init(&b, MIB(1));
	buf_init(&base, MIB(1));
	(void)mime_decode_words(&b, value);
	assert(utf8_valid(buf_str(&b)));
	(void)mime_base_subject(&base, buf_str(&b));
	assert(base.n <= b.n);
}

static void date(str value)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	int64_t seconds, again;
	int zone, zone2;

	if (mime_date_parse(value, &seconds, &zone) != OK)
		return;
	buf_init(&b, 100);
	date_add_rfc5322(&b, seconds, zone);
	struct date d = date_of(seconds, zone);

	assert(d.year < 1900 || d.year > 9999 ||
	       (mime_date_parse(buf_str(&b), &again, &zone2) == OK && again == seconds &&
		zone == zone2));
}

/* A sound address, printed, is the same address. */
static void addresses(struct arena *a, str value)
{
	for (struct mime_address *m = mime_addresses(a, value); m; m = m->next) {
		CLEANUP(buf_free) struct buf b = { 0 };

		if (m->kind != MIME_MAILBOX || m->bad)
			continue;
		buf_init(&b, MIB(1));
		mime_add_address(&b, m);
		struct mime_address *again = mime_addresses(a, buf_str(&b));

		assert(again && !again->next);
		assert(str_eq(again->mailbox, m->mailbox) && str_eq(again->domain, m->domain));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str value = str_of(data, n), type, sub, id, rest = value;
	struct mime_param *params, *raw;
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(16));
	words(value);
	date(value);
	addresses(&a, value);
	(void)mime_typed(&a, value, &type, &sub, &params, &raw);
	(void)mime_typed(&a, value, &type, NULL, &params, &raw);
	for (; params; params = params->next)
		assert(utf8_valid(params->value));
	while (mime_next_id(&a, &rest, &id))
		assert(id.n > 0 && id.n <= n);
	(void)mime_unfolded(&a, value);
	return 0;
}

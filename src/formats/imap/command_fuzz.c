/* Arguments of every command that has a grammar of its own; what is printed is read as the same. */
#include <assert.h>

#include "formats/imap/command.h"
#include "formats/imap/fetch.h"
#include "formats/imap/list.h"
#include "formats/imap/search.h"
#include "formats/imap/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fetch(struct imap_in in, struct buf *b)
{
	struct imap_fetch f;

	if (imap_parse_fetch(&in, &f))
		return;
	imap_add_fetch(b, &f);
	in.rest = buf_str(b);
	assert(imap_parse_fetch(&in, &f) == OK);
	CLEANUP(buf_free) struct buf again;
	buf_init(&again, MIB(1));
	imap_add_fetch(&again, &f);
	assert(str_eq(buf_str(b), buf_str(&again)));
}

static void search(struct imap_in in, struct buf *b)
{
	struct imap_search s;

	if (imap_parse_search(&in, &s))
		return;
	imap_add_search(b, &s);
	in.rest = buf_str(b);
	err e = imap_parse_search(&in, &s);
	assert(e == OK || e == E_LIMIT); /* a NOT that a word held may pass the depth */
	if (e)
		return;
	CLEANUP(buf_free) struct buf again;
	buf_init(&again, MIB(1));
	imap_add_search(&again, &s);
	assert(str_eq(buf_str(b), buf_str(&again)));
}

static void list(struct imap_in in, struct buf *b)
{
	struct imap_list l;

	if (imap_parse_list(&in, false, &l))
		return;
	for (size_t i = 0; i < l.npatterns; i++) {
		(void)imap_match(l.patterns[i], l.reference);
		(void)imap_match_below(l.patterns[i], l.reference);
	}
	imap_add_list(b, &l, false);
	in.rest = buf_str(b);
	assert(imap_parse_list(&in, false, &l) == OK);
}

static void rest(struct imap_in in)
{
	struct imap_append a;
	struct imap_store s;
	struct imap_in again = in;
	int64_t t;

	(void)!imap_parse_append(&again, false, &a);
	again = in;
	(void)!imap_parse_store(&again, &s);
	(void)!imap_parse_date_time(in.rest, &t);
	(void)!imap_parse_date(in.rest, &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct imap_command c;

	if (n > 4096)
		return 0;
	arena_init(&a, MIB(8));
	struct imap_in in = { str_of(data, n), &a };
	if (imap_parse_command(&in, &c) || imap_expect(&in, ' '))
		return 0;
	CLEANUP(buf_free) struct buf b;
	buf_init(&b, MIB(1));
	fetch(in, &b);
	buf_reset(&b);
	search(in, &b);
	buf_reset(&b);
	list(in, &b);
	rest(in);
	return 0;
}

/* A pattern, a line feed, a text: where PCRE2 finds the pattern it finds its looser forms, too, and
 * in ASCII what was left of it for that. */
#include <assert.h>
#include <stdint.h>

#include "base/limits.h"
#include "services/rules/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PATTERN_MOST = 300, TEXT_MOST = 300 };

/* True also where a limit ended the search, or where it is no pattern. */
static bool may_find(str re, str text)
{
	struct regex x = { .re = re };
	struct regex_room *room;
	struct regex_match m;
	bool wide, ran_out = false, found;

	if (regex_check(re, &wide) || wide)
		return true;
	room = regex_room_new();
	found = regex_find(&x, room, text, 0, false, &m, &ran_out) || ran_out;
	regex_room_free(room);
	regex_free(&x);
	return found;
}

static bool finds(str re, str text)
{
	struct regex x = { .re = re };
	struct regex_room *room = regex_room_new();
	struct regex_match m;
	bool ran_out = false, found = regex_find(&x, room, text, 0, false, &m, &ran_out);

	regex_room_free(room);
	regex_free(&x);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	str all = str_of((const char *)p, n), re = all, text = STR(""), left;
	struct loosened light;
	struct arena a;
	bool wide;

	if (!str_cut(all, '\n', &re, &text) || re.n == 0 || re.n > PATTERN_MOST ||
	    text.n > TEXT_MOST || regex_check(re, &wide) || wide || !finds(re, text))
		return 0;
	arena_init(&a, MIB(4));
	for (int anchors = 0; anchors < 2; anchors++)
		if (rules_loosen(&a, re, anchors, &light)) {
			assert(may_find(light.re, text));
			assert(light.is <= light.was);
		}
	if (str_ascii(text) && rules_ascii(&a, re, &left))
		assert(left.p && may_find(left, text));
	arena_free(&a);
	return 0;
}

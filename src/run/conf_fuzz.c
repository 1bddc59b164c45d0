/* Parses a configuration and reads it through a table; values that were read print and parse to the
 * same. */
#include <assert.h>

#include "base/limits.h"
#include "run/conf.h"
#include "run/conf_value.h"

struct settings {
	bool on;
	int64_t number, size, time;
	str text;
	struct conf_strs list;
	const struct conf_node *group;
};
static const struct conf_key keys[] = {
	{ "on", CONF_BOOL, offsetof(struct settings, on), 0, 0, "true", "" },
	{ "number", CONF_INT, offsetof(struct settings, number), 0, 0, "1", "" },
	{ "size", CONF_SIZE, offsetof(struct settings, size), 0, 0, "1k", "" },
	{ "time", CONF_DURATION, offsetof(struct settings, time), 0, 0, "1s", "" },
	{ "text", CONF_STR, offsetof(struct settings, text), 0, 0, "", "" },
	{ "list", CONF_STRS, offsetof(struct settings, list), 0, 0, "", "" },
	{ "group", CONF_NODE, offsetof(struct settings, group), 0, 0, "", "" },
};

static void again(enum conf_type type, int64_t v)
{
	struct buf b;
	int64_t w = -1;

	if (v < 0)
		return;
	buf_init(&b, 64);
	conf_print_value(type, v, &b);
	err e = type == CONF_SIZE ? conf_parse_size(buf_str(&b), &w)
				  : conf_parse_duration(buf_str(&b), &w);

	assert(e == OK && v == w);
	buf_free(&b);
}

/* libconfig 1.5 forgets the text of an unfinished string when it refuses a file: some octets a bad
 * file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct settings s;
	struct buf complaints;
	struct conf *c = NULL;
	struct arena a;

	arena_init(&a, MIB(8));
	buf_init(&complaints, LIM_CONF_COMPLAINTS);
	if (conf_parse(str_of(data, n), STR("f"), &complaints, &c) == OK) {
		if (conf_read(conf_root(c), keys, COUNT(keys), &s, &a, &complaints) == OK) {
			again(CONF_SIZE, s.size);
			again(CONF_DURATION, s.time);
		} else {
			assert(complaints.n > 0);
		}
		conf_free(c);
	}
	buf_free(&complaints);
	arena_free(&a);
	return 0;
}

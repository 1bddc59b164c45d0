#include "base/limits.h"
#include "base/map.h"
#include "roles/monitor/monitor.h"

struct family {
	struct family *next;
	struct buf head, samples;
};
struct families {
	struct map by_name;
	struct family *first, **last; /* in the order seen */
};

struct families *families_new(void)
{
	struct families *f = MEM_NEW(struct families);

	map_init(&f->by_name);
	f->last = &f->first;
	return f;
}

void families_free(struct families *f)
{
	while (f->first) {
		struct family *at = f->first;

		f->first = at->next;
		buf_free(&at->head);
		buf_free(&at->samples);
		mem_free(at);
	}
	map_free(&f->by_name);
	mem_free(f);
}

static struct family *family(struct families *f, str name)
{
	struct family *at = map_get(&f->by_name, name);

	if (at || f->by_name.n == LIM_METRICS)
		return at;
	at = MEM_NEW(struct family);
	buf_init(&at->head, KIB(4));
	buf_init(&at->samples, LIM_HTTP_ANSWER);
	*f->last = at;
	f->last = &at->next;
	map_put(&f->by_name, name, at);
	return at;
}

/* The name that a line is about; *head says whether it is HELP or TYPE. "" for another comment. */
static str name_of(str line, bool *head)
{
	size_t n = 0;

	*head = str_starts(line, STR("# HELP ")) || str_starts(line, STR("# TYPE "));
	if (*head)
		line = str_skip(line, 7);
	while (n < line.n && (ch_alnum(line.p[n]) || line.p[n] == '_' || line.p[n] == ':'))
		n++;
	return str_take(line, n);
}

void families_add(struct families *f, str text)
{
	str line;

	while (str_next(&text, '\n', &line)) {
		bool head;
		str name = name_of(line, &head);
		struct family *at = name.n ? family(f, name) : NULL;

		if (!at)
			continue;
		struct buf *to = head ? &at->head : &at->samples;

		if (head && str_search(buf_str(to), line) < to->n)
			continue;
		buf_add(to, line);
		buf_addc(to, '\n');
	}
}

void families_print(const struct families *f, struct buf *out)
{
	for (const struct family *at = f->first; at; at = at->next) {
		buf_add(out, buf_str(&at->head));
		buf_add(out, buf_str(&at->samples));
	}
}

/* Settings that are lists of values: domains, addresses, hosts. */
#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

struct list {
	str *v;
	size_t n, cap;
	struct map exact; /* lower case -> v */
	str *globs;
	size_t nglobs;
};

/* How a setting's value is taken apart. */
enum take {
	TAKE_WORDS,
	TAKE_WHOLE, /* one value, spaces and all */
	TAKE_NAMED, /* "(NAME) words": a list for each name */
	TAKE_HOSTS, /* enlist_uri_host's list that the setting stands for */
	TAKE_CLEAR,
	TAKE_REMOVE,
};
/* Sorted by name is not needed: a few hundred lines of a set ask. */
static const struct setting {
	str name;
	enum take take;
	str list; /* "": the name itself */
} settings[] = {
	{ S("all_spam_to"), TAKE_WORDS, S("") },
	{ S("adsp_override"), TAKE_WHOLE, S("") },
	{ S("blocklist_from"), TAKE_WORDS, S("") },
	{ S("blocklist_to"), TAKE_WORDS, S("") },
	{ S("blocklist_uri_host"), TAKE_HOSTS, S("BLOCK") },
	{ S("clear_util_rb"), TAKE_CLEAR, S("util_rb_tld") },
	{ S("clear_originating_ip_headers"), TAKE_CLEAR, S("originating_ip_headers") },
	{ S("clear_uridnsbl_skip_domain"), TAKE_CLEAR, S("uridnsbl_skip_domain") },
	{ S("def_welcomelist_auth"), TAKE_WORDS, S("") },
	{ S("def_welcomelist_from_dkim"), TAKE_WHOLE, S("") },
	{ S("def_welcomelist_from_rcvd"), TAKE_WHOLE, S("") },
	{ S("def_welcomelist_from_spf"), TAKE_WORDS, S("") },
	{ S("enlist_addrlist"), TAKE_NAMED, S("") },
	{ S("enlist_uri_host"), TAKE_NAMED, S("") },
	{ S("fns_ignore_headers"), TAKE_WORDS, S("") },
	{ S("freemail_domains"), TAKE_WORDS, S("") },
	{ S("freemail_import_def_welcomelist_auth"), TAKE_WORDS, S("") },
	{ S("freemail_import_welcomelist_auth"), TAKE_WORDS, S("") },
	{ S("freemail_max_body_emails"), TAKE_WORDS, S("") },
	{ S("freemail_max_body_freemails"), TAKE_WORDS, S("") },
	{ S("freemail_skip_when_over_max"), TAKE_WORDS, S("") },
	{ S("freemail_welcomelist"), TAKE_WORDS, S("") },
	{ S("more_spam_to"), TAKE_WORDS, S("") },
	{ S("ok_locales"), TAKE_WORDS, S("") },
	{ S("originating_ip_headers"), TAKE_WORDS, S("") },
	{ S("redirector_pattern"), TAKE_WHOLE, S("") },
	{ S("unblocklist_from"), TAKE_REMOVE, S("blocklist_from") },
	{ S("unwelcomelist_auth"), TAKE_REMOVE, S("welcomelist_auth") },
	{ S("unwelcomelist_from"), TAKE_REMOVE, S("welcomelist_from") },
	{ S("uridnsbl_skip_domain"), TAKE_WORDS, S("") },
	{ S("url_shortener"), TAKE_WORDS, S("") },
	{ S("url_shortener_get"), TAKE_WORDS, S("url_shortener") },
	{ S("util_rb_2tld"), TAKE_WORDS, S("") },
	{ S("util_rb_3tld"), TAKE_WORDS, S("") },
	{ S("util_rb_tld"), TAKE_WORDS, S("") },
	{ S("welcomelist_allows_relays"), TAKE_WORDS, S("") },
	{ S("welcomelist_auth"), TAKE_WORDS, S("") },
	{ S("welcomelist_bounce_relays"), TAKE_WORDS, S("") },
	{ S("welcomelist_from"), TAKE_WORDS, S("") },
	{ S("welcomelist_from_dkim"), TAKE_WHOLE, S("") },
	{ S("welcomelist_from_rcvd"), TAKE_WHOLE, S("") },
	{ S("welcomelist_from_spf"), TAKE_WORDS, S("") },
	{ S("welcomelist_subject"), TAKE_WHOLE, S("") },
	{ S("blocklist_subject"), TAKE_WHOLE, S("") },
	{ S("welcomelist_to"), TAKE_WORDS, S("") },
	{ S("welcomelist_uri_host"), TAKE_HOSTS, S("WELCOME") },
};

void lists_init(struct rules_lists *l)
{
	map_init(&l->lists);
}

static void list_clear(struct list *l)
{
	map_free(&l->exact);
	mem_free(l->v);
	mem_free(l->globs);
	*l = (struct list){ .n = 0 };
}

void lists_free(struct rules_lists *l)
{
	str key;
	void *value;

	for (size_t at = 0; map_each(&l->lists, &at, &key, &value);) {
		list_clear(value);
		mem_free(value);
	}
	map_free(&l->lists);
}

static struct list *list_of(struct rules_lists *l, str name)
{
	struct list *found = map_get(&l->lists, name);

	if (!found) {
		found = MEM_NEW(struct list);
		map_init(&found->exact);
		(void)map_put(&l->lists, name, found);
	}
	return found;
}

static void list_add(struct rules *r, struct list *l, str value)
{
	if (l->n == LIM_RULES_VALUES)
		return;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = mem_resize(l->v, size_mul(l->cap, sizeof(*l->v)));
	}
	l->v[l->n] = arena_dup(&r->a, value);
	if (l->v[l->n].p)
		l->n++;
}

static void list_remove_value(struct list *l, str value)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!str_eqi(l->v[i], value))
			l->v[kept++] = l->v[i];
	l->n = kept;
}

static void add_words(struct rules *r, str list, str words)
{
	str word;
	struct list *l = list_of(&r->lists, list);

	while (rule_word(&words, &word))
		list_add(r, l, word);
}

/* "(NAME) a b": the list "setting NAME"; "!a" takes out. */
static bool take_named(struct rules *r, str setting, str value)
{
	size_t end = str_find(value, ')');

	if (value.n == 0 || value.p[0] != '(' || end == value.n)
		return false;

	str list = arena_fmt(&r->a, "%.*s %.*s", STRF(setting),
			     STRF(str_take(str_skip(value, 1), end - 1)));

	if (list.p)
		add_words(r, list, str_skip(value, end + 1));
	return true;
}

static const struct setting *find_setting(str key)
{
	for (size_t i = 0; i < COUNT(settings); i++)
		if (str_eq(settings[i].name, key))
			return &settings[i];
	return NULL;
}

/* Names of before SpamAssassin 4: whitelist, blacklist. */
static str renamed(struct rules *r, str key)
{
	size_t at = str_search(key, STR("whitelist"));

	if (at < key.n)
		return arena_fmt(&r->a, "%.*swelcomelist%.*s", STRF(str_take(key, at)),
				 STRF(str_skip(key, at + 9)));
	at = str_search(key, STR("blacklist"));
	if (at < key.n)
		return arena_fmt(&r->a, "%.*sblocklist%.*s", STRF(str_take(key, at)),
				 STRF(str_skip(key, at + 9)));
	return key;
}

bool lists_take(struct rules *r, const struct rule_line *l)
{
	str key = renamed(r, l->key), word, rest = l->value;
	const struct setting *s = find_setting(key);

	if (!s)
		return false;

	str list = s->list.n ? s->list : s->name;

	switch (s->take) {
	case TAKE_WORDS:
		add_words(r, list, l->value);
		break;
	case TAKE_WHOLE:
		list_add(r, list_of(&r->lists, list), l->value);
		break;
	case TAKE_NAMED:
		return take_named(r, key, l->value);
	case TAKE_HOSTS:
		list = arena_fmt(&r->a, "enlist_uri_host %.*s", STRF(s->list));
		if (list.p)
			add_words(r, list, l->value);
		break;
	case TAKE_CLEAR:
		list_clear(list_of(&r->lists, list));
		if (str_eq(key, STR("clear_util_rb"))) {
			list_clear(list_of(&r->lists, STR("util_rb_2tld")));
			list_clear(list_of(&r->lists, STR("util_rb_3tld")));
		}
		break;
	case TAKE_REMOVE:
		while (rule_word(&rest, &word))
			list_remove_value(list_of(&r->lists, list), word);
		break;
	}
	return true;
}

static bool is_glob(str s)
{
	return str_find(s, '*') < s.n || str_find(s, '?') < s.n;
}

/* In lower case; what is longer than any name is no member. */
static bool lowered(str s, char out[256], str *low)
{
	if (s.n > 256)
		return false;
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	*low = str_of(out, s.n);
	return true;
}

void lists_finish(struct rules *r)
{
	str key, low;
	void *value;
	char room[256];

	for (size_t at = 0; map_each(&r->lists.lists, &at, &key, &value);) {
		struct list *l = value;

		l->globs = mem_get(size_mul(l->n + 1, sizeof(*l->globs)));
		for (size_t i = 0; i < l->n; i++) {
			if (is_glob(l->v[i]))
				l->globs[l->nglobs++] = l->v[i];
			else if (lowered(l->v[i], room, &low))
				(void)map_put(&l->exact, low, &l->v[i]);
		}
	}
}

bool rules_listed(const struct rules_lists *l, str list, str value)
{
	const struct list *found = map_get(&l->lists, list);
	char room[256];
	str low;

	if (!found || !lowered(value, room, &low))
		return false;
	if (map_get(&found->exact, low))
		return true;
	for (size_t i = 0; i < found->nglobs; i++)
		if (rule_glob(found->globs[i], low))
			return true;
	return false;
}

struct scan_strs rules_list(const struct rules_lists *l, str list)
{
	const struct list *found = map_get(&l->lists, list);

	return found ? (struct scan_strs){ .v = found->v, .n = found->n }
		     : (struct scan_strs){ .n = 0 };
}

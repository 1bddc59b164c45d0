/* Settings by their tables. */
#include <stdlib.h>
#include <string.h>

#include "run/conf.h"
#include "run/conf_tree.h"
#include "run/conf_value.h"

#define NAME_MAX_LOOKED 64 /* octets of a name that spelling is compared on */

struct reading {
	const struct conf_node *group;
	struct arena *a;
	struct buf *complaints;
	bool bad;
};

/* Levenshtein over two rows. */
static unsigned distance(str a, str b)
{
	unsigned row[NAME_MAX_LOOKED + 1];

	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned change = diagonal + (ch_lower(a.p[i - 1]) != ch_lower(b.p[j - 1]));
			unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = least < change ? least : change;
		}
	}
	return row[b.n];
}

const char *conf_nearest(str name, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned least = (unsigned)name.n / 3 + 2;

	if (name.n > NAME_MAX_LOOKED)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		str known = str_z(names[i]);
		unsigned d = known.n <= NAME_MAX_LOOKED ? distance(name, known) : least;

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

static bool known(str name, const struct conf_key *keys, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++)
		if (str_eq(str_z(keys[i].name), name))
			return true;
	return false;
}

static void complain_unknown(struct reading *r, const struct conf_node *n,
			     const struct conf_key *keys, size_t nkeys)
{
	const char **names = NEW_TRY(r->a, const char *, nkeys);
	const char *near = NULL;

	r->bad = true;
	for (size_t i = 0; names && i < nkeys; i++)
		names[i] = keys[i].name;
	if (names)
		near = conf_nearest(n->name, names, nkeys);
	if (near)
		conf_complain(n, r->complaints, "unknown setting \"%.*s\"; write \"%s\" instead",
			      STRF(n->name), near);
	else
		conf_complain(
			n, r->complaints,
			"unknown setting \"%.*s\"; remove it, `posta check --settings` lists all",
			STRF(n->name));
}

static const char *wanted(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_BOOL:
		return "true or false";
	case CONF_INT:
		return "a whole number";
	case CONF_REAL:
		return "a number such as 2 or 2.5";
	case CONF_SIZE:
		return "a size such as \"64k\", \"50M\" or \"1G\"";
	case CONF_DURATION:
		return "a time such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"5d\"";
	case CONF_STR:
		return "text in double quotes";
	case CONF_STRS:
		return "text in double quotes, or a list of such: [\"a\", \"b\"]";
	case CONF_NODE:
		break;
	}
	return "a group or list";
}

static void complain_type(struct reading *r, const struct conf_node *n, const struct conf_key *k)
{
	r->bad = true;
	conf_complain(n, r->complaints, "\"%s\" cannot have this value; write %s", k->name,
		      wanted(k));
}

static void print_range(const struct conf_key *k, struct buf *out)
{
	conf_print_value(k->type, k->min, out);
	if (k->max == INT64_MAX) {
		buf_add(out, STR(" or more"));
	} else {
		buf_add(out, STR(" to "));
		conf_print_value(k->type, k->max, out);
	}
}

static void check_range(struct reading *r, const struct conf_node *n, const struct conf_key *k,
			int64_t v)
{
	struct buf text;

	if ((k->min == 0 && k->max == 0) || (v >= k->min && v <= k->max))
		return;
	r->bad = true;
	buf_init(&text, 256);
	print_range(k, &text);
	conf_complain(n, r->complaints, "\"%s\" is out of range; write a value from %.*s", k->name,
		      STRF(buf_str(&text)));
	buf_free(&text);
}

/* A number, or its text with a unit. */
static void read_number(struct reading *r, const struct conf_node *n, const struct conf_key *k,
			int64_t *out)
{
	err e = E_SYNTAX;

	if (n->kind == NODE_STR && k->type == CONF_SIZE)
		e = conf_parse_size(n->s, out);
	else if (n->kind == NODE_STR && k->type == CONF_DURATION)
		e = conf_parse_duration(n->s, out);
	else if (n->kind == NODE_INT && (k->type != CONF_DURATION || n->i == 0)) {
		*out = n->i;
		e = OK;
	}
	if (e)
		complain_type(r, n, k);
	else
		check_range(r, n, k, *out);
}

static void read_real(struct reading *r, const struct conf_node *n, const struct conf_key *k,
		      double *out)
{
	if (n->kind != NODE_REAL && n->kind != NODE_INT)
		return complain_type(r, n, k);
	*out = n->kind == NODE_INT ? (double)n->i : n->d;
	bool fits = *out >= (double)k->min && *out <= (double)k->max;

	check_range(r, n, k, fits ? k->min : k->max == INT64_MAX ? k->min - 1 : k->max + 1);
}

static void read_strs(struct reading *r, const struct conf_node *n, const struct conf_key *k,
		      struct conf_strs *out)
{
	const struct conf_node *from = n->kind == NODE_LIST ? n->kids : n;
	size_t count = n->kind == NODE_LIST ? n->nkids : 1;
	str *v = NEW_TRY(r->a, str, count);

	if (!v)
		return complain_type(r, n, k);
	for (size_t i = 0; i < count; i++) {
		if (from[i].kind != NODE_STR)
			return complain_type(r, &from[i], k);
		v[i] = from[i].s;
	}
	*out = (struct conf_strs){ v, count };
}

static void read_value(struct reading *r, const struct conf_node *n, const struct conf_key *k,
		       void *out)
{
	switch (k->type) {
	case CONF_BOOL:
		if (n->kind != NODE_BOOL)
			return complain_type(r, n, k);
		*(bool *)out = n->i != 0;
		break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
		read_number(r, n, k, out);
		break;
	case CONF_REAL:
		read_real(r, n, k, out);
		break;
	case CONF_STR:
		if (n->kind != NODE_STR)
			return complain_type(r, n, k);
		*(str *)out = n->s;
		break;
	case CONF_STRS:
		read_strs(r, n, k, out);
		break;
	case CONF_NODE:
		*(const struct conf_node **)out = n;
		break;
	}
}

static err default_strs(struct reading *r, str text, struct conf_strs *out)
{
	size_t n = 1;
	str rest = text, piece;

	*out = (struct conf_strs){ NULL, 0 };
	if (text.n == 0)
		return OK;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	str *v = arena_get(r->a, size_mul(n, sizeof(str)), _Alignof(str));

	for (size_t i = 0; str_next(&rest, ',', &piece); i++)
		v[i] = str_trim(piece);
	*out = (struct conf_strs){ v, n };
	return OK;
}

/* A default is the program's own text: a wrong one is a bug. */
static err read_default(struct reading *r, const struct conf_key *k, void *out)
{
	str text = str_z(k->dflt);

	switch (k->type) {
	case CONF_BOOL:
		return conf_parse_bool(text, out);
	case CONF_INT:
		return str_i64(text, out);
	case CONF_REAL:
		*(double *)out = strtod(k->dflt, NULL);
		return OK;
	case CONF_SIZE:
		return conf_parse_size(text, out);
	case CONF_DURATION:
		return conf_parse_duration(text, out);
	case CONF_STR:
		*(str *)out = text;
		return OK;
	case CONF_STRS:
		return default_strs(r, text, out);
	case CONF_NODE:
		*(const struct conf_node **)out = NULL;
		return OK;
	}
	return E_SYNTAX;
}

static err read_key(struct reading *r, const struct conf_key *k, void *out)
{
	const struct conf_node *n = conf_find(r->group, k->name);

	if (n) {
		read_value(r, n, k, out);
		return OK;
	}
	if (!k->dflt) {
		r->bad = true;
		conf_complain(r->group, r->complaints,
			      "setting \"%s\" is missing; write %s = ...; (%s): %s", k->name,
			      k->name, wanted(k), k->help);
		return OK;
	}
	err e = read_default(r, k, out);

	return e ? fail(e, "the default of \"%s\" is wrong", k->name) : OK;
}

static err read_group(struct reading *r, const struct conf_key *keys, size_t nkeys, void *out)
{
	const struct conf_node *n = r->group;

	if (n && n->kind != NODE_GROUP) {
		conf_complain(n, r->complaints, "\"%.*s\" is no group; write %.*s: { ... };",
			      STRF(n->name), STRF(n->name));
		return E_SYNTAX;
	}
	for (size_t i = 0; i < nkeys; i++)
		TRY(read_key(r, &keys[i], (char *)out + keys[i].offset));
	return r->bad ? fail(E_SYNTAX, "the configuration has errors") : OK;
}

err conf_read_known(const struct conf_node *n, const struct conf_key *keys, size_t nkeys, void *out,
		    struct arena *a, struct buf *complaints)
{
	struct reading r = { n, a, complaints, false };

	return read_group(&r, keys, nkeys, out);
}

err conf_read(const struct conf_node *n, const struct conf_key *keys, size_t nkeys, void *out,
	      struct arena *a, struct buf *complaints)
{
	struct reading r = { n, a, complaints, false };

	for (size_t i = 0; i < conf_count(n); i++)
		if (conf_is_group(n) && !known(n->kids[i].name, keys, nkeys))
			complain_unknown(&r, &n->kids[i], keys, nkeys);
	return read_group(&r, keys, nkeys, out);
}

void conf_describe(const struct conf_key *k, struct buf *out)
{
	buf_fmt(out, "  %-24s %s\n%26s %s", k->name, k->help, "", wanted(k));
	if (k->min != 0 || k->max != 0) {
		buf_add(out, STR(", "));
		print_range(k, out);
	}
	if (!k->dflt)
		buf_add(out, STR("; must be given\n"));
	else if (k->type == CONF_NODE || !*k->dflt)
		buf_add(out, STR("; none by default\n"));
	else
		buf_fmt(out, "; %s by default\n", k->dflt);
}

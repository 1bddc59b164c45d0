/* The tree: libconfig parses, then its result is copied into one arena, so that nothing of it is
 * shared or changes. */
#include "run/conf.h"

#include <libconfig.h>
#include <stdarg.h>
#include <string.h>

#include "base/limits.h"
#include "run/conf_tree.h"

struct conf {
	struct arena arena;
	struct conf_node root;
};

/* A complaint that does not fit whole is left out whole. */
void conf_complain(const struct conf_node *n, struct buf *complaints, const char *fmt, ...)
{
	struct buf line;
	va_list ap;

	if (complaints->e)
		return;
	buf_init(&line, KIB(2));
	if (n)
		buf_fmt(&line, "%.*s:%u: ", STRF(n->file), n->line);
	va_start(ap, fmt);
	buf_vfmt(&line, fmt, ap);
	va_end(ap);
	buf_addc(&line, '\n');
	if (size_add(complaints->n, line.n) <= complaints->max)
		buf_add(complaints, buf_str(&line));
	buf_free(&line);
}

struct copying {
	struct arena *a;
	str file;
	struct buf *complaints;
	bool bad;
};

static void copy_scalar(struct copying *c, config_setting_t *from, struct conf_node *to)
{
	switch (config_setting_type(from)) {
	case CONFIG_TYPE_STRING:
		to->kind = NODE_STR;
		to->s = arena_dup(c->a, str_z(config_setting_get_string(from)));
		break;
	case CONFIG_TYPE_INT:
		to->kind = NODE_INT;
		to->i = config_setting_get_int(from);
		break;
	case CONFIG_TYPE_INT64:
		to->kind = NODE_INT;
		to->i = config_setting_get_int64(from);
		break;
	case CONFIG_TYPE_FLOAT:
		to->kind = NODE_REAL;
		to->d = config_setting_get_float(from);
		break;
	case CONFIG_TYPE_BOOL:
		to->kind = NODE_BOOL;
		to->i = config_setting_get_bool(from);
		break;
	default:
		to->kind = NODE_OTHER;
	}
}

/* Depth is bounded by LIM_CONF_DEPTH. */
static void copy(struct copying *c, config_setting_t *from, struct conf_node *to, unsigned depth)
{
	to->file = c->file;
	to->line = config_setting_source_line(from);
	to->name = arena_dup(c->a, str_z(config_setting_name(from)));
	if (!config_setting_is_aggregate(from)) {
		copy_scalar(c, from, to);
		return;
	}
	to->kind = config_setting_is_group(from) ? NODE_GROUP : NODE_LIST;
	if (depth == LIM_CONF_DEPTH) {
		conf_complain(to, c->complaints, "more than %d groups inside one another",
			      LIM_CONF_DEPTH);
		c->bad = true;
		return;
	}
	int n = config_setting_length(from);

	to->nkids = n > 0 ? (size_t)n : 0;
	to->kids = NEW_TRY(c->a, struct conf_node, to->nkids);
	if (!to->kids) {
		to->nkids = 0;
		c->bad = true;
		return;
	}
	for (size_t i = 0; i < to->nkids; i++) {
		to->kids[i].parent = to;
		copy(c, config_setting_get_elem(from, (unsigned)i), &to->kids[i], depth + 1);
	}
}

/* libconfig would open files by itself, which a role's process cannot and need not. */
static err refuse_include(str text, str name, struct buf *complaints)
{
	str rest = text, line;

	for (unsigned n = 1; str_next(&rest, '\n', &line); n++)
		if (str_starts(str_trim_ws(line), STR("@include"))) {
			struct conf_node at = { .file = name, .line = n };

			conf_complain(&at, complaints,
				      "@include is not supported; write all settings in one file");
			return E_SYNTAX;
		}
	return OK;
}

static err parse_text(str text, str name, struct buf *complaints, struct conf *c, config_t *lib)
{
	struct conf_node at = { .file = name, .line = 1 };

	if (text.n > LIM_CONF || str_find(text, '\0') < text.n) {
		conf_complain(&at, complaints,
			      text.n > LIM_CONF ? "the file is over 1 MiB"
						: "the file has a NUL byte; it is not text");
		return E_SYNTAX;
	}
	TRY(refuse_include(text, name, complaints));
	const char *z = arena_z(&c->arena, text);

	if (!z)
		return fail(E_LIMIT, "no memory for the configuration");
	if (!config_read_string(lib, z)) {
		at.line = (unsigned)config_error_line(lib);
		conf_complain(
			&at, complaints,
			"%s; look here and on the line before for a missing \";\", \"}\" or quote",
			config_error_text(lib));
		return E_SYNTAX;
	}
	struct copying cp = { .a = &c->arena,
			      .file = arena_dup(&c->arena, name),
			      .complaints = complaints };

	copy(&cp, config_root_setting(lib), &c->root, 0);
	return cp.bad ? E_SYNTAX : OK;
}

err conf_parse(str text, str name, struct buf *complaints, struct conf **out)
{
	struct conf *c = MEM_NEW(struct conf);
	config_t lib;

	arena_init(&c->arena, LIM_CONF * 64);
	config_init(&lib);
	err e = parse_text(text, name, complaints, c, &lib);

	config_destroy(&lib);
	if (e) {
		conf_free(c);
		return fail(e, "the configuration has errors");
	}
	*out = c;
	return OK;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	arena_free(&c->arena);
	mem_free(c);
}

const struct conf_node *conf_root(const struct conf *c)
{
	return &c->root;
}

static const struct conf_node *child(const struct conf_node *n, str name)
{
	for (size_t i = 0; n && i < n->nkids; i++)
		if (str_eq(n->kids[i].name, name))
			return &n->kids[i];
	return NULL;
}

const struct conf_node *conf_find(const struct conf_node *n, const char *path)
{
	str rest = str_z(path), name;

	while (n && str_next(&rest, '.', &name))
		n = child(n, name);
	return n;
}

size_t conf_count(const struct conf_node *n)
{
	return n ? n->nkids : 0;
}

const struct conf_node *conf_at(const struct conf_node *n, size_t index)
{
	return index < conf_count(n) ? &n->kids[index] : NULL;
}

str conf_name(const struct conf_node *n)
{
	return n ? n->name : STR("");
}

bool conf_is_group(const struct conf_node *n)
{
	return n && n->kind == NODE_GROUP;
}

str conf_str(const struct conf_node *n, struct buf *complaints)
{
	if (n && n->kind == NODE_STR)
		return n->s;
	conf_complain(n, complaints, "\"%.*s\" is no text; write it in double quotes",
		      STRF(conf_name(n)));
	return STR("");
}

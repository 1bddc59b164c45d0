/* posta zone record add, remove. */
#include "base/limits.h"
#include "posta/cmd_zone.h"

/* DATA may be one word or several: the shell's quotes are not the master file's. */
static str data_of(struct dircmd *c, size_t from)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, LIM_ZONE_RDATA_TEXT);
	for (size_t i = from; i < c->nwords; i++)
		buf_fmt(&b, "%s%.*s", i > from ? " " : "", STRF(c->words[i]));
	return arena_dup(c->env->arena, buf_str(&b));
}

static err typed(struct dircmd *c, const struct zone_change *z, struct dir_record *r)
{
	return dirzone_record_parse(dns_name_str(&z->name.wire), c->words[2], c->words[3],
				    data_of(c, 4), c->env->arena, r);
}

static err add_typed(struct dircmd *c, const struct zone_change *z, int64_t ttl)
{
	struct dir_record r = { 0 };

	TRY(typed(c, z, &r));
	r.ttl = ttl;
	return dirzone_record_add(c->d, z->id, &r);
}

static int add(struct dircmd *c)
{
	const struct dircmd_option *o = dircmd_given(c, "--ttl");
	struct zone_change *z = NEW(c->env->arena, struct zone_change);
	uint64_t ttl = 0;

	if (c->nwords < 5)
		return cmd_usage(c->env, "record add ZONE NAME TYPE DATA...");
	if (o && str_u64(o->value, INT32_MAX, &ttl))
		return cmd_usage(c->env, "--ttl takes seconds, up to 2147483647");
	int code = dircmd_open(c, DIRCMD_WRITE);

	if (code)
		return code;
	err e = zone_change_begin(z, c, c->words[1]);

	if (!e)
		e = zone_change_end(z, add_typed(c, z, o ? (int64_t)ttl : -1));
	return e ? dircmd_error(c, e) : dircmd_done(c, "record", c->words[2], "added");
}

/* Without a type all of the name, without data all of the type. */
static err remove_typed(struct dircmd *c, const struct zone_change *z, int64_t *n)
{
	struct dir_record r = { .type = STR(""), .data = STR("") };
	str apex = dns_name_str(&z->name.wire);

	if (c->nwords > 4) {
		TRY(typed(c, z, &r));
	} else {
		/* The name's stored form, by way of a record that it could have. */
		TRY(dirzone_record_parse(apex, c->words[2], STR("TXT"), STR("\"\""), c->env->arena,
					 &r));
		r.data = r.type = STR("");
		if (c->nwords == 4) {
			struct buf b;

			buf_init(&b, 100);
			for (size_t i = 0; i < c->words[3].n; i++)
				buf_addc(&b, ch_upper(c->words[3].p[i]));
			r.type = arena_dup(c->env->arena, buf_str(&b));
			buf_free(&b);
		}
	}
	return dirzone_record_remove(c->d, z->id, &r, n);
}

static int drop(struct dircmd *c)
{
	struct zone_change *z = NEW(c->env->arena, struct zone_change);
	int64_t n = 0;
	int code = dircmd_open(c, DIRCMD_WRITE);

	if (code)
		return code;
	err e = zone_change_begin(z, c, c->words[1]);

	if (!e)
		e = zone_change_end(z, remove_typed(c, z, &n));
	if (e)
		return dircmd_error(c, e);
	str what = arena_fmt(c->env->arena, "removed (%lld)%c", (long long)n, 0);

	return dircmd_done(c, "record", c->words[2], what.p);
}

int cmd_zone_record(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option *options = arena_get(c->env->arena, 2 * sizeof(*options), 16);

	options[0] = (struct dircmd_option){ .name = "--ttl", .takes = true };
	int code = dircmd_parse(c, argc, argv, NULL, options, 3, DIRCMD_WORDS);

	if (code)
		return code;
	if (str_eq(c->words[0], STR("add")))
		return add(c);
	if (str_eq(c->words[0], STR("remove")))
		return drop(c);
	return cmd_usage(c->env, "record add or record remove?");
}

/* posta zone check: a zone of the directory, or a master file. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "posta/cmd_zone.h"

struct checking {
	struct buf errors, warnings;
	bool json;
};

static void lines_json(struct buf *out, const char *name, str lines)
{
	str one;
	bool first = true;

	buf_fmt(out, ", \"%s\": [", name);
	while (str_next(&lines, '\n', &one)) {
		if (!one.n)
			continue;
		buf_add(out, first ? STR("") : STR(", "));
		cmd_json(out, one);
		first = false;
	}
	buf_addc(out, ']');
}

static void lines_text(struct buf *out, const char *before, str lines)
{
	str one;

	while (str_next(&lines, '\n', &one))
		if (one.n)
			buf_fmt(out, "%s%.*s\n", before, STRF(one));
}

static int report(struct dircmd *c, str name, struct checking *k, err e)
{
	CLEANUP(buf_free) struct buf out = { 0 };
	bool ok = !e && !k->errors.n;

	buf_init(&out, MIB(8));
	if (c->env->json) {
		buf_add(&out, STR("{\"zone\": "));
		cmd_json(&out, name);
		buf_fmt(&out, ", \"ok\": %s", ok ? "true" : "false");
		lines_json(&out, "errors", buf_str(&k->errors));
		lines_json(&out, "warnings", buf_str(&k->warnings));
		buf_add(&out, STR("}\n"));
	} else {
		lines_text(&out, "", buf_str(&k->errors));
		lines_text(&out, "warning: ", buf_str(&k->warnings));
		if (ok)
			buf_fmt(&out, "%.*s is fine\n", STRF(name));
	}
	int code = cmd_print(&out);

	return code ? code : ok ? CMD_OK : CMD_FAILED;
}

/* "example.org.zone", "/etc/zones/example.org": the zone's name, unless --origin says it. */
static str origin_of(str path)
{
	static const str ends[] = { S(".zone"), S(".db"), S(".txt"), S(".signed") };
	str name = str_skip(path, str_rfind(path, '/') < path.n ? str_rfind(path, '/') + 1 : 0);

	for (size_t i = 0; i < COUNT(ends); i++)
		if (str_endsi(name, ends[i]))
			return str_take(name, name.n - ends[i].n);
	return str_startsi(name, STR("db.")) ? str_skip(name, 3) : name;
}

static err check_file(const char *path, str origin, struct checking *k)
{
	struct zone_builder *b = NULL;
	struct dirzone_name *name = MEM_NEW(struct dirzone_name);
	err e = dirzone_name_parse(origin, name);
	struct zone_file f = { .path = path,
			       .apex = dns_name_str(&name->wire),
			       .complaints = &k->errors };

	if (!e)
		e = zone_read_file(&f, &b);
	if (e && !k->errors.n)
		buf_fmt(&k->errors, "%s\n", err_last()->text);
	if (!e)
		e = zone_builder_check(b, &k->errors, &k->warnings);
	zone_builder_free(b);
	mem_free(name);
	return e;
}

static err check_zone(struct dircmd *c, struct checking *k)
{
	uint64_t id;

	TRY(dirzone_find(c->d, c->words[0], &id));
	err e = zone_mistakes(c->d, id, &k->errors, &k->warnings);

	return k->errors.n ? OK : e;
}

int cmd_zone_check(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--origin", .takes = true }, { 0 } };
	struct checking k = { 0 };
	struct stat st;
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (code)
		return code;
	buf_init(&k.errors, MIB(1));
	buf_init(&k.warnings, MIB(1));
	str what = c->words[0];
	const char *path = arena_z(c->env->arena, what);
	bool file = options[0].given || str_find(what, '/') < what.n || stat(path, &st) == 0;

	if (!file)
		code = dircmd_open(c, DIRCMD_READ);
	if (!code) {
		err e = file ? check_file(path,
					  options[0].given ? options[0].value : origin_of(what), &k)
			     : check_zone(c, &k);

		code = e && !k.errors.n ? dircmd_error(c, e) : report(c, what, &k, e);
	}
	buf_free(&k.errors);
	buf_free(&k.warnings);
	return code;
}

/* posta zone: add, set, show, list, delete, export, and the table of its verbs. */
#include "posta/cmd_zone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/config.h"

/* ---- add ---- */

static err add_ns(struct dircmd *c, uint64_t id, str apex, str list)
{
	str host;

	while (str_next(&list, ',', &host)) {
		struct dir_record r = { .ttl = -1 };
		struct dns_name n;
		CLEANUP(buf_free) struct buf whole = { 0 };

		host = str_trim(host);
		if (dns_name_parse(host, STR("\0"), &n)) /* here a name is whole without a dot */
			return fail(E_SYNTAX, "--ns: \"%.*s\" is no name", STRF(host));
		buf_init(&whole, KIB(2));
		dns_name_print(dns_name_str(&n), &whole);
		TRY(dirzone_record_parse(apex, STR("@"), STR("NS"), buf_str(&whole), c->env->arena,
					 &r));
		TRY(dirzone_record_add(c->d, id, &r));
	}
	return OK;
}

static err add_zone(struct dircmd *c, str ns, uint64_t *id)
{
	struct dirzone_name name;

	TRY(dirzone_name_parse(c->words[0], &name));
	TRY(directory_begin(c->d));
	TRY(directory_add(c->d, &dir_zone, c->words[0], c->sets, c->nsets, id));
	TRY(add_ns(c, *id, dns_name_str(&name.wire), ns));
	return directory_commit(c->d);
}

/* A zone needs its servers' addresses before it can be served: that is said, not refused, since
 * they are added next. */
static void say_mistakes(struct dircmd *c, uint64_t id)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(64));
	if (zone_mistakes(c->d, id, &b, NULL) != OK && !b.n)
		return;
	if (b.n)
		fprintf(stderr, "it is not served before this is mended:\n%.*s", STRF(buf_str(&b)));
}

static int add(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--ns", .takes = true }, { 0 } };
	uint64_t id = 0;
	int code = dircmd_parse(c, argc, argv, &dir_zone, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	str ns = options[0].given ? options[0].value : c->env->config->mail.ns;

	if (!ns.n)
		return cmd_usage(
			c->env,
			"say which name servers it has: --ns ns1.example.net,ns2.example.org");
	err e = add_zone(c, ns, &id);

	if (e) {
		int failed = dircmd_error(c, e);

		directory_rollback(c->d);
		return failed;
	}
	say_mistakes(c, id);
	return dircmd_done(c, "zone", c->words[0], "added");
}

/* ---- the verbs that all kinds have ---- */

static int set(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_set(c, &dir_zone, argc, argv);
}

static int list(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_list(c, &dir_zone, argc, argv);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_ZONE_KEYS);
	if (code)
		return code;
	err e = directory_remove(c->d, &dir_zone, c->words[0]);

	if (!e)
		e = cmd_zone_forget_keys(c, c->words[0]);
	return e ? dircmd_error(c, e) : dircmd_done(c, "zone", c->words[0], "removed");
}

/* ---- show ---- */

struct showing {
	struct dircmd *c;
	struct buf *out;
	str apex;
	bool first;
	err e;
};

static void record_json(struct showing *s, str name, int64_t ttl, str type, str data, bool made)
{
	struct buf *b = s->out;

	buf_fmt(b, "%s\n  {\"name\": ", s->first ? "" : ",");
	cmd_json(b, name);
	buf_add(b, STR(", \"ttl\": "));
	if (ttl < 0)
		buf_add(b, STR("null"));
	else
		buf_fmt(b, "%lld", (long long)ttl);
	buf_add(b, STR(", \"type\": "));
	cmd_json(b, type);
	buf_add(b, STR(", \"data\": "));
	cmd_json(b, data);
	buf_fmt(b, ", \"made\": %s}", made ? "true" : "false");
	s->first = false;
}

static err own_json(void *arg, const struct dir_record *r)
{
	record_json(arg, r->name, r->ttl, r->type, r->data, false);
	return OK;
}

static void made_json(void *arg, str owner, uint16_t type, uint32_t ttl, str rdata)
{
	struct showing *s = arg;
	struct dir_record r;

	if (!s->e)
		s->e = dirzone_record_of(s->apex, owner, type, rdata, s->c->env->arena, &r);
	if (!s->e)
		record_json(s, r.name, ttl, r.type, r.data, true);
}

static err row_json(void *arg, const struct dir_row *row)
{
	struct showing *s = arg;

	dircmd_row_json(row, s->out);
	s->out->n--; /* the brace: the records come before it */
	return buf_done(s->out);
}

static err show_json(struct dircmd *c, uint64_t id, struct buf *out)
{
	struct dirzone_name *name = NEW(c->env->arena, struct dirzone_name);
	struct showing s = { .c = c, .out = out, .first = true };
	const struct zone_made made = { made_json, &s };
	struct zone_reader *r = NULL;
	struct zone_about about;
	struct zone_builder *b = NULL;

	TRY(dirzone_name_parse(c->words[0], name));
	s.apex = dns_name_str(&name->wire);
	TRY(directory_each(c->d, &dir_zone, STR(""), id, row_json, &s));
	buf_add(out, STR(", \"records\": ["));
	TRY(dirzone_record_each(c->d, id, own_json, &s));
	TRY(zone_reader_new(c->d, &r));
	err e = zone_read(r, id, &made, &about, &b);

	zone_builder_free(b);
	zone_reader_free(r);
	buf_add(out, s.first ? STR("]}\n") : STR("\n ]}\n"));
	/* Of a zone that does not build the operator's records are shown. */
	return s.e ? s.e : e && e != E_SYNTAX ? e : buf_done(out);
}

static int show(struct dircmd *c, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	uint64_t id = 0;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	buf_init(&b, LIM_ZONE_FILE);
	err e = dirzone_find(c->d, c->words[0], &id);

	if (!e)
		e = c->env->json ? show_json(c, id, &b) : zone_text(c->d, id, false, &b);
	return e ? dircmd_error(c, e) : cmd_print(&b);
}

/* ---- export: as it is served, without signatures ---- */

static err export_text(struct dircmd *c, uint64_t id, struct buf *out)
{
	struct zone_reader *r = NULL;
	struct zone_builder *b = NULL;
	struct zone_about about;

	TRY(zone_reader_new(c->d, &r));
	err e = zone_read(r, id, NULL, &about, &b);

	if (!e)
		e = b ? zone_print(b, out) : fail(E_DENIED, "the zone is disabled");
	zone_builder_free(b);
	zone_reader_free(r);
	return e;
}

/* Written aside and renamed: whoever reads the file sees a whole one. */
static err write_file(const char *path, const struct buf *b)
{
	char next[LIM_FILE_PATH];
	int n = snprintf(next, sizeof(next), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(next))
		return fail(E_LIMIT, "the path is too long");
	FILE *f = fopen(next, "we");

	if (!f)
		return fail(E_IO, "%s: %s", next, strerrordesc_np(errno));
	bool ok = fwrite(b->p, 1, b->n, f) == b->n && !fflush(f) && !fsync(fileno(f));

	ok = !fclose(f) && ok && !rename(next, path);
	if (ok)
		return OK;
	err e = fail(E_IO, "%s: %s", path, strerrordesc_np(errno));

	(void)unlink(next);
	return e;
}

static int export(struct dircmd *c, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	uint64_t id = 0;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 2);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	buf_init(&b, LIM_ZONE_FILE);
	err e = dirzone_find(c->d, c->words[0], &id);

	if (!e)
		e = export_text(c, id, &b);
	if (!e && c->nwords == 2) {
		e = write_file(arena_z(c->env->arena, c->words[1]), &b);
		return e ? dircmd_error(c, e) : dircmd_done(c, "zone", c->words[0], "exported");
	}
	return e ? dircmd_error(c, e) : cmd_print(&b);
}

static const struct dircmd_verb verbs[] = {
	{ "add", add },	       { "check", cmd_zone_check },	  { "delete", drop },
	{ "ds", cmd_zone_ds }, { "ds-seen", cmd_zone_ds_seen },	  { "edit", cmd_zone_edit },
	{ "export", export },  { "followed", cmd_zone_followed }, { "keys", cmd_zone_keys },
	{ "list", list },      { "load", cmd_zone_load },	  { "record", cmd_zone_record },
	{ "remove", drop },    { "roll", cmd_zone_roll },	  { "set", set },
	{ "show", show },      { "sign", cmd_zone_sign },	  { "unsign", cmd_zone_unsign },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_zone = {
	.name = "zone",
	.summary = "authoritative DNS zones: add, record, edit, load, check, export, ...",
	.help = "usage: posta zone add NAME [--ns HOST,HOST] [OPTION VALUE]...\n"
		"       posta zone set NAME OPTION VALUE...\n"
		"       posta zone show|delete NAME\n"
		"       posta zone list [TENANT]\n"
		"       posta zone record add ZONE NAME TYPE DATA... [--ttl SECONDS]\n"
		"       posta zone record remove ZONE NAME [TYPE [DATA...]]\n"
		"       posta zone edit NAME            $EDITOR on its records\n"
		"       posta zone load NAME FILE       its records from a master file, - is "
		"standard "
		"input\n"
		"       posta zone check NAME|FILE [--origin NAME]\n"
		"       posta zone export NAME [FILE]   as a master file\n"
		"       posta zone followed             those taken from other servers\n"
		"       posta zone sign NAME [SIGNING OPTION]...   DNSSEC on; prints the DS\n"
		"       posta zone unsign NAME [--force]           DNSSEC off, when the DS is "
		"gone\n"
		"       posta zone keys|ds NAME\n"
		"       posta zone roll NAME [--zsk]               a new key takes over, step by "
		"step\n"
		"       posta zone ds-seen NAME [--force]          the parent has the new DS\n\n"
		"  --ns HOST,HOST        its name servers (mail_dns.ns, or the nodes with dns)\n"
		"  --primary HOST        name in the SOA (the first NS)\n"
		"  --mailbox ADDRESS     who answers for it (hostmaster@NAME)\n"
		"  --ttl SECONDS         of records that name no TTL (600)\n"
		"  --ttl-min, --ttl-max  what a record's TTL may be (60, 86400)\n"
		"  --refresh, --retry, --expire, --minimum SECONDS   of the SOA (3600, 600, "
		"1209600, "
		"300)\n"
		"  --serial-policy WORD  counter, or date for YYYYMMDDnn\n"
		"  --transfer LIST       who may transfer it: networks, key:NAME\n"
		"  --notify LIST         whom to tell of changes: ADDRESS[:PORT][@KEY]\n"
		"  --tenant TENANT       the reseller it belongs to\n"
		"  --disabled[=no]       it is not served\n\n"
		"Signing options, kept until they are given anew:\n"
		"  --algorithm WORD      ECDSAP256SHA256, ED25519, ECDSAP384SHA384, RSASHA256\n"
		"  --split               a KSK and a ZSK (which rolls over by itself), not one "
		"key\n"
		"  --nsec3, --nsec       how it denies (--nsec)\n"
		"  --validity TIME       of signatures, renewed after half of it (14d)\n"
		"  --zsk-lifetime TIME   of a ZSK; 0 for ever (90d)\n"
		"  --key-ttl, --ds-ttl, --max-ttl TIME   of DNSKEY, of the DS at the parent, of "
		"any\n"
		"                        record (1h, 1d, the zone's --ttl-max)\n"
		"  --propagation TIME    until every secondary has a new version (1h)\n"
		"  --resolver ADDRESS    whom ds-seen and unsign ask about the parent\n\n"
		"NAME of a record is relative to the zone (www, @ for the zone itself) or ends "
		"with a "
		"dot.\n"
		"The serial rises with each change. Records of mail domains write themselves: see "
		"posta domain dns.\n"
		"A change that would make the zone wrong is refused, with the reasons.\n\n"
		"example: posta zone add example.org --ns ns1.example.net,ns2.example.net\n"
		"         posta zone record add example.org www A 192.0.2.1 --ttl 300\n"
		"         posta zone record add example.org @ TXT '\"hello world\"'\n"
		"         posta zone sign example.org\n",
	.run = run,
};

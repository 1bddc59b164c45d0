/* dns.zones: master files of posta.conf. */
#include "base/limits.h"
#include "roles/dns/load.h"

#define AT(member) offsetof(struct dns_file, member)
const struct conf_key dns_file_keys[DNS_FILE_KEYS] = {
	{ "name", CONF_STR, AT(name), 0, 0, NULL, "the zone: \"example.org\"" },
	{ "file", CONF_STR, AT(path), 0, 0, NULL, "path of its master file" },
	{ "transfer", CONF_STRS, AT(transfer_texts), 0, 0, "",
	  "who may transfer it: networks, \"key:NAME\"" },
	{ "notify", CONF_STRS, AT(notify_texts), 0, 0, "",
	  "whom to tell of changes: \"192.0.2.1\", \"192.0.2.1:53@KEY\"" },
	{ "signed", CONF_BOOL, AT(sign), 0, 0, "false",
	  "sign it (posta zone sign NAME makes keys)" },
};
#undef AT

/* As the directory has it: a comma between. */
static err clean_list(const struct conf_node *n, const struct conf_strs *v,
		      err (*clean)(str text, struct buf *out), struct arena *a,
		      struct buf *complaints, str *out)
{
	CLEANUP(buf_free) struct buf typed = { 0 };
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&typed, LIM_DIR_TEXT);
	buf_init(&b, LIM_DIR_TEXT);
	for (size_t i = 0; i < v->n; i++)
		buf_fmt(&typed, "%s%.*s", i ? "," : "", STRF(v->v[i]));
	err e = clean(buf_str(&typed), &b);

	if (e || b.e) {
		conf_complain(n, complaints, "%s", err_last()->text);
		return E_SYNTAX;
	}
	*out = arena_dup(a, buf_str(&b));
	return OK;
}

static err read_file(const struct role_env *env, const struct conf_node *n, struct buf *complaints,
		     struct dns_file *f)
{
	struct dirzone_name *name = NEW(env->arena, struct dirzone_name);

	TRY(conf_read(n, dns_file_keys, DNS_FILE_KEYS, f, env->arena, complaints));
	if (dirzone_name_parse(f->name, name)) {
		conf_complain(n, complaints, "%s", err_last()->text);
		return E_SYNTAX;
	}
	f->apex = name->wire;
	if (!str_starts(f->path, STR("/"))) {
		conf_complain(n, complaints, "\"%.*s\" is no whole path; write \"/etc/posta/%.*s\"",
			      STRF(f->path), STRF(f->path));
		return E_SYNTAX;
	}
	TRY(clean_list(n, &f->transfer_texts, dirzone_clean_transfer, env->arena, complaints,
		       &f->transfer));
	return clean_list(n, &f->notify_texts, dirzone_clean_notify, env->arena, complaints,
			  &f->notify);
}

err dns_load_read(const struct role_env *env, struct buf *complaints, struct dns_load_settings *out)
{
	size_t n = conf_count(out->zones_node);
	err e = OK;

	out->files = arena_get(env->arena, size_mul(n + 1, sizeof(*out->files)), 16);
	for (size_t i = 0; i < n; i++)
		if (read_file(env, conf_at(out->zones_node, i), complaints, &out->files[i]) != OK)
			e = E_SYNTAX;
	out->nfiles = n;
	if (out->folder.n && !str_starts(out->folder, STR("/"))) {
		conf_complain(conf_find(env->conf, "zone_folder"), complaints,
			      "\"%.*s\" is no whole path; write \"/etc/posta/zones\"",
			      STRF(out->folder));
		e = E_SYNTAX;
	}
	return e;
}

void dns_load_folders(const struct dns_load_settings *s, void (*add)(void *arg, str folder),
		      void *arg)
{
	str last = s->folder;

	add(arg, s->folder);
	for (size_t i = 0; i < s->nfiles; i++) {
		str folder = str_take(s->files[i].path, str_rfind(s->files[i].path, '/'));

		if (!str_eq(folder, last)) /* files of one folder stand together, usually */
			add(arg, folder);
		last = folder;
	}
}

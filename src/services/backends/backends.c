#include "services/backends/backends.h"

#include "run/net.h"

struct backend_conf {
	struct conf_strs addresses[BACKEND_PROTOCOLS];
	str master_user, master_password, spam;
};

#define AT(member) offsetof(struct backend_conf, member)
static const struct conf_key keys[] = {
	{ "lmtp", CONF_STRS, AT(addresses[BACKEND_LMTP]), 0, 0, "",
	  "addresses that take mail by LMTP" },
	{ "imap", CONF_STRS, AT(addresses[BACKEND_IMAP]), 0, 0, "", "addresses that speak IMAP" },
	{ "pop3", CONF_STRS, AT(addresses[BACKEND_POP3]), 0, 0, "", "addresses that speak POP3" },
	{ "master_user", CONF_STR, AT(master_user), 0, 0, "",
	  "who may log in on behalf of any user" },
	{ "master_password", CONF_STR, AT(master_password), 0, 0, "",
	  "the master user's password" },
	{ "spam", CONF_STR, AT(spam), 0, 0, "header",
	  "how it learns that a mail is spam: header (X-Spam-Flag), detail (user+Spam), posta "
	  "(a posta store: user+Spam, user+Quarantine)" },
};

static err read_addresses(const struct conf_node *n, const struct conf_strs *texts, struct arena *a,
			  struct buf *complaints, struct net_addr **v, size_t *count)
{
	struct net_addr *out = arena_get(a, size_mul(texts->n + 1, sizeof(*out)), 16);

	*v = out;
	for (size_t i = 0; i < texts->n; i++) {
		if (!texts->v[i].n)
			continue;
		if (net_parse(texts->v[i], &out[*count]) != OK) {
			conf_complain(n, complaints, "\"%.*s\" is not an address: %s",
				      STRF(texts->v[i]), err_last()->text);
			return E_SYNTAX;
		}
		++*count;
	}
	return OK;
}

static err read_spam(const struct conf_node *n, str word, struct buf *complaints,
		     enum backend_spam *out)
{
	static const struct {
		str word;
		enum backend_spam spam;
	} words[] = {
		{ S("header"), BACKEND_SPAM_HEADER },
		{ S("detail"), BACKEND_SPAM_DETAIL },
		{ S("posta"), BACKEND_SPAM_POSTA },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		*out = words[i].spam;
		if (str_eq(word, words[i].word))
			return OK;
	}
	conf_complain(conf_find(n, "spam"), complaints,
		      "\"%.*s\" is no way to tell of spam; write header, detail or posta",
		      STRF(word));
	return E_SYNTAX;
}

static err read_backend(const struct conf_node *n, struct arena *a, struct buf *complaints,
			struct backend *out)
{
	struct backend_conf c = { 0 };

	TRY(conf_read(n, keys, COUNT(keys), &c, a, complaints));
	*out = (struct backend){ .name = conf_name(n),
				 .master_user = c.master_user,
				 .master_password = c.master_password };
	TRY(read_spam(n, c.spam, complaints, &out->spam));
	for (size_t p = 0; p < BACKEND_PROTOCOLS; p++)
		TRY(read_addresses(n, &c.addresses[p], a, complaints, &out->addr[p],
				   &out->naddr[p]));
	return OK;
}

static void add_internal(const struct role_env *env, struct backend *out)
{
	static const char *const kinds[] = { "lmtp", "imap", "pop3" };

	*out = (struct backend){ .name = STR(""), .internal = true, .spam = BACKEND_SPAM_POSTA };
	for (size_t p = 0; p < BACKEND_PROTOCOLS; p++) {
		out->addr[p] = NEW(env->arena, struct net_addr);
		out->naddr[p] = 1;
		role_socket(env, "store", kinds[p], out->addr[p]);
	}
}

err backends_read(const struct role_env *env, struct buf *complaints, struct backends *out)
{
	const struct conf_node *group = conf_find(env->root, "backends");
	size_t n = conf_count(group);
	err worst = OK;

	out->n = n + 1;
	out->v = arena_get(env->arena, size_mul(n + 1, sizeof(*out->v)), 16);
	add_internal(env, &out->v[0]);
	for (size_t i = 0; i < n; i++) {
		err e = read_backend(conf_at(group, i), env->arena, complaints, &out->v[i + 1]);

		if (e != OK)
			worst = e;
	}
	return worst;
}

void backends_describe(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

const struct backend *backends_find(const struct backends *b, str name)
{
	for (size_t i = 0; i < b->n; i++)
		if (str_eq(b->v[i].name, name))
			return &b->v[i];
	return NULL;
}

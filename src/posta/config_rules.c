/* What spans roles: rules of the architecture, certificates. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/config_part.h"

/* The article's golden rules: incoming and outgoing mail never share a server, nor do the two kinds
 * of DNS. */
static const struct {
	const char *a, *b, *why;
} apart[] = {
	{ "mx", "submission", "incoming and outgoing mail" },
	{ "mx", "relay", "incoming and outgoing mail" },
	{ "dns", "resolver", "authoritative and recursive DNS" },
};

static bool has(const struct config *c, const char *role)
{
	for (size_t i = 0; i < c->nroles; i++)
		if (str_eq(str_z(c->roles[i].role->name), str_z(role)))
			return true;
	return false;
}

static err check_apart(const struct config *c, const struct conf_node *n, struct buf *complaints)
{
	err e = OK;

	for (size_t i = 0; i < COUNT(apart) && !c->all_in_one; i++)
		if (has(c, apart[i].a) && has(c, apart[i].b)) {
			conf_complain(n, complaints,
				      "%s and %s on one node mix %s; move one to another node, or "
				      "write all_in_one = true;",
				      apart[i].a, apart[i].b, apart[i].why);
			e = E_SYNTAX;
		}
	return e;
}

/* One pass a listener over those before it: a node has tens of them, LIM_ADDRESSES bounds it. */
static err check_twice(const struct config *c, const struct conf_node *n, struct buf *complaints)
{
	struct buf seen;
	err e = OK;

	buf_init(&seen, KIB(256));
	for (size_t i = 0; i < c->nroles; i++)
		for (size_t l = 0; l < c->roles[i].nlisteners; l++) {
			struct buf line;

			buf_init(&line, KIB(1));
			buf_addc(&line, '\n');
			net_print(&c->roles[i].listeners[l].addr, &line);
			buf_addc(&line, '\n');
			if (str_search(buf_str(&seen), buf_str(&line)) < seen.n) {
				conf_complain(n, complaints,
					      "%.*s is given twice; write another port",
					      STRF(c->roles[i].listeners[l].text));
				e = E_SYNTAX;
			}
			buf_add(&seen, buf_str(&line));
			buf_free(&line);
		}
	buf_free(&seen);
	return e;
}

static bool needs_cert(const struct config *c)
{
	for (size_t i = 0; i < c->nroles; i++)
		for (size_t l = 0; l < c->roles[i].nlisteners; l++)
			if (c->roles[i].listeners[l].l->tls)
				return true;
	return false;
}

err config_rules(struct config *c, const struct conf_node *n, struct buf *complaints)
{
	err e = check_apart(c, n, complaints), e2 = check_twice(c, n, complaints);

	if (needs_cert(c) && c->ncerts == 0) {
		conf_complain(n, complaints,
			      "a listener needs TLS; write tls: { certs = ( { cert = \"...\"; key "
			      "= \"...\"; } ); };");
		e = E_SYNTAX;
	}
	return e ? e : e2;
}

struct cert {
	str cert, key;
};
static const struct conf_key cert_keys[] = {
	{ "cert", CONF_STR, offsetof(struct cert, cert), 0, 0, NULL,
	  "path of the chain, PEM, leaf first" },
	{ "key", CONF_STR, offsetof(struct cert, key), 0, 0, NULL, "path of the private key, PEM" },
};

/* A file that this user may not see is no complaint: the supervisor's user may. */
static err check_there(const struct conf_node *n, const char *path, struct buf *complaints)
{
	if (path[0] == '/' && (access(path, F_OK) == 0 || errno != ENOENT))
		return OK;
	conf_complain(n, complaints, "there is no file %s; write the whole path of a PEM file",
		      path);
	return E_SYNTAX;
}

static err read_cert(struct config *c, const struct conf_node *n, struct config_cert *to,
		     struct buf *complaints)
{
	struct cert cert;

	TRY(conf_read(n, cert_keys, COUNT(cert_keys), &cert, &c->arena, complaints));
	to->cert = arena_z(&c->arena, cert.cert);
	to->key = arena_z(&c->arena, cert.key);
	TRY(check_there(conf_find(n, "cert"), to->cert, complaints));
	return check_there(conf_find(n, "key"), to->key, complaints);
}

void config_cert_settings(struct buf *out)
{
	for (size_t i = 0; i < COUNT(cert_keys); i++)
		conf_describe(&cert_keys[i], out);
}

err config_certs(struct config *c, const struct conf_node *tls, struct buf *complaints)
{
	const struct conf_node *list = NULL;
	static const struct conf_key keys[] = {
		{ "certs", CONF_NODE, 0, 0, 0, "", "a list of certificates with their keys" },
	};
	err e = OK;

	if (!tls)
		return OK;
	TRY(conf_read(tls, keys, COUNT(keys), &list, &c->arena, complaints));
	if (conf_count(list) > LIM_CERTS) {
		conf_complain(list, complaints,
			      "more than %d certificates; put several names in one", LIM_CERTS);
		return E_SYNTAX;
	}
	c->certs = arena_get(&c->arena, size_mul(conf_count(list) + 1, sizeof(*c->certs)),
			     _Alignof(struct config_cert));
	for (size_t i = 0; i < conf_count(list); i++)
		if (read_cert(c, conf_at(list, i), &c->certs[c->ncerts++], complaints) != OK)
			e = E_SYNTAX;
	return e;
}

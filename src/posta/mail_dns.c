#include "posta/mail_dns.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/dirmail.h"

struct own_keys {
	char hex[LIM_CERTS][2 * SHA256_DIGEST_LENGTH + 1];
	str v[LIM_CERTS];
	size_t n;
};

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f)
		(void)fclose(f);
	ERR_clear_error();
	return x;
}

/* RFC 6698 2.1: usage 3, selector 1, matching 1: the digest of the whole SubjectPublicKeyInfo. */
static void add_key(struct own_keys *k, X509 *x)
{
	unsigned char *der = NULL, md[SHA256_DIGEST_LENGTH];
	CLEANUP(buf_free) struct buf hex = { 0 };
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	if (n <= 0)
		return;
	(void)SHA256(der, (size_t)n, md);
	OPENSSL_free(der);
	buf_init(&hex, 2 * sizeof(md));
	enc_hex(&hex, str_of(md, sizeof(md)));
	for (size_t i = 0; i < k->n; i++)
		if (str_eq(k->v[i], buf_str(&hex)))
			return;
	if (str_to_z(buf_str(&hex), k->hex[k->n], sizeof(k->hex[0])) == OK) {
		k->v[k->n] = str_z(k->hex[k->n]);
		k->n++;
	}
}

/* Certificates that name the host; else the first one, which a client that asks for it is shown.
 * False: one cannot be read, so nothing is known. */
static bool own_keys(const struct config *c, struct own_keys *k)
{
	X509 *first = NULL;
	bool all = true;

	for (size_t i = 0; i < c->ncerts; i++) {
		X509 *x = read_cert(c->certs[i].cert);

		all &= x != NULL;
		if (x && X509_check_host(x, c->hostname.p, c->hostname.n, 0, NULL) == 1)
			add_key(k, x);
		if (i == 0)
			first = x;
		else
			X509_free(x);
	}
	if (first && !k->n)
		add_key(k, first);
	X509_free(first);
	return all;
}

static bool is_mx(const struct config *c)
{
	for (size_t i = 0; i < c->nroles; i++)
		if (str_eq(str_z(c->roles[i].role->name), STR("mx")))
			return true;
	return false;
}

static err publish_keys(struct directory *d, const struct config *c)
{
	if (!is_mx(c) || str_find(c->hostname, '.') == c->hostname.n)
		return OK;
	struct own_keys *k = MEM_NEW(struct own_keys);
	err e = OK;

	if (!c->mail.tlsa || own_keys(c, k))
		e = dirmail_store_keys(d, c->hostname, k->v, k->n);
	mem_free(k);
	return e;
}

err mail_dns_publish(struct directory *d, const struct config *c)
{
	TRY(dirmail_store(d, c->mail.records, c->mail.hosts));
	return publish_keys(d, c);
}

void mail_dns_refresh(const struct config *c)
{
	struct directory *d = NULL;

	if (access(c->directory, F_OK) != 0)
		return;
	err e = directory_open(c->directory, true, &d);

	if (!e)
		e = mail_dns_publish(d, c);
	if (e)
		LOG(LOG_WARN, "mail_dns", KE(e));
	directory_close(d);
}

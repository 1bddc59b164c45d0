#include "base/test.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/stream.h"
#include "run/tls.h"

/* ---- certificates, made here: nothing on disk that could expire ---- */

static str bio_text(BIO *b, char *out, size_t cap)
{
	int n = BIO_read(b, out, (int)cap);

	(void)BIO_free(b);
	return str_of(out, n > 0 ? (size_t)n : 0);
}

struct pems {
	char cert[4096], key[4096];
	struct tls_cert pair;
};

/* names: "DNS:a.test,IP:127.0.0.1" */
static void make_cert(struct pems *p, const char *names, const char *cn)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	BIO *b;

	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)names,
					 -1, -1, 0);
	(void)X509_set_issuer_name(x, subject);
	(void)X509_set_pubkey(x, key);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	(void)X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	CHECK(X509_sign(x, key, EVP_sha256()) > 0);
	b = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_X509(b, x) == 1);
	p->pair.cert_pem = bio_text(b, p->cert, sizeof(p->cert));
	b = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1);
	p->pair.key_pem = bio_text(b, p->key, sizeof(p->key));
	X509_free(x);
	EVP_PKEY_free(key);
}

static struct pems one, two;
static struct tls_ctx *server, *client;

static void contexts(void)
{
	make_cert(&one, "DNS:one.test,IP:127.0.0.1", "posta one");
	make_cert(&two, "DNS:*.two.test,DNS:two.test", "posta two");
	struct tls_cert both[2] = { one.pair, two.pair };
	struct buf cas;

	buf_init(&cas, KIB(16));
	buf_add(&cas, one.pair.cert_pem);
	buf_add(&cas, two.pair.cert_pem);
	CHECK_OK(tls_server_new(both, 2, &server));
	CHECK_OK(tls_client_new(true, buf_str(&cas), &client));
	buf_free(&cas);
}

static void drop_contexts(void)
{
	tls_drop(server);
	tls_drop(client);
	CHECK(ERR_peek_error() == 0);
}

static void streams(struct stream **a, struct stream **b)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	*a = stream_open(fd[0], NULL);
	*b = stream_open(fd[1], NULL);
	stream_deadline(*a, clock_in(20000));
	stream_deadline(*b, clock_in(20000));
}

/* ---- sessions ---- */

struct side {
	struct stream *s;
	struct buf exporter, end_point;
	bool had_input;
};

WAITS static err serve(void *arg)
{
	struct side *me = arg;
	char p[3000];
	size_t got;
	err e;

	e = stream_tls_accept(me->s, server, &me->had_input);
	if (e != OK)
		return e;
	TRY(stream_tls_binding(me->s, STR("tls-exporter"), &me->exporter));
	TRY(stream_tls_binding(me->s, STR("tls-server-end-point"), &me->end_point));
	while ((e = stream_read(me->s, p, sizeof(p), &got)) == OK) {
		TRY(stream_write(me->s, str_of(p, got)));
		TRY(stream_flush(me->s));
	}
	stream_close(me->s);
	return e == E_EOF ? OK : e;
}

static void side_init(struct side *s)
{
	buf_init(&s->exporter, 100);
	buf_init(&s->end_point, 100);
}

WAITS static err talk(void *arg)
{
	struct side here = { 0 }, there = { 0 };
	struct buf big;

	side_init(&here);
	side_init(&there);
	streams(&here.s, &there.s);
	struct fiber *f = fiber_start("server", serve, &there);

	CHECK(!stream_is_tls(here.s));
	CHECK(stream_tls_binding(here.s, STR("tls-exporter"), &here.exporter) == E_NOTFOUND);
	TRY(stream_tls_connect(here.s, client, str_z(arg)));
	CHECK(stream_is_tls(here.s));
	CHECK(str_starts(stream_tls_info(here.s), STR("TLSv1.3 TLS_")));
	TRY(stream_tls_binding(here.s, STR("tls-exporter"), &here.exporter));
	TRY(stream_tls_binding(here.s, STR("tls-server-end-point"), &here.end_point));
	CHECK(stream_tls_binding(here.s, STR("tls-unique"), &here.exporter) == E_NOTFOUND);

	buf_init(&big, KIB(300));
	for (unsigned i = 0; big.n < KIB(60); i++)
		buf_fmt(&big, "%u ", i);
	for (int i = 0; i < 5; i++) {
		char *back = mem_get(big.n);

		TRY(stream_write(here.s, buf_str(&big)));
		TRY(stream_flush(here.s));
		TRY(stream_read_full(here.s, back, big.n));
		CHECK(str_eq(str_of(back, big.n), buf_str(&big)));
		mem_free(back);
	}
	stream_close(here.s);
	TRY(fiber_join(f));
	CHECK(!there.had_input);
	CHECK(here.exporter.n == 32 && here.end_point.n == 32);
	CHECK(str_eq(buf_str(&here.exporter), buf_str(&there.exporter)));
	CHECK(str_eq(buf_str(&here.end_point), buf_str(&there.end_point)));
	buf_free(&big);
	buf_free(&here.exporter);
	buf_free(&here.end_point);
	buf_free(&there.exporter);
	buf_free(&there.end_point);
	return OK;
}

/* The name is verified by the client, so each success shows that SNI picked the right certificate.
 */
TEST(tls_echo_and_sni)
{
	static char names[][24] = { "one.test", "two.test", "imap.two.test", "127.0.0.1" };

	contexts();
	for (size_t i = 0; i < COUNT(names); i++)
		CHECK_OK(loop_main(talk, names[i]));
	drop_contexts();
}

WAITS static err refused(void *arg)
{
	struct stream *a, *b;

	streams(&a, &b);
	struct side there = { .s = b };

	side_init(&there);
	struct fiber *f = fiber_start("server", serve, &there);

	CHECK(stream_tls_connect(a, client, str_z(arg)) == E_DENIED);
	stream_close(a);
	err e = fiber_join(f);

	CHECK(e == E_IO || e == E_EOF || e == OK);
	if (e != OK)
		stream_close(b);
	buf_free(&there.exporter);
	buf_free(&there.end_point);
	return OK;
}

TEST(tls_wrong_name)
{
	static char names[][24] = { "other.test", "a.b.two.test", "127.0.0.2", "" };

	contexts();
	for (size_t i = 0; i + 1 < COUNT(names); i++)
		CHECK_OK(loop_main(refused, names[i]));
	tls_drop(client);
	CHECK_OK(tls_client_new(true, STR(""), &client)); /* the system's CAs do not know it */
	static char known[] = "one.test";

	CHECK_OK(loop_main(refused, known));
	drop_contexts();
}

/* RFC 9525 2: a common name is no name of a server. */
TEST(tls_common_name)
{
	static char cn[] = "cn.test";

	make_cert(&one, "IP:127.0.0.1", cn);
	CHECK_OK(tls_server_new(&one.pair, 1, &server));
	CHECK_OK(tls_client_new(true, one.pair.cert_pem, &client));
	CHECK_OK(loop_main(refused, cn));
	drop_contexts();
}

/* RFC 6614 2.3: both ends show a certificate; one that is missing, or another authority's, is
 * refused by whoever asked for it. */
struct mutual {
	const struct tls_cert *shows; /* NULL: nothing */
	const struct tls_cas *cas;    /* the server's */
	err server, client;
	bool is_two;
};

WAITS static err serve_mutual(void *arg)
{
	struct mutual *m = ((void **)arg)[0];
	struct stream *s = ((void **)arg)[1];

	m->server = stream_tls_accept_from(s, server, m->cas);
	m->is_two = stream_tls_peer_is(s, STR("two.test"));
	if (m->server == OK)
		m->server = stream_write(s, STR("hello"));
	if (m->server == OK)
		m->server = stream_flush(s);
	stream_close(s);
	return OK;
}

WAITS static err talk_mutual(void *arg)
{
	struct mutual *m = arg;
	struct stream *a, *b;
	struct tls_cas *ours;
	struct tls_ctx *ctx;
	char word[5];

	streams(&a, &b);
	CHECK_OK(tls_client_new(false, STR(""), &ctx));
	CHECK_OK(tls_cas_new(one.pair.cert_pem, &ours));
	if (m->shows)
		CHECK_OK(tls_client_show(ctx, m->shows));
	struct fiber *f = fiber_start("server", serve_mutual, ((void *[]){ m, b }));

	m->client = stream_tls_connect_to(a, ctx, ours, STR("one.test"));
	if (m->client == OK)
		m->client = stream_read_full(a, word, 5);
	stream_close(a);
	CHECK_OK(fiber_join(f));
	tls_cas_drop(ours);
	tls_drop(ctx);
	return OK;
}

TEST(tls_mutual)
{
	struct tls_cas *two_alone, *one_alone;

	contexts();
	CHECK_OK(tls_cas_new(two.pair.cert_pem, &two_alone));
	CHECK_OK(tls_cas_new(one.pair.cert_pem, &one_alone));
	struct mutual good = { .shows = &two.pair, .cas = two_alone }, none = { .cas = two_alone },
		      other = { .shows = &two.pair, .cas = one_alone };

	CHECK_OK(loop_main(talk_mutual, &good));
	CHECK(good.server == OK && good.client == OK && good.is_two);
	CHECK_OK(loop_main(talk_mutual, &none));
	CHECK(none.server == E_DENIED && none.client != OK && !none.is_two);
	CHECK_OK(loop_main(talk_mutual, &other));
	CHECK(other.server == E_DENIED && other.client != OK && !other.is_two);
	CHECK(tls_cas_new(STR("no certificate"), &one_alone) == E_SYNTAX);
	tls_cas_drop(two_alone);
	tls_cas_drop(one_alone);
	drop_contexts();
}

/* A client that does not verify, and sessions that outlive their context. */
WAITS static err reloaded(void *arg)
{
	struct side here = { 0 }, there = { 0 };
	char word[5];

	side_init(&there);
	streams(&here.s, &there.s);
	struct fiber *f = fiber_start("server", serve, &there);

	TRY(stream_tls_connect(here.s, client, STR("whoever.test")));
	tls_drop(server);
	server = NULL;
	TRY(stream_write(here.s, STR("hello")));
	TRY(stream_flush(here.s));
	TRY(stream_read_full(here.s, word, 5));
	CHECK_STR(str_of(word, 5), STR("hello"));
	stream_close(here.s);
	TRY(fiber_join(f));
	buf_free(&there.exporter);
	buf_free(&there.end_point);
	return OK;
}

TEST(tls_context_outlived)
{
	contexts();
	tls_drop(client);
	CHECK_OK(tls_client_new(false, STR(""), &client));
	CHECK_OK(loop_main(reloaded, NULL));
	drop_contexts();
}

/* ---- STARTTLS ---- */

WAITS static err starttls_server(void *arg)
{
	struct side *me = arg;
	str line;

	TRY(stream_line(me->s, 100, LINE_CRLF, &line));
	CHECK_STR(line, STR("STARTTLS"));
	TRY(stream_write(me->s, STR("220 go\r\n")));
	TRY(stream_flush(me->s));
	TRY(stream_tls_accept(me->s, server, &me->had_input));
	TRY(stream_line(me->s, 100, LINE_CRLF, &line));
	CHECK_STR(line, STR("AFTER")); /* not the one that was injected */
	TRY(stream_write(me->s, STR("250 ok\r\n")));
	TRY(stream_flush(me->s));
	return OK;
}

WAITS static err starttls(void *arg)
{
	bool inject = *(bool *)arg;
	struct side there = { 0 };
	struct stream *a;
	str line;

	streams(&a, &there.s);
	struct fiber *f = fiber_start("server", starttls_server, &there);

	TRY(stream_write(a, inject ? STR("STARTTLS\r\nINJECTED\r\n") : STR("STARTTLS\r\n")));
	TRY(stream_flush(a));
	TRY(stream_line(a, 100, LINE_CRLF, &line));
	TRY(stream_tls_connect(a, client, STR("one.test")));
	TRY(stream_write(a, STR("AFTER\r\n")));
	TRY(stream_flush(a));
	TRY(stream_line(a, 100, LINE_CRLF, &line));
	CHECK_STR(line, STR("250 ok"));
	TRY(fiber_join(f));
	CHECK(there.had_input == inject);
	stream_close(a);
	stream_close(there.s);
	return OK;
}

TEST(tls_starttls_injection) /* RFC 3207 4.2, CVE-2011-0411 */
{
	static bool no = false, yes = true;

	contexts();
	CHECK_OK(loop_main(starttls, &no));
	CHECK_OK(loop_main(starttls, &yes));
	drop_contexts();
}

/* The same from the other side: a man in the middle answers in clear before TLS. */
WAITS static err client_injection(void *arg)
{
	struct stream *a, *b;
	str line;

	streams(&a, &b);
	TRY(stream_write(b, STR("220 go\r\n250 forged\r\n")));
	TRY(stream_flush(b));
	TRY(stream_line(a, 100, LINE_CRLF, &line));
	CHECK(stream_tls_connect(a, client, STR("one.test")) == E_DENIED);
	stream_close(a);
	stream_close(b);
	return OK;
}

TEST(tls_client_injection)
{
	contexts();
	CHECK_OK(loop_main(client_injection, NULL));
	drop_contexts();
}

/* ---- bad peers ---- */

WAITS static err garbage(void *arg)
{
	struct stream *a, *b;
	bool had;

	streams(&a, &b);
	stream_deadline(b, clock_in(50));
	CHECK(stream_tls_accept(b, server, &had) == E_TIMEOUT); /* says nothing */
	stream_close(a);
	stream_close(b);
	streams(&a, &b);
	TRY(stream_write(a, STR("EHLO somebody who thinks that this is clear text\r\n")));
	TRY(stream_flush(a));
	CHECK(stream_tls_accept(b, server, &had) == E_IO);
	stream_close(a);
	stream_close(b);
	streams(&a, &b);
	stream_close(a);
	CHECK(stream_tls_accept(b, server, &had) == E_EOF);
	stream_close(b);
	struct stream *script = stream_script(STR(""), 0);

	CHECK(stream_tls_accept(script, server, &had) == E_IO);
	stream_close(script);
	return OK;
}

TEST(tls_garbage)
{
	contexts();
	CHECK_OK(loop_main(garbage, NULL));
	drop_contexts();
}

TEST(tls_bad_certificates)
{
	struct tls_ctx *c;

	make_cert(&one, "DNS:one.test", "posta one");
	make_cert(&two, "DNS:two.test", "posta two");
	struct tls_cert rows[] = {
		{ one.pair.cert_pem, two.pair.key_pem }, { STR(""), one.pair.key_pem },
		{ one.pair.cert_pem, STR("") },		 { one.pair.key_pem, one.pair.key_pem },
		{ STR("garbage"), STR("garbage") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, tls_server_new(&rows[i], 1, &c) == E_SYNTAX);
		CHECK_ROW(i, err_last()->text[0] != 0);
	}
	CHECK(tls_server_new(rows, 0, &c) == E_SYNTAX);
	CHECK(tls_client_new(true, STR("garbage"), &c) == E_SYNTAX);
	CHECK(ERR_peek_error() == 0);
}

/* ---- splice over TLS: what the proxy does all day ---- */

struct splice {
	struct stream *a, *b;
	uint64_t ab, ba;
};

WAITS static err splicer(void *arg)
{
	struct splice *s = arg;
	bool had;

	TRY(stream_tls_accept(s->a, server, &had));
	TRY(stream_splice(s->a, s->b, 20000, &s->ab, &s->ba));
	stream_close(s->a);
	stream_close(s->b);
	return OK;
}

WAITS static err back_end(void *arg)
{
	char p[3000];
	size_t got;

	while (stream_read(arg, p, sizeof(p), &got) == OK) {
		TRY(stream_write(arg, str_of(p, got)));
		TRY(stream_flush(arg));
	}
	stream_close(arg);
	return OK;
}

WAITS static err pours(void *arg)
{
	for (int i = 0; i < 2000; i++)
		TRY(stream_fmt(arg, "%0998d\r\n", i));
	return stream_flush(arg);
}

WAITS static err tls_splice(void *arg)
{
	struct stream *mine, *back;
	struct splice s = { 0 };
	str line;

	streams(&mine, &s.a);
	streams(&s.b, &back);
	struct fiber *f = fiber_start("splice", splicer, &s);
	struct fiber *e = fiber_start("back end", back_end, back);

	TRY(stream_tls_connect(mine, client, STR("one.test")));
	struct fiber *w = fiber_start("pours", pours, mine);

	for (unsigned i = 0; i < 2000; i++) {
		uint64_t n;

		TRY(stream_line(mine, 1000, LINE_CRLF, &line));
		CHECK(line.n == 998 && str_u64(line, 10000, &n) == OK && n == i);
	}
	TRY(fiber_join(w));
	stream_close(mine);
	TRY(fiber_join(f));
	TRY(fiber_join(e));
	CHECK(s.ab == 2000000 && s.ba == 2000000);
	return OK;
}

TEST(tls_splice)
{
	contexts();
	CHECK_OK(loop_main(tls_splice, NULL));
	drop_contexts();
}

/* What an idle session costs beside its fiber: in clear, and under TLS. The clients are another
 * process, so that only one end is counted. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/stream.h"
#include "run/tls.h"

enum { SESSIONS = 1000, AT_ONCE = 3, IDLE = 600000, REST = 3000 };

static struct tls_ctx *server, *client;
static int ends[SESSIONS][2];
static size_t ready;

static str text_of(BIO *b, char *p, size_t cap)
{
	int n = BIO_read(b, p, (int)cap);

	(void)BIO_free(b);
	return str_of(p, n > 0 ? (size_t)n : 0);
}

static err contexts(void)
{
	static char cert[4096], key[4096];
	EVP_PKEY *k = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *c = BIO_new(BIO_s_mem()), *p = BIO_new(BIO_s_mem());

	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_set_pubkey(x, k);
	(void)X509_sign(x, k, EVP_sha256());
	(void)PEM_write_bio_X509(c, x);
	(void)PEM_write_bio_PrivateKey(p, k, NULL, NULL, 0, NULL, NULL);
	X509_free(x);
	EVP_PKEY_free(k);
	struct tls_cert pair = { text_of(c, cert, sizeof(cert)), text_of(p, key, sizeof(key)) };

	TRY(tls_server_new(&pair, 1, &server));
	return tls_client_new(false, STR(""), &client);
}

static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- the clients: say one line, read the answer, then idle until the server is gone ---- */

WAITS static err one_client(void *arg)
{
	int *fd = arg;
	struct stream *s = stream_open(fd[0], NULL);
	str line;

	if (server)
		TRY(stream_tls_connect(s, client, STR("")));
	TRY(stream_write(s, STR("NOOP\r\n")));
	TRY(stream_flush(s));
	TRY(stream_line(s, 100, LINE_CRLF, &line));
	(void)!stream_line(s, 100, LINE_CRLF, &line);
	stream_close(s);
	return OK;
}

WAITS static err clients(void *arg)
{
	for (size_t i = 0; i < SESSIONS; i++) { /* as customers come: a few handshakes at a time */
		(void)fiber_spawn("client", one_client, ends[i]);
		if (i % AT_ONCE == 0)
			TRY(fiber_sleep(clock_in(20)));
	}
	return OK;
}

/* ---- the server ---- */

WAITS static err one_session(void *arg)
{
	int *fd = arg;
	struct stream *s = stream_open(fd[1], NULL);
	bool had;
	str line;

	stream_deadline(s, clock_in(IDLE));
	if (server)
		TRY(stream_tls_accept(s, server, &had));
	TRY(stream_line(s, 100, LINE_CRLF, &line));
	TRY(stream_write(s, STR("250 OK\r\n")));
	TRY(stream_flush(s));
	ready++;
	(void)!stream_line(s, 100, LINE_CRLF, &line);
	stream_close(s);
	return OK;
}

WAITS static err sessions(void *arg)
{
	long before = *(long *)arg;

	for (size_t i = 0; i < SESSIONS; i++)
		(void)fiber_spawn("session", one_session, ends[i]);
	while (ready < SESSIONS)
		TRY(fiber_sleep(clock_in(10)));
	TRY(fiber_sleep(clock_in(REST)));
	(void)printf("%-34s %9.1f KiB\n",
		     server ? "idle session under TLS" : "idle session in clear",
		     (double)(resident() - before) / SESSIONS);
	loop_stop(loop_here());
	return OK;
}

static err measure(void)
{
	ready = 0;
	for (size_t i = 0; i < SESSIONS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends[i]))
			return fail(E_IO, "socketpair");
	}
	(void)fflush(stdout);
	pid_t child = fork();

	for (size_t i = 0; i < SESSIONS; i++)
		(void)close(ends[i][child ? 0 : 1]);
	if (!child)
		_exit(loop_main(clients, NULL) == OK ? 0 : 1);
	long before = resident();
	err e = loop_main(sessions, &before);

	(void)waitpid(child, NULL, 0);
	return e;
}

int main(void)
{
	struct rlimit files = { 4 * SESSIONS, 4 * SESSIONS };

	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (measure() != OK || contexts() != OK || measure() != OK) {
		(void)fprintf(stderr, "%s\n", err_last()->text);
		return 1;
	}
	tls_drop(server);
	tls_drop(client);
	return 0;
}

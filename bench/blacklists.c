/* bench/run blacklists [MESSAGES [LOOKUPS]]: CPU of a message's look-ups in black lists: by our UDP
 * client, side by side; the same through libunbound, side by side, which forwards to the same
 * mirror. The mirror is a process of its own that answers at once and lists everybody; its time is
 * not counted, that of the kernel's sending over loopback is. Each name is asked once: nothing is
 * cached. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "clients/dns/blacklist.h"
#include "clients/dns/dns.h"
#include "formats/dns/message.h"
#include "run/role.h"

enum { MOST = 200 };

static size_t answer(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	static const unsigned char rr[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2 };
	struct dns_name name;
	struct dns_reader r;
	uint16_t type, class;

	(void)l;
	(void)room;
	if (dns_reader_open(q->data, &r) != OK ||
	    dns_reader_question(&r, &name, &type, &class) != OK)
		return 0;
	size_t n = DNS_HEADER + name.n + 4;

	memcpy(out, q->data.p, n);
	memset(out + 6, 0, 6);
	out[2] = (char)(0x84 | (q->data.p[2] & 1));
	out[3] = 0;
	out[7] = 1;
	memcpy(out + n, rr, sizeof(rr));
	return n + sizeof(rr);
}

static const struct listener listener = { .kind = "mirror", .datagram = answer };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

static double cpu_us(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

struct bench {
	struct net_addr at;
	uint64_t messages, lookups;
	struct dns *dns;
	unsigned serial;
	uint64_t listed;
};

static void name_of(struct bench *b, char out[40])
{
	(void)snprintf(out, 40, "host-%u.example", b->serial++);
}

WAITS static err ours(struct bench *b)
{
	static struct blacklist_question v[MOST];
	static const struct blacklist_code code = { .first = 0x7f000002, .last = 0x7f000002 };
	struct blacklist l = { .label = STR("bl.test"),
			       .servers = &b->at,
			       .nservers = 1,
			       .codes = &code,
			       .ncodes = 1,
			       .names = true };

	TRY(dns_name_parse(STR("bl.test."), STR(""), &l.zone));
	for (uint64_t m = 0; m < b->messages; m++) {
		for (uint64_t i = 0; i < b->lookups; i++) {
			char text[40];

			name_of(b, text);
			TRY(blacklist_domain(&l, str_z(text), &v[i]));
		}
		TRY(blacklist_ask(v, b->lookups, clock_in(2000)));
		for (uint64_t i = 0; i < b->lookups; i++)
			b->listed += v[i].what == BLACKLIST_LISTED;
	}
	return OK;
}

struct one {
	struct bench *b;
	struct fiber *f;
};

WAITS static err ask_one(void *arg)
{
	struct one *o = arg;
	struct dns_answer got;
	struct arena a;
	char text[60], name[40];

	name_of(o->b, name);
	(void)snprintf(text, sizeof(text), "%s.bl.test", name);
	arena_init(&a, KIB(64));
	if (dns_ask(o->b->dns, str_z(text), DNS_A, clock_in(2000), &a, &got) == OK)
		o->b->listed += got.n > 0;
	arena_free(&a);
	return OK;
}

WAITS static err unbound(struct bench *b)
{
	static struct one v[MOST];

	for (uint64_t m = 0; m < b->messages; m++) {
		for (uint64_t i = 0; i < b->lookups; i++)
			v[i] = (struct one){ b, fiber_start("ask", ask_one, &v[i]) };
		for (uint64_t i = 0; i < b->lookups; i++)
			TRY(fiber_join(v[i].f));
	}
	return OK;
}

WAITS static err measure(struct bench *b, const char *what, err (*fn)(struct bench *))
{
	double began = cpu_us();
	uint64_t all = b->messages * b->lookups;

	b->listed = 0;
	TRY(fn(b));
	double took = cpu_us() - began;

	printf("%-12s %8.0f us a message, %6.1f us a look-up (%llu of %llu answered)\n", what,
	       took / (double)b->messages, took / (double)all, (unsigned long long)b->listed,
	       (unsigned long long)all);
	return OK;
}

WAITS static err run(void *arg)
{
	struct bench *b = arg;
	CLEANUP(buf_free) struct buf at;

	buf_init(&at, 100);
	net_print(&b->at, &at);
	str forward = buf_str(&at);
	struct dns_options o = { .forward = &forward, .nforward = 1 };

	TRY(dns_open(&o, &b->dns));
	printf("%llu messages with %llu look-ups each\n", (unsigned long long)b->messages,
	       (unsigned long long)b->lookups);
	for (unsigned i = 0; i < 3; i++) {
		TRY(measure(b, "ours", ours));
		TRY(measure(b, "libunbound", unbound));
	}
	dns_close(b->dns);
	return OK;
}

int main(int argc, char **argv)
{
	struct bench b = { .messages = 500, .lookups = 40 };
	socklen_t n = sizeof(b.at.ss);
	int fd;

	if ((argc > 1 && str_u64(str_z(argv[1]), 1000000, &b.messages) != OK) ||
	    (argc > 2 && str_u64(str_z(argv[2]), MOST, &b.lookups) != OK) ||
	    net_parse(STR("127.0.0.1:0"), &b.at) != OK || udp_open(&b.at, false, &fd) != OK ||
	    getsockname(fd, (void *)&b.at.ss, &n) != 0)
		return 2;
	pid_t mirror = fork();

	if (mirror == 0)
		exit(loop_main(serve, &fd) == OK ? 0 : 1);
	(void)close(fd);
	err e = loop_main(run, &b);

	if (e)
		fprintf(stderr, "bench: %s\n", err_last()->text);
	(void)kill(mirror, SIGKILL);
	(void)waitpid(mirror, NULL, 0);
	return e ? 1 : 0;
}

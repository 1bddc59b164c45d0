/* bench-radius_accounting PORT SECONDS SOCKETS WINDOW RATE: Accounting-Requests to 127.0.0.1, a
 * Start and a Stop for each session, from so many sockets with so many packets without an answer
 * each; RATE: packets a second over all, 0: as fast as they are answered. One that is not answered
 * within a second is sent again as it is. Prints: answered, a second, 50th and 99th percentile in
 * microseconds, sessions whose Stop was answered. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 256, WINDOW = 128, PACKET = 256, SAMPLES = 1 << 22 };

/* What waits for an answer: its number is its place. */
struct asked {
	double first, sent; /* 0: free */
	size_t n;
	int stop;
	unsigned long session;
	unsigned char packet[PACKET];
};
static struct {
	int fd;
	struct asked asked[WINDOW];
	unsigned waiting;
} sockets[SOCKETS];
static struct pollfd polls[SOCKETS];
static uint32_t samples[SAMPLES];
static size_t nsamples;
static unsigned long answered, sessions, stopped;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t add(unsigned char *p, size_t n, int kind, const void *v, size_t len)
{
	p[n] = (unsigned char)kind;
	p[n + 1] = (unsigned char)(len + 2);
	memcpy(p + n + 2, v, len);
	return n + 2 + len;
}

static size_t add_number(unsigned char *p, size_t n, int kind, uint32_t v)
{
	v = htonl(v);
	return add(p, n, kind, &v, 4);
}

/* RFC 2866 3. */
static void sign(unsigned char *p, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned len;

	p[2] = (unsigned char)(n >> 8);
	p[3] = (unsigned char)n;
	memset(p + 4, 0, 16);
	(void)EVP_DigestInit_ex(c, EVP_md5(), NULL);
	(void)EVP_DigestUpdate(c, p, n);
	(void)EVP_DigestUpdate(c, "testing123", 10);
	(void)EVP_DigestFinal_ex(c, p + 4, &len);
	EVP_MD_CTX_free(c);
}

static void build(struct asked *a, unsigned place)
{
	unsigned char *p = a->packet;
	char text[32];
	size_t n = 20;

	p[0] = 4;
	p[1] = (unsigned char)place;
	n = add_number(p, n, 40, a->stop ? 2 : 1);
	n = add(p, n, 44, text, (size_t)snprintf(text, sizeof(text), "B%08lX", a->session));
	n = add(p, n, 1, text, (size_t)snprintf(text, sizeof(text), "user%lu", a->session % 5000));
	n = add(p, n, 4, "\x7f\0\0\1", 4);
	n = add_number(p, n, 5, (uint32_t)place);
	n = add(p, n, 30, "06105550100", 11);
	n = add(p, n, 31, "5551234567", 10);
	n = add_number(p, n, 8, 0x0a000000 + (uint32_t)a->session % 65536);
	n = add_number(p, n, 46, a->stop ? 60 : 0);
	n = add_number(p, n, 42, a->stop ? 1000 : 0);
	n = add_number(p, n, 43, a->stop ? 2000 : 0);
	if (a->stop)
		n = add_number(p, n, 49, 1);
	a->n = n;
	sign(p, n);
}

/* place: also what a Start's Stop takes after it. */
static void ask(unsigned s, unsigned place, int stop, double t)
{
	struct asked *a = &sockets[s].asked[place];

	if (!stop)
		a->session = sessions++;
	a->stop = stop;
	build(a, place);
	a->first = a->sent = t;
	sockets[s].waiting++;
	(void)send(sockets[s].fd, a->packet, a->n, MSG_DONTWAIT);
}

static void take(unsigned s, double t)
{
	unsigned char in[512];

	while (recv(sockets[s].fd, in, sizeof(in), MSG_DONTWAIT) >= 20) {
		struct asked *a = &sockets[s].asked[in[1] % WINDOW];

		if (in[0] != 5 || a->first == 0)
			continue;
		if (nsamples < SAMPLES)
			samples[nsamples++] = (uint32_t)((t - a->first) * 1e6);
		answered++;
		stopped += (unsigned long)a->stop;
		a->first = 0;
		sockets[s].waiting--;
	}
}

static void again(unsigned s, unsigned window, double t)
{
	for (unsigned i = 0; i < window; i++) {
		struct asked *a = &sockets[s].asked[i];

		if (a->first != 0 && t - a->sent > 1) {
			a->sent = t;
			(void)send(sockets[s].fd, a->packet, a->n, MSG_DONTWAIT);
		}
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (argc != 6)
		return 2;
	double seconds = strtod(argv[2], NULL), rate = strtod(argv[5], NULL);
	unsigned n = (unsigned)strtoul(argv[3], NULL, 10), w = (unsigned)strtoul(argv[4], NULL, 10);
	unsigned long sent = 0;

	to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (n > SOCKETS || w > WINDOW)
		return 2;
	for (unsigned s = 0; s < n; s++) {
		sockets[s].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (connect(sockets[s].fd, (struct sockaddr *)&to, sizeof(to)) != 0)
			return 1;
		polls[s] = (struct pollfd){ .fd = sockets[s].fd, .events = POLLIN };
	}
	sessions = (unsigned long)time(NULL) << 20; /* none twice in two runs */
	double began = now(), end = began + seconds, last = began, t = began;

	while ((t = now()) < end) {
		for (unsigned s = 0; s < n; s++)
			for (unsigned i = 0; i < w && sockets[s].waiting < w; i++) {
				struct asked *a = &sockets[s].asked[i];

				if (a->first != 0 ||
				    (rate > 0 && (double)sent >= (t - began) * rate))
					continue;
				ask(s, i, a->n != 0 && !a->stop, t);
				sent++;
			}
		(void)poll(polls, n, 1);
		t = now();
		for (unsigned s = 0; s < n; s++)
			if (polls[s].revents)
				take(s, t);
		for (unsigned s = 0; s < n && t - last > 0.25; s++)
			again(s, w, t);
		last = t - last > 0.25 ? t : last;
	}
	qsort(samples, nsamples, sizeof(*samples), by_value);
	printf("%lu %.0f %u %u %lu\n", answered, (double)answered / seconds,
	       nsamples ? samples[nsamples / 2] : 0, nsamples ? samples[nsamples * 99 / 100] : 0,
	       stopped);
	return 0;
}

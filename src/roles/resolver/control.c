/* Unbound's control socket: "UBCT1 command\n", then its answer until the end (unbound-control(8)).
 */
#include <string.h>

#include "base/limits.h"
#include "roles/resolver/resolver.h"
#include "run/fiber.h"
#include "run/metrics.h"

enum { PATIENCE = 2000 }; /* milliseconds for a whole answer */

#define FIGURES(X)                                                                                 \
	X(queries, "total.num.queries", "posta_resolver_queries_total", "", "Questions taken.")    \
	X(hits, "total.num.cachehits", "posta_resolver_cache_hits_total", "",                      \
	  "Answers from the cache.")                                                               \
	X(misses, "total.num.cachemiss", "posta_resolver_cache_misses_total", "",                  \
	  "Questions that needed others.")                                                         \
	X(prefetched, "total.num.prefetch", "posta_resolver_prefetches_total", "",                 \
	  "Names fetched before they expired.")                                                    \
	X(expired, "total.num.expired", "posta_resolver_expired_total", "",                        \
	  "Answers given after their expiry (RFC 8767).")                                          \
	X(limited, "total.num.queries_ip_ratelimited", "posta_resolver_limited_total", "",         \
	  "Questions over an address's rate.")                                                     \
	X(secure, "num.answer.secure", "posta_resolver_answers_total", "state=\"secure\"",         \
	  "Answers by validation.")                                                                \
	X(bogus, "num.answer.bogus", "posta_resolver_answers_total", "state=\"bogus\"",            \
	  "Answers by validation.")                                                                \
	X(noerror, "num.answer.rcode.NOERROR", "posta_resolver_rcodes_total", "rcode=\"noerror\"", \
	  "Answers by their code.")                                                                \
	X(nxdomain, "num.answer.rcode.NXDOMAIN", "posta_resolver_rcodes_total",                    \
	  "rcode=\"nxdomain\"", "Answers by their code.")                                          \
	X(servfail, "num.answer.rcode.SERVFAIL", "posta_resolver_rcodes_total",                    \
	  "rcode=\"servfail\"", "Answers by their code.")                                          \
	X(refused, "num.answer.rcode.REFUSED", "posta_resolver_rcodes_total", "rcode=\"refused\"", \
	  "Answers by their code.")                                                                \
	X(unwanted, "unwanted.replies", "posta_resolver_unwanted_total", "",                       \
	  "Answers that nobody had asked for: attempts to forge.")

#define DEFINE(id, key, name, labels, help) METRIC(id, name, labels, METRIC_COUNTER, help);
FIGURES(DEFINE)
#undef DEFINE
METRIC(recursion, "posta_resolver_recursion_milliseconds", "", METRIC_GAUGE,
       "Mean time of a question that needed others.");

#define ROW(id, key, name, labels, help) { S(key), &id },
static const struct figure {
	str key;
	struct metric *metric;
} figures[] = { FIGURES(ROW) };
#undef ROW

/* "12.345678" seconds: milliseconds. */
static int64_t milliseconds(str value)
{
	str whole = value, part = STR("");
	char digits[4] = "000";
	uint64_t s = 0, ms = 0;

	(void)str_cut(value, '.', &whole, &part);
	memcpy(digits, part.p, part.n < 3 ? part.n : 3);
	if (str_u64(whole, UINT32_MAX, &s) != OK || str_u64(str_of(digits, 3), 999, &ms) != OK)
		return 0;
	return (int64_t)(s * 1000 + ms);
}

void resolver_figures(str statistics)
{
	str line, key, value;

	while (str_next(&statistics, '\n', &line)) {
		uint64_t n;

		if (!str_cut(line, '=', &key, &value))
			continue;
		if (str_eq(key, STR("total.recursion.time.avg")))
			metric_set(&recursion, milliseconds(value));
		for (size_t i = 0; i < COUNT(figures); i++)
			if (str_eq(key, figures[i].key) && str_u64(value, INT64_MAX, &n) == OK)
				metric_set(figures[i].metric, (int64_t)n);
	}
}

WAITS static err talk(struct stream *io, str command, struct buf *answer)
{
	stream_deadline(io, clock_in(PATIENCE));
	TRY(stream_fmt(io, "UBCT1 %.*s\n", STRF(command)));
	TRY(stream_flush(io));
	for (;;) {
		err e = stream_fill(io);
		str got = stream_peek(io);

		buf_add(answer, got);
		stream_eat(io, got.n);
		if (e == E_EOF)
			break;
		TRY(e);
	}
	TRY(buf_done(answer));
	return str_starts(buf_str(answer), STR("error"))
		       ? fail(E_DENIED, "unbound: %.*s", STRF(str_trim_ws(buf_str(answer))))
		       : OK;
}

WAITS err resolver_command(const struct resolver_settings *set, str command, struct buf *answer)
{
	CLEANUP(buf_free) struct buf path = { 0 };
	struct net_addr at;
	int fd;

	buf_init(&path, KIB(1));
	resolver_control_path(set, &path);
	TRY(net_parse(buf_str(&path), &at));
	TRY(net_connect(&at, NULL, clock_in(PATIENCE), &fd));
	struct stream *io = stream_open(fd, &at);
	err e = talk(io, command, answer);

	stream_close(io);
	return e;
}

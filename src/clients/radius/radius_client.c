#include "clients/radius/radius_client.h"

#include <unistd.h>

#include "run/fiber.h"
#include "run/metrics.h"
#include "run/udp.h"

METRIC(sent, "posta_radius_client_requests_total", "", METRIC_COUNTER,
       "Requests to other RADIUS servers and access servers, without repeats.");
METRIC(silent, "posta_radius_client_failures_total", "why=\"silent\"", METRIC_COUNTER,
       "Requests without an answer that fits.");
METRIC(forged, "posta_radius_client_failures_total", "why=\"forged\"", METRIC_COUNTER,
       "Answers that did not fit and were dropped.");

static bool fits(const struct radius_target *t, str packet, const struct radius_packet *answer)
{
	const unsigned char *request = (const unsigned char *)packet.p + 4;

	if (answer->id != (unsigned char)packet.p[1] ||
	    !radius_check_response(answer, t->secret, request))
		return false;
	enum radius_ma ma = radius_check_ma(answer, t->secret, request);

	return ma == RADIUS_MA_GOOD || (ma == RADIUS_MA_ABSENT && !t->need_ma);
}

/* The first answer that fits until the deadline. */
WAITS static err receive(int fd, const struct radius_target *t, str packet, char room[RADIUS_MAX],
			 struct radius_packet *answer, msec deadline)
{
	size_t n;

	for (;;) {
		TRY(udp_receive(fd, room, RADIUS_MAX, &n, deadline));
		if (radius_parse(str_of(room, n), answer) == OK && fits(t, packet, answer))
			return OK;
		metric_add(&forged, 1);
	}
}

WAITS static err try_all(int fd, const struct radius_target *t, str packet, char room[RADIUS_MAX],
			 struct radius_packet *answer)
{
	msec wait = t->wait;
	err e = E_TIMEOUT;

	for (unsigned i = 0; i < (t->tries ? t->tries : 1) && e != OK && e != E_CANCELED; i++) {
		msec deadline = clock_in(wait);

		e = udp_put(fd, packet);
		if (e == OK)
			e = receive(fd, t, packet, room, answer, deadline);
		/* Nobody is there: whoever starts again in a moment is still asked again. */
		if (e == E_IO && i + 1 < t->tries && fiber_sleep(deadline) != OK)
			return E_CANCELED;
		wait *= 2;
	}
	return e;
}

WAITS err radius_exchange(const struct radius_target *t, str packet, char room[RADIUS_MAX],
			  struct radius_packet *answer)
{
	int fd;

	metric_add(&sent, 1);
	TRY(udp_connect(&t->addr, &fd));
	err e = try_all(fd, t, packet, room, answer);

	metric_add(&silent, e != OK);
	fiber_fd_forget(fd);
	(void)close(fd);
	return e;
}

/* For test_clamd.py: asks the clamds at the addresses given, for each line of the input a file's
 * name, and prints "OK", "FOUND name", "BIG" or "NONE" with the milliseconds that it took.
 *   clamd_ask PAUSE MAX DEADLINE ADDRESS... */
#include <stdio.h>

#include "base/limits.h"
#include "clients/clamd/clamd.h"
#include "run/file.h"

struct asking {
	struct clamds *c;
	uint64_t deadline;
};

WAITS static err scan(const struct asking *q, const char *path)
{
	CLEANUP(buf_free) struct buf file = { 0 };
	struct clamd_answer answer;
	struct arena a;
	msec began = clock_now();

	buf_init(&file, LIM_MESSAGE);
	TRY(file_read(path, &file));
	arena_init(&a, KIB(64));
	err e = clamds_scan(q->c, buf_str(&file), clock_in((msec)q->deadline), &a, &answer);

	printf("%s%.*s %lld\n",
	       e		 ? "NONE"
	       : answer.infected ? "FOUND "
	       : answer.too_big	 ? "BIG"
				 : "OK",
	       STRF(e ? STR("") : answer.name), (long long)(clock_now() - began));
	(void)fflush(stdout);
	arena_free(&a);
	return e == E_CANCELED ? e : OK;
}

struct options {
	const struct net_addr *addr;
	size_t n;
	uint64_t pause, max, deadline;
};

WAITS static err run(void *arg)
{
	const struct options *o = arg;
	struct asking q = { .deadline = o->deadline };
	char line[LIM_FILE_PATH];
	err e = OK;

	TRY(clamds_open(o->addr, o->n, (msec)o->pause, o->max, &q.c));
	while (e == OK && fgets(line, sizeof(line), stdin)) {
		str path = str_trim_ws(str_z(line));

		line[path.n] = '\0';
		TRY(fiber_sleep(clock_in(1))); /* fgets stopped the loop: its clock stood still */
		e = scan(&q, line);
	}
	clamds_close(q.c);
	return e;
}

int main(int argc, char **argv)
{
	static struct net_addr addr[8];
	struct options o = { .addr = addr };

	if (argc < 5 || str_u64(str_z(argv[1]), 1000000, &o.pause) != OK ||
	    str_u64(str_z(argv[2]), LIM_MESSAGE, &o.max) != OK ||
	    str_u64(str_z(argv[3]), 600000, &o.deadline) != OK)
		return 2;
	for (int i = 4; i < argc && o.n < COUNT(addr); i++)
		if (net_parse(str_z(argv[i]), &addr[o.n++]) != OK)
			return 2;
	return loop_main(run, &o) == OK ? 0 : 1;
}

/* The role: Unbound's life. One fiber starts it, reads what it says and starts it again when it
 * ends; another asks for its health, its figures and our zones' names. */
#include "roles/resolver/resolver.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "run/fiber.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/program.h"
#include "run/work.h"

enum {
	PAUSE_FIRST = 20, /* milliseconds before a new start after an early end; doubles */
	PAUSE_MOST = 5000,
	LIVED = 2000,  /* milliseconds of life after which a new start is at once */
	READY = 20000, /* milliseconds that the first answer may take */
	LEAVE = 3000,  /* milliseconds that Unbound has to end */
	FIGURES_EVERY = 10000,
	ZONES_EVERY = 2000,
};

METRIC(metric_up, "posta_resolver_up", "", METRIC_GAUGE, "1 while Unbound answers the probe.");
METRIC(metric_starts, "posta_resolver_starts_total", "", METRIC_COUNTER, "Starts of Unbound.");
METRIC(metric_kills, "posta_resolver_kills_total", "", METRIC_COUNTER,
       "Unbounds that ran but did not answer.");
METRIC(metric_probe, "posta_resolver_probe_milliseconds", "", METRIC_GAUGE,
       "Time of the last probe that was answered.");

static struct resolver {
	struct program *unbound; /* while it runs */
	struct fiber *life, *care;
	struct buf text;  /* the configuration that it has */
	struct buf zones; /* names of our zones, as last read */
	bool stopping;
} resolver;

/* ---- its files ---- */

struct replace {
	const char *folder, *name;
	str octets;
};

static err replace(void *arg)
{
	const struct replace *r = arg;
	CLEANUP(buf_free) struct buf path = { 0 };

	buf_init(&path, LIM_FILE_PATH);
	buf_fmt(&path, "%s/%s%c", r->folder, r->name, 0);
	TRY(buf_done(&path));
	return file_replace(path.p, r->octets, 0600);
}

/* The root's key, which Unbound then keeps up to date (RFC 5011): the system's copy, once. */
static err seed_anchor(void *arg)
{
	CLEANUP(buf_free) struct buf path = { 0 }, key = { 0 };
	const struct resolver_settings *set = arg;
	struct replace r = { set->data, "root.key", STR("") };

	buf_init(&path, LIM_FILE_PATH);
	buf_init(&key, KIB(64));
	buf_fmt(&path, "%s/root.key%c", set->data, 0);
	TRY(buf_done(&path));
	if (file_read(path.p, &key) == OK && key.n > 0)
		return OK;
	buf_reset(&key);
	TRY(file_read(set->root_anchor.p, &key));
	r.octets = buf_str(&key);
	return replace(&r);
}

WAITS static err read_zones(const struct resolver_settings *set)
{
	CLEANUP(buf_free) struct buf fresh = { 0 };
	struct resolver_zones job = { set->directory, &fresh };

	buf_init(&fresh, LIM_RESOLVER_ZONES);
	TRY(work(POOL_DISK, resolver_zones, &job));
	buf_reset(&resolver.zones);
	buf_add(&resolver.zones, buf_str(&fresh));
	return buf_done(&resolver.zones);
}

/* Writes the configuration; true in *changed when it is another one than before. */
WAITS static err write_config(bool *changed)
{
	CLEANUP(buf_free) struct buf fresh = { 0 };
	const struct resolver_settings *set = role_settings();
	struct replace r = { set->data, "unbound.conf", STR("") };

	buf_init(&fresh, LIM_RESOLVER_CONFIG);
	resolver_config(set, buf_str(&resolver.zones), &fresh);
	TRY(buf_done(&fresh));
	*changed = !str_eq(buf_str(&fresh), buf_str(&resolver.text));
	if (!*changed)
		return OK;
	r.octets = buf_str(&fresh);
	TRY(work(POOL_DISK, replace, &r));
	buf_reset(&resolver.text);
	buf_add(&resolver.text, buf_str(&fresh));
	return buf_done(&resolver.text);
}

/* ---- its life ---- */

/* "[1795849172] unbound[11531:0] error: text": text, and whether it complains. */
static void say(str line)
{
	size_t at = str_search(line, STR("] unbound["));
	bool bad = str_search(line, STR(" error: ")) < line.n ||
		   str_search(line, STR(" fatal")) < line.n;

	if (at < line.n)
		line = str_trim(str_skip(line, at + 10 + str_find(str_skip(line, at + 10), ' ')));
	LOG(bad ? LOG_ERROR : LOG_DEBUG, "resolver.unbound", KS("says", line));
}

WAITS static int run_once(void)
{
	const struct resolver_settings *set = role_settings();
	char config[LIM_FILE_PATH], program[LIM_FILE_PATH], flag_c[] = "-c", flag_d[] = "-d";
	CLEANUP(buf_free) struct buf path = { 0 };
	str line;

	buf_init(&path, sizeof(config) - 1);
	buf_fmt(&path, "%s/unbound.conf", set->data);
	if (str_to_z(buf_str(&path), config, sizeof(config)) != OK ||
	    str_to_z(set->program, program, sizeof(program)) != OK)
		return -1;
	char *argv[] = { program, flag_d, flag_c, config, NULL };

	if (program_start(argv, &resolver.unbound) != OK)
		return -1;
	metric_add(&metric_starts, 1);
	LOG(LOG_INFO, "resolver.start", KI("pid", program_pid(resolver.unbound)));
	while (program_line(resolver.unbound, &line) == OK)
		say(line);
	struct program *ended = resolver.unbound;

	resolver.unbound = NULL;
	return program_end(ended, clock_in(LEAVE));
}

WAITS static err life(void *arg)
{
	msec pause = PAUSE_FIRST;

	(void)arg;
	while (!resolver.stopping) {
		msec began = clock_now();
		int status = run_once();

		metric_set(&metric_up, 0);
		if (resolver.stopping)
			break;
		bool early = clock_now() - began < LIVED;

		LOG(LOG_ERROR, "resolver.ended",
		    KI("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		    KI("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		    KI("in_ms", early ? pause : 0));
		if (!early) {
			pause = PAUSE_FIRST;
			continue;
		}
		TRY(fiber_sleep(clock_in(pause)));
		pause = pause * 2 > PAUSE_MOST ? PAUSE_MOST : pause * 2;
	}
	return OK;
}

/* ---- its health ---- */

WAITS static err probe(const struct resolver_settings *set)
{
	msec began = clock_now();
	err e = resolver_probe(set);

	metric_set(&metric_up, e == OK);
	if (e == OK)
		metric_set(&metric_probe, clock_now() - began);
	return e;
}

WAITS static void take_figures(const struct resolver_settings *set)
{
	CLEANUP(buf_free) struct buf answer = { 0 };

	buf_init(&answer, LIM_RESOLVER_FIGURES);
	if (resolver_command(set, STR("stats_noreset"), &answer) == OK)
		resolver_figures(buf_str(&answer));
	else
		LOG(LOG_DEBUG, "resolver.figures", KE(E_IO));
}

/* A zone that came or went, or other settings: Unbound reads its configuration again and keeps its
 * cache. */
WAITS static err follow(const struct resolver_settings *set)
{
	CLEANUP(buf_free) struct buf answer = { 0 };
	bool changed;

	if (read_zones(set) != OK)
		LOG(LOG_DEBUG, "resolver.zones", KS("why", str_z(err_last()->text)));
	TRY(write_config(&changed));
	if (!changed)
		return OK;
	buf_init(&answer, KIB(4));
	LOG(LOG_INFO, "resolver.reload");
	return resolver_command(set, STR("reload_keep_cache"), &answer);
}

static void kill_it(void)
{
	if (!resolver.unbound)
		return;
	LOG(LOG_ERROR, "resolver.silent", KI("pid", program_pid(resolver.unbound)));
	metric_add(&metric_kills, 1);
	program_signal(resolver.unbound, SIGKILL);
}

WAITS static err care(void *arg)
{
	msec answered = clock_now(), figures = 0, zones = clock_in(ZONES_EVERY);

	(void)arg;
	for (;;) {
		const struct resolver_settings *set = role_settings();
		err e = probe(set);

		if (e == E_CANCELED)
			return e;
		if (e == OK)
			answered = clock_now();
		else if (clock_now() - answered > set->probe_time) {
			kill_it();
			answered = clock_now();
		}
		if (e == OK && clock_now() >= figures) {
			take_figures(set);
			figures = clock_in(FIGURES_EVERY);
		}
		if (e == OK && clock_now() >= zones) {
			if (follow(set) != OK)
				LOG(LOG_WARN, "resolver.follow",
				    KS("why", str_z(err_last()->text)));
			zones = clock_in(ZONES_EVERY);
		}
		TRY(fiber_sleep(clock_in(set->probe)));
	}
}

/* ---- the role ---- */

WAITS static err wait_ready(const struct resolver_settings *set)
{
	msec end = clock_in(READY);

	while (probe(set) != OK) {
		if (clock_now() >= end)
			return fail(E_TIMEOUT, "Unbound does not answer; its complaints are above");
		TRY(fiber_sleep(clock_in(20)));
	}
	return OK;
}

WAITS static err start(const struct role_env *env)
{
	const struct resolver_settings *set = role_settings();
	bool changed;

	(void)env;
	if (set->nlisten == 0)
		return fail(E_SYNTAX, "the resolver has no address; write resolver = "
				      "[\"192.0.2.1:53\"] in its node");
	buf_init(&resolver.text, LIM_RESOLVER_CONFIG);
	buf_init(&resolver.zones, LIM_RESOLVER_ZONES);
	if (set->dnssec)
		TRY(work(POOL_DISK, seed_anchor, (void *)(uintptr_t)set));
	if (read_zones(set) != OK)
		LOG(LOG_WARN, "resolver.zones", KS("why", str_z(err_last()->text)));
	TRY(write_config(&changed));
	resolver.life = fiber_start("unbound", life, NULL);
	TRY(wait_ready(set));
	resolver.care = fiber_start("care", care, NULL);
	return OK;
}

WAITS static void stop(void)
{
	resolver.stopping = true;
	if (resolver.care) {
		fiber_cancel(resolver.care);
		(void)!fiber_join(resolver.care);
	}
	if (resolver.unbound)
		program_signal(resolver.unbound, SIGTERM);
	if (resolver.life)
		(void)!fiber_join(resolver.life);
	buf_free(&resolver.text);
	buf_free(&resolver.zones);
}

/* Unbound binds its addresses itself: without the supervisor's kind of socket there is nothing to
 * hand over. */
static const struct listener listeners[] = { { .kind = "resolver", .port = 55 } };

static const struct role_list lists[] = { { "stubs", resolver_stub_keys, RESOLVER_STUB_KEYS } };

const struct role role_resolver = {
	.name = "resolver",
	.user = "posta-resolver",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY | MAY_SPAWN | MAY_BIND,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct resolver_settings),
	.read = resolver_read,
	.start = start,
	.stop = stop,
	.groups = (const char *const[]){ "dnsbl", NULL },
	.keys = resolver_keys,
	.nkeys = RESOLVER_KEYS,
	.lists = lists,
	.nlists = COUNT(lists),
	.exclusive = true, /* two Unbounds would take each other's addresses */
};

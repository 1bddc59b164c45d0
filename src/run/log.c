#include "run/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "run/clock.h"
#include "run/fiber.h"
#include "run/metrics.h"

enum { ROOM_FOR_END = 8, VALUE_MAX = 1024 };

/* A line in the making; what does not fit is left out, at the border of a character. */
struct line {
	char p[LIM_LOG_LINE];
	size_t n;
};
static _Thread_local struct line line;

METRIC(lost, "posta_log_lost_total", "", METRIC_COUNTER, "Log lines that could not be written.");

static char role_name[32] = "posta";
static _Atomic int least_level = LOG_INFO;

void log_setup(const char *role, enum log_level least)
{
	(void)snprintf(role_name, sizeof(role_name), "%s", role);
	atomic_store(&least_level, (int)least);
}

static bool add(struct line *l, str s)
{
	if (s.n > sizeof(l->p) - ROOM_FOR_END - l->n)
		return false;
	if (s.n)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
	return true;
}

static void add_fmt(struct line *l, const char *fmt, ...) PRINTF(2, 3);
static void add_fmt(struct line *l, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)add(l, str_z(text));
}

/* A word that needs no quotes. */
static bool plain(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ch_alnum(s.p[i]) && !memchr("._:/@+-,<>[]%~*", s.p[i], 15))
			return false;
	}
	return s.n > 0;
}

/* One character of *s as it stands in quotes; at most 16 octets. */
static str escaped(str *s, char out[16])
{
	unsigned char c = (unsigned char)s->p[0];
	str was = *s;

	if (c >= 0x80) {
		int32_t cp = utf8_next(s);

		if (utf8_shown(cp))
			return str_of(was.p, was.n - s->n);
		*s = was;
	}
	*s = str_skip(*s, 1);
	if (c == '"' || c == '\\')
		(void)snprintf(out, 16, "\\%c", c);
	else if (c == '\n' || c == '\r' || c == '\t')
		(void)snprintf(out, 16, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
	else if (c < ' ' || c >= 0x7f)
		(void)snprintf(out, 16, "\\x%02x", c);
	else
		return str_of(was.p, 1);
	return str_z(out);
}

static void add_value(struct line *l, str s)
{
	size_t start = l->n;
	char out[16];

	if (plain(s) && s.n <= VALUE_MAX) {
		(void)add(l, s);
		return;
	}
	(void)add(l, STR("\""));
	while (s.n && l->n - start < VALUE_MAX && add(l, escaped(&s, out)))
		;
	if (s.n)
		(void)add(l, STR("..."));
	(void)add(l, STR("\""));
}

static void add_error(struct line *l, err e)
{
	const struct fault *f = err_last();

	add_value(l, str_z(err_name(e)));
	if (f->code != e || !f->text[0])
		return;
	(void)add(l, STR(" why="));
	add_value(l, str_of(f->text, strnlen(f->text, sizeof(f->text))));
	add_fmt(l, " at=%.80s:%d", f->file, f->line);
}

static void add_kv(struct line *l, const struct log_kv *kv)
{
	add_fmt(l, " %.60s=", kv->key);
	if (kv->kind == LOG_KV_STR)
		add_value(l, kv->s);
	else if (kv->kind == LOG_KV_INT)
		add_fmt(l, "%" PRId64, kv->i);
	else
		add_error(l, (err)kv->i);
}

void log_write(enum log_level level, const char *event, const struct log_kv *kv)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };
	struct line *l = &line;
	int64_t ms = clock_unix_ms();
	struct date d = date_of(ms / 1000, 0);
	str trace = fiber_trace();

	if ((int)level < atomic_load(&least_level))
		return;
	l->n = 0;
	add_fmt(l, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s %s %.60s", d.year, d.month, d.day,
		d.hour, d.minute, d.second, (int)(ms % 1000), levels[level], role_name, event);
	if (trace.n) {
		(void)add(l, STR(" trace="));
		add_value(l, trace);
	}
	for (; kv->key; kv++)
		add_kv(l, kv);
	l->p[l->n++] = '\n';
	ssize_t n = write(STDERR_FILENO, l->p, l->n); /* one call: lines of processes do not mix */

	if (n < 0)
		metric_add(&lost, 1);
}

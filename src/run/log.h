/* run/log.h: structured log, one line an event, on standard error:
 *   2026-11-21T23:48:59.123Z info mx smtp.reject trace=A1b2 peer=192.0.2.1 why="no such user"
 * Values are quoted and escaped, so that no input can forge a line. Secrets never come here. */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include <inttypes.h>

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_kv {
	const char *key;
	enum { LOG_KV_END, LOG_KV_STR, LOG_KV_INT, LOG_KV_ERR } kind;
	str s;
	int64_t i;
};
#define KS(k, v)                                                                                   \
	{                                                                                          \
		.key = (k), .kind = LOG_KV_STR, .s = (v)                                           \
	} /* a str */
#define KI(k, v)                                                                                   \
	{                                                                                          \
		.key = (k), .kind = LOG_KV_INT, .i = (int64_t)(v)                                  \
	} /* an integer */
#define KE(e)                                                                                      \
	{                                                                                          \
		.key = "error", .kind = LOG_KV_ERR, .i = (int64_t)(e)                              \
	} /* an err, with err_last()'s text */

/* LOG(LOG_INFO, "smtp.reject", KS("why", why), KI("size", n)); the fiber's trace id is added. */
#define LOG(level, event, ...)                                                                     \
	log_write(level, event, (const struct log_kv[]){ __VA_ARGS__ __VA_OPT__(, ){ .key = 0 } })
void log_write(enum log_level level, const char *event, const struct log_kv *kv);

/* What this process is, for each line ("mx"); the least level that is written. */
void log_setup(const char *role, enum log_level least);

#endif

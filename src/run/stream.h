/* run/stream.h: a buffered two-way byte stream: TCP, unix socket, TLS on top, or a script in tests.
 * One fiber reads and writes; every operation that waits obeys the stream's deadline.
 * Views into the input live until the next call that reads or consumes. */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include "base/buf.h"
#include "run/clock.h"
#include "run/net.h"

struct stream;
struct tls_ctx;

/* Takes fd over. */
struct stream *stream_open(int fd, const struct net_addr *peer);
/* Tests: reads give `input` in pieces of at most `piece` octets (0: all at once), then end of file;
 * what is written is kept (stream_written). */
struct stream *stream_script(str input, size_t piece);
str stream_written(const struct stream *s);
/* The same, kept beyond stream_close: everything written is added to out as well. */
void stream_script_keep(struct stream *s, struct buf *out);
/* Flushes nothing; closes, frees. NULL allowed. With TLS sends close_notify if it can without
 * waiting. */
void stream_close(struct stream *s);

const struct net_addr *stream_peer(const struct stream *s);
int stream_fd(const struct stream *s);
/* All waits of this stream end at this time with E_TIMEOUT. NEVER at first. */
void stream_deadline(struct stream *s, msec deadline);

/* ---- input ---- */
/* What is buffered, without waiting. */
str stream_peek(const struct stream *s);
/* Waits for at least one octet more than is buffered. E_EOF at the end; E_LIMIT when LIM_STREAM_IN
 * is full. */
WAITS MUST_USE err stream_fill(struct stream *s);
/* As stream_fill, but comes back with E_AGAIN when q was woken and nothing has come. */
struct waitq;
WAITS MUST_USE err stream_fill_or(struct stream *s, struct waitq *q);
/* Drops n buffered octets; n <= stream_peek().n. */
void stream_eat(struct stream *s, size_t n);
/* One line ended by CRLF (or a bare LF when lenient), given without its end and already eaten;
 * valid until the next read. A bare CR or (strict) bare LF stays in the line: the caller judges.
 * E_LIMIT: no line end within max octets; the octets up to the line's end are skipped as they come,
 * so that the next call gives the next line. E_EOF: end, *line has what there was. */
enum line_end { LINE_CRLF, LINE_LENIENT };
WAITS MUST_USE err stream_line(struct stream *s, size_t max, enum line_end how, str *line);
/* Up to n octets, at least one. */
WAITS MUST_USE err stream_read(struct stream *s, char *p, size_t n, size_t *got);
/* Exactly n octets. E_EOF when fewer came. */
WAITS MUST_USE err stream_read_full(struct stream *s, char *p, size_t n);

/* ---- output ---- */
/* Buffers; goes out when LIM_STREAM_OUT is full, at stream_flush, or when this fiber is about to
 * wait for input. Waits only when LIM_STREAM_OUT is full. After a failure each later call gives the
 * same error. */
WAITS MUST_USE err stream_write(struct stream *s, str bytes);
WAITS MUST_USE err stream_fmt(struct stream *s, const char *fmt, ...) PRINTF(2, 3);
WAITS MUST_USE err stream_flush(struct stream *s);
/* Octets waiting in the output buffer. */
size_t stream_unsent(const struct stream *s);

/* ---- both directions, for the proxy ---- */
/* Copies until either side ends or is idle for idle milliseconds; what is buffered goes first.
 * Counts octets. */
WAITS MUST_USE err stream_splice(struct stream *a, struct stream *b, msec idle, uint64_t *a_to_b,
				 uint64_t *b_to_a);

/* ---- TLS (OpenSSL 3, TLS 1.2 and up) ---- */
/* Upgrades. Server side: drops (returns true in *had_input) clear-text octets that were buffered
 * behind the command, which no command may use (RFC 3207 4.2, CVE-2011-0411). */
WAITS MUST_USE err stream_tls_accept(struct stream *s, struct tls_ctx *ctx, bool *had_input);
/* name: SNI and, if ctx verifies, the name to find in the certificate. */
WAITS MUST_USE err stream_tls_connect(struct stream *s, struct tls_ctx *ctx, str name);
/* The same, where both ends must show a certificate that leads to one of cas. E_DENIED: the peer
 * has none, or another's. Client side: its certificate stands for name. */
struct tls_cas;
WAITS MUST_USE err stream_tls_accept_from(struct stream *s, struct tls_ctx *ctx,
					  const struct tls_cas *cas);
WAITS MUST_USE err stream_tls_connect_to(struct stream *s, struct tls_ctx *ctx,
					 const struct tls_cas *cas, str name);
/* Does the certificate that the peer has shown stand for this name or address? */
bool stream_tls_peer_is(const struct stream *s, str name);
bool stream_is_tls(const struct stream *s);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear. Static or the session's. */
str stream_tls_info(const struct stream *s);
/* Channel binding for SCRAM-PLUS: tls-exporter (RFC 9266, TLS 1.3) or tls-server-end-point (RFC
 * 5929). E_NOTFOUND when there is none. */
MUST_USE err stream_tls_binding(struct stream *s, str type, struct buf *out);

#endif

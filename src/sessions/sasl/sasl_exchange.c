#include "sessions/sasl/sasl_exchange.h"

#include "base/enc.h"
#include "base/limits.h"

/* Base64 makes four octets of three. */
enum { CODED = LIM_SASL * 4 / 3 + 4 };

static err decode(str coded, struct buf *out)
{
	buf_reset(out);
	if (str_eq(coded, STR("*")))
		return fail(E_SYNTAX, "Authentication cancelled");
	if (str_eq(coded, STR("=")))
		return OK;
	err e = dec_base64(out, coded);

	return e == OK ? OK : fail(E_SYNTAX, "Not base64, or too long");
}

static WAITS err challenge(struct stream *io, str prefix, str plain, str *answer)
{
	CLEANUP(buf_wipe) struct buf line;

	buf_init(&line, CODED + 16);
	buf_add(&line, prefix);
	enc_base64(&line, plain);
	buf_add(&line, STR("\r\n"));
	TRY(buf_done(&line));
	TRY(stream_write(io, buf_str(&line)));
	TRY(stream_flush(io));
	err e = stream_line(io, CODED, LINE_LENIENT, answer);

	return e == E_LIMIT ? fail(E_SYNTAX, "Line too long") : e;
}

WAITS err sasl_exchange(struct stream *io, struct sasl_server *s, str prefix, bool has_initial,
			str initial)
{
	CLEANUP(buf_wipe) struct buf message;
	CLEANUP(buf_wipe) struct buf out;
	bool done = false;

	buf_init(&message, LIM_SASL);
	buf_init(&out, LIM_SASL);
	if (has_initial)
		TRY(decode(initial, &message));
	for (;;) {
		str answer;

		buf_reset(&out);
		TRY(sasl_server_step(s, has_initial, buf_str(&message), &out, &done));
		if (done && !out.n)
			return OK;
		TRY(challenge(io, prefix, buf_str(&out), &answer));
		TRY(decode(answer, &message));
		if (done) /* the server's last word was heard: RFC 5802 5 */
			return OK;
		has_initial = true;
	}
}

/* The scripted peer of tests: no descriptor, never a wait. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/stream_state.h"

struct script {
	struct buf input, written;
	struct buf *kept; /* the test's, or NULL */
	size_t at, piece;
};

static err script_read(struct stream *s, char *p, size_t n, size_t *got)
{
	struct script *sc = s->script;
	str rest = str_skip(buf_str(&sc->input), sc->at);

	if (sc->piece)
		rest = str_take(rest, sc->piece);
	rest = str_take(rest, n);
	if (!rest.n)
		return fail(E_EOF, "the script is over");
	memcpy(p, rest.p, rest.n);
	sc->at += rest.n;
	*got = rest.n;
	return OK;
}

static err script_write(struct stream *s, const char *p, size_t n, size_t *put)
{
	buf_add(&s->script->written, str_of(p, n));
	if (s->script->kept)
		buf_add(s->script->kept, str_of(p, n));
	*put = n;
	return buf_done(&s->script->written);
}

static void script_close(struct stream *s)
{
	buf_free(&s->script->input);
	buf_free(&s->script->written);
	mem_free(s->script);
}

static const struct carrier carrier = { script_read, script_write, script_close };

struct stream *stream_script(str input, size_t piece)
{
	struct stream *s = stream_new(&carrier, -1);
	struct script *sc = MEM_NEW(struct script);

	sc->piece = piece;
	buf_init(&sc->input, SIZE_MAX);
	buf_init(&sc->written, SIZE_MAX);
	buf_add(&sc->input, input);
	s->script = sc;
	return s;
}

str stream_written(const struct stream *s)
{
	return s->script ? buf_str(&s->script->written) : STR("");
}

void stream_script_keep(struct stream *s, struct buf *out)
{
	s->script->kept = out;
}

#include "sessions/smtp/fake.h"

#include "run/fiber.h"

/* One test at a time uses it. */
static struct fake *fake;

static const struct smtp_limits *limits(void)
{
	return &fake->limits;
}

static str hostname(void)
{
	return STR("fake.test");
}

WAITS static err fake_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	buf_fmt(&fake->seen, "mail %.*s|", STRF(t->mail.from.text));
	if (str_eq(t->mail.from.text, STR("bad@y")))
		verdict_set(v, "550 5.7.1 Not you");
	return OK;
}

WAITS static err fake_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			   void **data, struct verdict *v)
{
	buf_fmt(&fake->seen, "rcpt %.*s|", STRF(r->to.text));
	if (str_eq(r->to.text, STR("away@x")))
		return fail(E_IO, "back-end is away");
	if (str_eq(r->to.text, STR("bye@x"))) {
		verdict_set(v, "421 4.7.0 Enough");
		v->close = true;
	} else if (!str_eq(r->to.domain, STR("x"))) {
		verdict_set(v, "550 5.7.1 Relaying denied");
	}
	return OK;
}

WAITS static err copy_message(struct spool *s)
{
	char block[512];
	size_t got = 1;

	buf_reset(&fake->last);
	for (uint64_t at = 0; got; at += got) {
		TRY(spool_read(s, at, block, sizeof(block), &got));
		buf_add(&fake->last, str_of(block, got));
	}
	return OK;
}

WAITS static err fake_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	buf_fmt(&fake->seen, "data %llu|", (unsigned long long)spool_size(t->message));
	for (size_t k = 0; k < (i->lmtp ? t->nrcpts : 1); k++) {
		bool full = i->lmtp && str_eq(t->rcpts[k].to.local, STR("full"));

		verdict_set(&v[k], full ? "452 4.2.2 Full" : "250 2.0.0 Kept");
	}
	return copy_message(t->message);
}

static void fake_reset(struct smtp_info *i, struct smtp_tx *t)
{
	buf_add(&fake->seen, STR("reset|"));
}

static void fake_gone(struct smtp_info *i)
{
	buf_add(&fake->seen, STR("gone|"));
}

void fake_init(struct fake *f, bool lmtp)
{
	*f = (struct fake){
		.limits = { .rcpts = 4,
			    .message = 10000,
			    .errors = 10,
			    .transactions = 5,
			    .command = 5000,
			    .data_block = 5000,
			    .whole = 60000,
			    .spool_dir = "/tmp" },
		.role = { .name = "fake",
			  .lmtp = lmtp,
			  .xclient_delivery_id = lmtp,
			  .limits = limits,
			  .mail = fake_mail,
			  .rcpt = fake_rcpt,
			  .data = fake_data,
			  .reset = fake_reset,
			  .gone = fake_gone,
			  .hostname = hostname },
	};
	buf_init(&f->seen, MIB(1));
	buf_init(&f->last, MIB(4));
	fake = f;
}

void fake_free(struct fake *f)
{
	buf_free(&f->seen);
	buf_free(&f->last);
	fake = NULL;
}

struct job {
	struct fake *f;
	str in;
	size_t piece;
	struct buf *out;
};

WAITS static err run(void *arg)
{
	struct job *j = arg;
	struct stream *io = stream_script(j->in, j->piece);

	stream_script_keep(io, j->out);
	return smtp_session(io, false, STR("mx"), &j->f->role);
}

void fake_run(struct fake *f, str in, size_t piece, struct buf *out)
{
	struct job j = { f, in, piece, out };
	err e = loop_main(run, &j);

	if (e)
		buf_fmt(out, "(error %s)", err_name(e));
}

/* ---- what the session takes from below ---- */
struct tls_ctx *role_tls(void)
{
	return NULL;
}

bool role_draining(void)
{
	return fake->draining;
}

struct sasl_server {
	struct dir_user user;
};

void sasl_mechanisms(const struct sasl_config *c, const char *prefix, const char *sep,
		     struct buf *out)
{
	buf_add(out, STR("PLAIN"));
}

err sasl_server_new(const struct sasl_config *c, str mechanism, struct sasl_server **out)
{
	if (!str_eqi(mechanism, STR("PLAIN")))
		return E_NOTFOUND;
	*out = MEM_NEW(struct sasl_server);
	(*out)->user = (struct dir_user){ .id = 1, .login = STR("ana@x"), .backend = STR("") };
	return OK;
}

void sasl_server_free(struct sasl_server *s)
{
	mem_free(s);
}

err sasl_server_step(struct sasl_server *s, bool has, str message, struct buf *challenge,
		     bool *done)
{
	*done = has;
	return !has || str_eq(message, STR("\0ana\0secret")) ? OK : E_DENIED;
}

const struct dir_user *sasl_server_user(const struct sasl_server *s)
{
	return &s->user;
}

#include <string.h>

#include "sessions/smtp/session.h"

/* Room for one more; the arrays move as they grow, which the arena forgets with the transaction. */
static err grow(struct smtp *s)
{
	size_t n = s->rcpts_room ? s->rcpts_room * 2 : 8;

	if (s->tx.nrcpts < s->rcpts_room)
		return OK;
	struct smtp_rcpt *r = NEW_TRY(&s->txa, struct smtp_rcpt, n);
	void **d = NEW_TRY(&s->txa, void *, n);

	if (!r || !d)
		return E_LIMIT;
	if (s->tx.nrcpts) {
		memcpy(r, s->tx.rcpts, s->tx.nrcpts * sizeof(*r));
		memcpy(d, s->tx.rcpt_data, s->tx.nrcpts * sizeof(*d));
	}
	s->tx.rcpts = r;
	s->tx.rcpt_data = d;
	s->rcpts_room = n;
	return OK;
}

static void keep(struct smtp *s, const struct smtp_rcpt *r, void *data)
{
	s->tx.rcpts[s->tx.nrcpts] = *r;
	s->tx.rcpt_data[s->tx.nrcpts] = data;
	s->tx.nrcpts++;
	s->state = ST_RCPT;
}

WAITS err smtp_cmd_rcpt(struct smtp *s, str args)
{
	struct smtp_rcpt r;
	struct verdict v = { 0 };
	void *data = NULL;

	/* RFC 5321 4.5.3.1.10: the rest comes in another transaction. */
	if (s->tx.nrcpts >= (uint64_t)s->lim->rcpts || grow(s) != OK)
		return smtp_answer(s, "452 4.5.3 Too many recipients");
	err e = smtp_parse_rcpt(args, s->ext, &s->txa, &r);
	if (e)
		return smtp_answer_parse(s, e);
	if (r.to.utf8 && !s->tx.mail.smtputf8) /* RFC 6531 3.5 */
		return smtp_complain(s, "553 5.6.7 Address needs SMTPUTF8");

	verdict_set(&v, "250 2.1.5 OK");
	TRY(smtp_asked(s, "rcpt", s->role->rcpt(&s->info, &s->tx, &r, &data, &v), &v));
	if (verdict_ok(&v))
		keep(s, &r, data);
	return smtp_answer_verdict(s, &v);
}

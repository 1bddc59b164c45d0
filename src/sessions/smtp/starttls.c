#include "run/metrics.h"
#include "sessions/smtp/session.h"

METRIC(m_injected, "posta_smtp_starttls_injected_total", "", METRIC_COUNTER,
       "Octets in clear behind STARTTLS, which were dropped (RFC 3207 4.2).");

static void drop_ctx(struct tls_ctx **t)
{
	tls_drop(*t);
}

WAITS err smtp_cmd_starttls(struct smtp *s, str args)
{
	CLEANUP(drop_ctx) struct tls_ctx *tls = s->role->starttls ? role_tls() : NULL;
	bool injected = false;

	if (args.n)
		return smtp_complain(s, "501 5.5.4 STARTTLS takes nothing");
	if (s->info.tls)
		return smtp_complain(s, "503 5.5.1 TLS is on already");
	if (!tls)
		return smtp_complain(s, "454 4.7.0 TLS is not available");
	TRY(smtp_answer(s, "220 2.0.0 Go ahead"));
	TRY(stream_flush(s->io));
	smtp_patience(s, s->lim->command);
	TRY(stream_tls_accept(s->io, tls, &injected));
	if (injected) {
		metric_add(&m_injected, 1);
		LOG(LOG_WARN, "smtp.starttls_injected", KS("helo", s->info.helo));
	}
	/* RFC 3207 4.2: what was said in clear is forgotten. */
	smtp_tx_reset(s);
	s->state = ST_NEW;
	s->ext = 0;
	s->info.helo = STR("");
	s->info.esmtp = false;
	s->info.user = NULL;
	s->info.tls = true;
	s->info.tls_info = stream_tls_info(s->io);
	return OK;
}

#include "run/metrics.h"
#include "sessions/dns/server.h"

#define ANSWERS(id, transport, rcode)                                                              \
	METRIC(id, "posta_dns_answers_total", "transport=\"" transport "\",rcode=\"" rcode "\"",   \
	       METRIC_COUNTER, "Answers by transport and code.")
#define DROPPED(id, why)                                                                           \
	METRIC(id, "posta_dns_dropped_total", "why=\"" why "\"", METRIC_COUNTER,                   \
	       "Messages that were not answered.")

ANSWERS(udp_noerror, "udp", "NOERROR");
ANSWERS(udp_formerr, "udp", "FORMERR");
ANSWERS(udp_servfail, "udp", "SERVFAIL");
ANSWERS(udp_nxdomain, "udp", "NXDOMAIN");
ANSWERS(udp_notimp, "udp", "NOTIMP");
ANSWERS(udp_refused, "udp", "REFUSED");
ANSWERS(udp_notauth, "udp", "NOTAUTH");
ANSWERS(udp_badvers, "udp", "BADVERS");
ANSWERS(udp_badcookie, "udp", "BADCOOKIE");
ANSWERS(udp_other, "udp", "other");
ANSWERS(tcp_noerror, "tcp", "NOERROR");
ANSWERS(tcp_formerr, "tcp", "FORMERR");
ANSWERS(tcp_servfail, "tcp", "SERVFAIL");
ANSWERS(tcp_nxdomain, "tcp", "NXDOMAIN");
ANSWERS(tcp_notimp, "tcp", "NOTIMP");
ANSWERS(tcp_refused, "tcp", "REFUSED");
ANSWERS(tcp_notauth, "tcp", "NOTAUTH");
ANSWERS(tcp_badvers, "tcp", "BADVERS");
ANSWERS(tcp_other, "tcp", "other");
DROPPED(dropped_short, "short");
DROPPED(dropped_answer, "answer");
DROPPED(dropped_rate, "rate");
DROPPED(dropped_role, "transfer");
METRIC(truncated, "posta_dns_truncated_total", "", METRIC_COUNTER,
       "Answers that did not fit and say so (TC).");
METRIC(slipped, "posta_dns_slipped_total", "", METRIC_COUNTER,
       "Answers over the rate that were sent, cut, to make a real client come by TCP.");

static struct metric *metric_of(bool tcp, unsigned rcode)
{
	switch (rcode) {
	case DNS_NOERROR:
		return tcp ? &tcp_noerror : &udp_noerror;
	case DNS_FORMERR:
		return tcp ? &tcp_formerr : &udp_formerr;
	case DNS_SERVFAIL:
		return tcp ? &tcp_servfail : &udp_servfail;
	case DNS_NXDOMAIN:
		return tcp ? &tcp_nxdomain : &udp_nxdomain;
	case DNS_NOTIMP:
		return tcp ? &tcp_notimp : &udp_notimp;
	case DNS_REFUSED:
		return tcp ? &tcp_refused : &udp_refused;
	case DNS_NOTAUTH:
		return tcp ? &tcp_notauth : &udp_notauth;
	case DNS_BADVERS:
		return tcp ? &tcp_badvers : &udp_badvers;
	case DNS_BADCOOKIE:
		return tcp ? &tcp_other : &udp_badcookie;
	default:
		return tcp ? &tcp_other : &udp_other;
	}
}

void count_answer(bool tcp, unsigned rcode, bool cut)
{
	metric_add(metric_of(tcp, rcode), 1);
	if (cut)
		metric_add(&truncated, 1);
}

void count_dropped(enum dropped why)
{
	static struct metric *const all[] = { &dropped_short, &dropped_answer, &dropped_rate,
					      &dropped_role };

	metric_add(all[why], 1);
}

void count_slipped(void)
{
	metric_add(&slipped, 1);
}

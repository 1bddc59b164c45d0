/* clients/radius/radius_client.h: one RADIUS request to a server or an access server, and its
 * answer. RFC 2865 2.5 (retransmission), 3; 3579 3.2; 5080 2.2.1; 5176. Each exchange has a socket
 * of its own: its port and the packet's id and authenticator are what an answer must fit. */
#ifndef CLIENTS_RADIUS_RADIUS_CLIENT_H
#define CLIENTS_RADIUS_RADIUS_CLIENT_H

#include "formats/radius/packet.h"
#include "run/net.h"

struct radius_target {
	struct net_addr addr;
	str secret;
	msec wait;	/* for the first try; doubles with each */
	unsigned tries; /* the same packet again, so that it counts once */
	bool need_ma;	/* answers without a Message-Authenticator are dropped (CVE-2024-3596) */
};
/* packet: finished under t->secret. room keeps the answer, which answer points into. E_TIMEOUT:
 * none that fits came; E_IO: nobody is there. */
WAITS MUST_USE err radius_exchange(const struct radius_target *t, str packet, char room[RADIUS_MAX],
				   struct radius_packet *answer);

#endif

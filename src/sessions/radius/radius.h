/* sessions/radius/radius.h: RADIUS requests served: from whom, well formed, under the right secret,
 * not seen a moment ago; then the role decides, in a fiber of the request's own, and the answer is
 * signed, remembered and sent.
 *
 * RFC 2865 2, 3; 2866 2; 3579 3.2; 5080 2.2.2 (duplicates), 2.2.1; 5997 (Status-Server);
 * CVE-2024-3596 (Message-Authenticator). Bad packets are dropped and counted; nothing is said. */
#ifndef SESSIONS_RADIUS_RADIUS_H
#define SESSIONS_RADIUS_RADIUS_H

#include "base/arena.h"
#include "formats/radius/packet.h"
#include "run/fiber.h"
#include "run/udp.h"

/* Who asks: an access server, or a proxy. Lives as long as the settings that it is of. */
struct radius_nas {
	str name, secret;
	/* Access-Requests without a Message-Authenticator are dropped. Off for old equipment alone:
	 * then those with a Proxy-State are. */
	bool require_ma;
	const void *more; /* the role's own */
};

enum radius_port { RADIUS_ACCESS, RADIUS_ACCOUNTING, RADIUS_DYNAMIC /* RFC 5176 */ };

/* Where answers go: a datagram's sender, or a stream (RADIUS over TLS). Copied with the request;
 * send must not wait, and drop what cannot be sent. */
struct radius_source {
	void (*send)(const struct radius_source *s, str packet);
	struct udp_path path; /* of datagrams: the way back; of streams: peer alone */
	void *stream;
	/* Streams keep what answers need (hold) until the last answer (drop); NULL for datagrams.
	 */
	void (*hold)(void *stream);
	void (*drop)(void *stream);
};

struct radius_request {
	struct radius_packet packet; /* a copy of the request's own */
	const struct radius_nas *nas;
	enum radius_port port;
	struct radius_source source;
	struct arena arena; /* dies with the request */
	/* ---- the answer ---- */
	struct radius_writer reply;
	bool delay; /* a reject that waits: who guesses learns slowly */
};
/* Begins the answer, its Message-Authenticator first; attributes follow by radius_put. May be
 * called again: the last one counts. */
void radius_answer(struct radius_request *r, enum radius_code code);

struct radius_limits {
	int64_t pending;     /* requests at work, of one loop */
	int64_t pending_nas; /* Access-Requests of one NAS among them */
	int64_t duplicates;  /* answers remembered, of one loop */
	msec remember;	     /* how long */
	msec reject_delay;
};
struct radius_role {
	/* By the sender's address; NULL: a stranger. */
	const struct radius_nas *(*nas)(const struct net_addr *peer);
	const struct radius_limits *(*limits)(void);
	/* Calls radius_answer and puts attributes. Any error: nothing is answered, so that the NAS
	 * asks the next server. */
	WAITS err (*access)(struct radius_request *r);
	/* OK: an Accounting-Response leaves. Anything else: nothing does. */
	WAITS err (*accounting)(struct radius_request *r);
	/* CoA- and Disconnect-Requests (RFC 5176): as access. */
	WAITS err (*dynamic)(struct radius_request *r);
};

/* One for all loops of a process. */
struct radius_server;
struct radius_server *radius_server_new(const struct radius_role *role);
/* After the last request: the loops are quiet. NULL allowed. */
void radius_server_free(struct radius_server *s);
/* A role's .datagram: takes the query and gives 0: answers go by udp_send. */
size_t radius_datagram(struct radius_server *s, const struct udp_query *q, enum radius_port port);
/* One packet from a known peer, for streams; on any loop. */
void radius_take(struct radius_server *s, const struct radius_source *from,
		 const struct radius_nas *nas, enum radius_port port, str packet);

#endif

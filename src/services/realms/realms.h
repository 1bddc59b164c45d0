/* services/realms/realms.h: customers of other providers: their realm's home servers decide, ours
 * pass on what they say (RFC 2865 2.3, 5.33 Proxy-State; RFC 2607). One that is silent is left out
 * and asked by Status-Server (RFC 5997) until it answers again. One loop uses one struct realms. */
#ifndef SERVICES_REALMS_REALMS_H
#define SERVICES_REALMS_REALMS_H

#include "clients/radius/radius_client.h"
#include "run/role.h"

struct realm_server {
	str name;
	struct radius_target access, accounting;
	bool status; /* it answers Status-Server; else it is tried again after a pause */
};
struct realm {
	str name; /* "other.example"; "*": every realm that is nobody else's */
	const struct realm_server *servers; /* the first one that answers */
	size_t nservers;
	bool strip; /* the user's name goes without its realm */
};
struct realms_settings {
	struct realm *v;
	size_t n;
	msec probe; /* pause between looks at a server that was silent */
};
enum { REALM_KEYS = 3, REALM_SERVER_KEYS = 7 };
extern const struct conf_key realm_keys[REALM_KEYS];
extern const struct conf_key realm_server_keys[REALM_SERVER_KEYS];
/* The list of realms below a role's settings. */
MUST_USE err realms_read(const struct role_env *env, const struct conf_node *n,
			 struct buf *complaints, struct realms_settings *out);

struct realms;
/* set lives as long as it does. older: of earlier settings, for requests that are on their way;
 * closed with the new one. */
struct realms *realms_open(const struct realms_settings *set, struct realms *older);
WAITS void realms_close(struct realms *r); /* NULL allowed */
const struct realms_settings *realms_set(const struct realms *r);
/* The realm of "user@realm"; NULL: none of these. */
const struct realm *realms_find(const struct realms *r, str user_name);
bool realms_silent(const struct realms *r, const struct realm *realm, size_t server);

/* Passes a request on. nas_secret: under which it came. *code and attributes: what is to be said to
 * the NAS, passwords and keys hidden anew, without Message-Authenticator and Proxy-States.
 * E_TIMEOUT: no server of the realm answers: nothing is said. */
WAITS MUST_USE err realms_forward(struct realms *r, const struct realm *realm,
				  const struct radius_packet *request, str nas_secret,
				  unsigned *code, struct buf *attributes);

#endif

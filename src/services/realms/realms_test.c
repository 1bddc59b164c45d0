#include "services/realms/realms.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/radius/password.h"
#include "run/fiber.h"

/* A home server: takes "ana" (or what it is told) with the password "secret-of-ana". */
struct home {
	struct net_addr addr;
	int fd;
	bool silent;
	unsigned asked, status;
	struct fiber *f;
};
static struct home homes[2];
static const str hop_secret = S("between us"), nas_secret = S("testing123"),
		 key = S("0123456789abcdef");

static void put_key(struct radius_writer *w, const unsigned char *authenticator)
{
	unsigned char out[RADIUS_VALUE];
	size_t n;

	CHECK_OK(radius_salted_hide(hop_secret, authenticator, 0x8001, key, 6, out, &n));
	radius_put_vendor(w, VENDOR_MICROSOFT, 17, str_of(out, n));
}

static size_t home_answers(const struct udp_query *q, const struct listener *l, char *out,
			   size_t room)
{
	struct home *h = str_eq(str_z(l->kind), STR("0")) ? &homes[0] : &homes[1];
	unsigned char clear[RADIUS_PASSWORD];
	struct radius_packet p;
	struct radius_writer w;
	size_t n = 0;
	str v;

	CHECK_OK(radius_parse(q->data, &p));
	h->status += p.code == RADIUS_STATUS_SERVER;
	h->asked += p.code != RADIUS_STATUS_SERVER;
	if (h->silent)
		return 0;
	unsigned code = RADIUS_ACCESS_REJECT;

	if (p.code == RADIUS_ACCOUNTING_REQUEST) {
		CHECK(radius_check_accounting(&p, hop_secret));
		code = RADIUS_ACCOUNTING_RESPONSE;
	} else {
		CHECK(radius_check_ma(&p, hop_secret, p.authenticator) == RADIUS_MA_GOOD);
	}
	if (p.code == RADIUS_STATUS_SERVER)
		code = RADIUS_ACCESS_ACCEPT;
	if (radius_find(&p, RADIUS_USER_PASSWORD, &v)) {
		CHECK_OK(radius_password_reveal(hop_secret, p.authenticator, v, clear, &n));
		if (str_eq(str_of(clear, n), STR("secret-of-ana")))
			code = RADIUS_ACCESS_ACCEPT;
	}
	if (radius_find(&p, RADIUS_CHAP_PASSWORD, &v)) {
		str challenge;

		CHECK(radius_find(&p, RADIUS_CHAP_CHALLENGE, &challenge));
		if (radius_chap_fits(v, STR("secret-of-ana"), challenge))
			code = RADIUS_ACCESS_ACCEPT;
	}
	radius_begin(&w, out, room > RADIUS_MAX ? RADIUS_MAX : room, code, p.id);
	if (code != RADIUS_ACCOUNTING_RESPONSE)
		radius_put_ma(&w);
	if (radius_find(&p, RADIUS_USER_NAME, &v))
		radius_put(&w, RADIUS_REPLY_MESSAGE, v); /* as it came */
	put_key(&w, p.authenticator);
	str rest = p.attributes;
	struct radius_field f;

	while (radius_next(&rest, &f))
		if (f.type == RADIUS_PROXY_STATE)
			radius_put(&w, f.type, f.value);
	return radius_finish_response(&w, hop_secret, p.authenticator);
}

static const struct listener listeners[2] = { { .kind = "0", .datagram = home_answers },
					      { .kind = "1", .datagram = home_answers } };

WAITS static err serve(void *arg)
{
	struct home *h = arg;

	return udp_serve(h->fd, &listeners[h - homes]);
}

static void open_home(struct home *h)
{
	socklen_t n = sizeof(h->addr.ss);

	*h = (struct home){ .fd = -1 };
	CHECK_OK(net_parse(STR("127.0.0.1:0"), &h->addr));
	CHECK_OK(udp_open(&h->addr, false, &h->fd));
	CHECK(getsockname(h->fd, (void *)&h->addr.ss, &n) == 0);
	h->f = fiber_start("home", serve, h);
}

WAITS static void close_home(struct home *h)
{
	fiber_cancel(h->f);
	(void)!fiber_join(h->f);
	fiber_fd_forget(h->fd);
	(void)close(h->fd);
}

/* ---- the NAS's side ---- */

static unsigned char nas_authenticator[RADIUS_AUTH] = "authenticator 0";

static size_t request(unsigned char room[RADIUS_MAX], unsigned code, const char *password,
		      bool chap)
{
	unsigned char hidden[RADIUS_PASSWORD], value[17] = { 9 };
	struct radius_writer w;
	size_t n;

	radius_begin(&w, room, RADIUS_MAX, code, 77);
	if (code == RADIUS_ACCESS_REQUEST)
		radius_put_ma(&w);
	radius_put(&w, RADIUS_USER_NAME, STR("ana@other.example"));
	if (password && !chap) {
		CHECK_OK(radius_password_hide(nas_secret, nas_authenticator, str_z(password),
					      hidden, &n));
		radius_put(&w, RADIUS_USER_PASSWORD, str_of(hidden, n));
	} else if (password) {
		radius_chap(9, str_z(password), str_of(nas_authenticator, RADIUS_AUTH), value + 1);
		radius_put(&w, RADIUS_CHAP_PASSWORD, str_of(value, sizeof(value)));
	}
	radius_put(&w, RADIUS_PROXY_STATE, STR("of the NAS"));
	return code == RADIUS_ACCOUNTING_REQUEST
		       ? radius_finish_accounting(&w, nas_secret)
		       : radius_finish_request(&w, nas_secret, nas_authenticator);
}

/* Sends one through; checks what the NAS gets; gives the code, 0 when nothing is said. */
WAITS static unsigned send_through(struct realms *r, unsigned code, const char *password, bool chap,
				   const char *name_there)
{
	static unsigned char in[RADIUS_MAX], out[RADIUS_MAX];
	struct radius_packet p, answer;
	struct radius_writer w;
	unsigned char clear[RADIUS_VALUE];
	size_t n = request(in, code, password, chap);
	str v;

	CHECK_OK(radius_parse(str_of(in, n), &p));
	const struct realm *realm = realms_find(r, STR("ana@Other.Example"));

	CHECK(realm != NULL);
	struct buf attributes;
	unsigned said = 0;

	buf_init(&attributes, RADIUS_MAX);
	err e = realms_forward(r, realm, &p, nas_secret, &said, &attributes);

	if (e) {
		CHECK(e == E_TIMEOUT || e == E_IO);
		buf_free(&attributes);
		return 0;
	}
	radius_begin(&w, out, sizeof(out), said, p.id);
	radius_put_raw(&w, buf_str(&attributes));
	buf_free(&attributes);
	n = radius_finish_response(&w, nas_secret, p.authenticator);
	CHECK_OK(radius_parse(str_of(out, n), &answer));
	CHECK(answer.id == 77 && radius_check_response(&answer, nas_secret, p.authenticator));
	CHECK(radius_find(&answer, RADIUS_REPLY_MESSAGE, &v) && str_eq(v, str_z(name_there)));
	CHECK(radius_find_vendor(&answer, VENDOR_MICROSOFT, 17, &v));
	CHECK_OK(radius_salted_reveal(nas_secret, p.authenticator, v, clear, &n));
	CHECK_STR(str_of(clear, n), key);
	unsigned states = 0;
	str rest = answer.attributes;
	struct radius_field f;

	while (radius_next(&rest, &f))
		states += f.type == RADIUS_PROXY_STATE;
	CHECK(states == 0); /* neither ours nor the NAS's, which the session puts */
	return answer.code;
}

WAITS static err forward(void *arg)
{
	struct realm_server servers[2] = { { .name = STR("first"), .status = true },
					   { .name = STR("second"), .status = true } };
	struct realm realm = { .name = STR("other.example"), .servers = servers, .nservers = 2 };
	struct realms_settings set = { .v = &realm, .n = 1, .probe = 30 };

	(void)arg;
	for (size_t i = 0; i < 2; i++) {
		open_home(&homes[i]);
		servers[i].access = (struct radius_target){ .addr = homes[i].addr,
							    .secret = hop_secret,
							    .wait = 50,
							    .tries = 2,
							    .need_ma = true };
		servers[i].accounting = servers[i].access;
		servers[i].accounting.need_ma = false;
	}
	struct realms *r = realms_open(&set, NULL);
	const char *whole = "ana@other.example";

	CHECK(realms_find(r, STR("ana")) == NULL &&
	      realms_find(r, STR("ana@ours.example")) == NULL);
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, whole) ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "wrong", false, whole) ==
	      RADIUS_ACCESS_REJECT);
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", true, whole) ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(send_through(r, RADIUS_ACCOUNTING_REQUEST, NULL, false, whole) ==
	      RADIUS_ACCOUNTING_RESPONSE);
	realm.strip = true;
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, "ana") ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(homes[0].asked == 5 && homes[1].asked == 0);
	/* the first one falls silent: the second one answers, and the first is asked no more */
	homes[0].silent = true;
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, "ana") ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(realms_silent(r, &realm, 0) && homes[1].asked == 1);
	unsigned asked = homes[0].asked;

	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, "ana") ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(homes[0].asked == asked);
	/* both silent: nothing is said, so that the NAS asks elsewhere */
	homes[1].silent = true;
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, "ana") == 0);
	/* and back: Status-Server is answered again */
	homes[0].silent = false;
	for (msec end = clock_in(5000); realms_silent(r, &realm, 0) && clock_now() < end;)
		CHECK_OK(fiber_sleep(clock_in(10)));
	CHECK(!realms_silent(r, &realm, 0) && homes[0].status > 0);
	asked = homes[0].asked;
	CHECK(send_through(r, RADIUS_ACCESS_REQUEST, "secret-of-ana", false, "ana") ==
	      RADIUS_ACCESS_ACCEPT);
	CHECK(homes[0].asked == asked + 1);
	realms_close(r);
	close_home(&homes[0]);
	close_home(&homes[1]);
	return OK;
}

TEST(realms_forward)
{
	CHECK_OK(loop_main(forward, NULL));
}

TEST(realms_settings)
{
	static const struct {
		const char *text;
		err want;
	} rows[] = {
		{ "realms = ( { name = \"a\"; servers = ( { address = \"192.0.2.1:1812\"; secret = "
		  "\"x\"; } ); } );",
		  OK },
		{ "realms = ( { name = \"a\"; servers = ( ); } );", E_SYNTAX },
		{ "realms = ( { name = \"a\"; servers = ( { address = \"nowhere\"; secret = \"x\"; "
		  "} ); } );",
		  E_SYNTAX },
		{ "realms = ( { name = \"a\"; servers = ( { address = \"192.0.2.1:1812\"; } ); } "
		  ");",
		  E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct realms_settings set = { 0 };
		struct arena a;
		struct buf complaints;
		struct conf *c;

		arena_init(&a, MIB(1));
		buf_init(&complaints, KIB(4));
		CHECK_OK(conf_parse(str_z(rows[i].text), STR("posta.conf"), &complaints, &c));
		const struct role_env env = { .root = conf_root(c), .arena = &a };

		CHECK_ROW(i, realms_read(&env, conf_find(env.root, "realms"), &complaints, &set) ==
				     rows[i].want);
		if (rows[i].want == OK)
			CHECK_ROW(i, set.n == 1 && net_port(&set.v[0].servers[0].accounting.addr) ==
							   1813);
		buf_free(&complaints);
		arena_free(&a);
		conf_free(c);
	}
}

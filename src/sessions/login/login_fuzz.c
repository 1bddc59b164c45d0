/* What a stranger can say before the login: first octet odd is IMAP, even POP3, its other bits how
 * the input is cut. The answers do not depend on the cut. */
#include <assert.h>

#include "base/limits.h"
#include "run/log.h"
#include "sessions/login/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct login_settings settings = { .attempts = 3, .scram = true };

static str hostname(void)
{
	return STR("fuzz");
}

static const struct login_settings *get_settings(void)
{
	return &settings;
}

/* In clear no mechanism is offered, so nobody is asked. */
static struct auth *no_auth(void)
{
	return NULL;
}

WAITS static err nowhere(const struct net_addr *peer, str service, const struct dir_user *user,
			 str password, struct arena *a, struct login_back *out)
{
	return E_AGAIN;
}

struct talk {
	str input;
	bool imap;
	size_t piece;
	struct buf said;
};

WAITS static err talk(void *arg)
{
	static const struct login_role role = {
		.hostname = hostname,
		.settings = get_settings,
		.auth = no_auth,
		.connect = nowhere,
	};
	struct talk *t = arg;
	struct stream *io = stream_script(t->input, t->piece);

	stream_script_keep(io, &t->said);
	(void)!(t->imap ? imap_login_session(io, &role) : pop3_login_session(io, &role));
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str input = str_of(data, n);
	unsigned how = n ? data[0] : 0;
	struct talk one = { .input = str_skip(input, 1), .imap = how & 1 }, two = one;

	log_setup("fuzz", LOG_ERROR + 1);
	clock_fake(1000, 1700000000);
	two.piece = how / 2 + 1;
	buf_init(&one.said, MIB(4));
	buf_init(&two.said, MIB(4));
	(void)!loop_main(talk, &one);
	(void)!loop_main(talk, &two);
	assert(str_eq(buf_str(&one.said), buf_str(&two.said)));
	buf_free(&one.said);
	buf_free(&two.said);
	return 0;
}

/* A whole conversation, logged in, with a mailbox in memory that has two mails and starts anew each
 * time. */
#include "base/limits.h"
#include "kv/kv.h"
#include "run/fiber.h"
#include "run/log.h"
#include "sessions/imap/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct mailstore *mailstore;

static str hostname(void)
{
	return STR("fuzz");
}

WAITS static err login_as(struct stream *io, str login, str origin, struct box **out)
{
	return box_open(mailstore, 1, 1, MIB(1), out);
}

static bool trusted(struct stream *io)
{
	return true;
}

/* user "a"; the mails; INBOX selected */
#define MAIL                                                                                       \
	"MIME-Version: 1.0\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"     \
	"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b\r\n\r\ntext\r\n--b--\r\n"
#define START                                                                                      \
	"l AUTHENTICATE EXTERNAL YQ==\r\n"                                                         \
	"m APPEND INBOX (\\Seen k) {144+}\r\n" MAIL "\r\n"                                         \
	"m APPEND INBOX {144+}\r\n" MAIL "\r\n"                                                    \
	"s SELECT INBOX\r\n"
_Static_assert(sizeof(MAIL) - 1 == 144, "the literals above");

WAITS static err talk(void *arg)
{
	static const struct imap_role role = {
		.hostname = hostname,
		.spool_dir = "/tmp",
		.message_max = KIB(64),
		.login_as = login_as,
		.trusted = trusted,
	};
	const str *input = arg;
	struct buf all;

	/* The first octet: in which pieces it comes, and whether the mailbox is ready. */
	char how = input->n ? input->p[0] : '\0';

	buf_init(&all, MIB(1));
	if (how & 1)
		buf_add(&all, STR(START));
	buf_add(&all, str_skip(*input, 1));
	(void)!imap_session(stream_script(buf_str(&all), (size_t)(how >> 1 & 31)), &role);
	buf_free(&all);
	mailstore_close(mailstore);
	/* What its threads have posted to this loop runs before the loop ends. */
	(void)!fiber_yield();
	return fiber_sleep(clock_in(1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mailstore_options o = { .keep_expunged = 1000, .threads = 1 };
	str input = str_of(data, n);

	log_setup("fuzz", LOG_ERROR);
	if (kv_open_memory(&o.kv) || mailstore_open(&o, &mailstore))
		return 0;
	(void)!loop_main(talk, &input);
	kv_close(o.kv);
	return 0;
}

/* A whole conversation with a mailbox in memory that has two mails and starts anew each time; first
 * octet odd: logged in, its other bits how the input is cut. */
#include "base/limits.h"
#include "run/fiber.h"
#include "run/log.h"
#include "sessions/pop3/pop3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct mailstore *mailstore;

static str hostname(void)
{
	return STR("fuzz");
}

WAITS static err login_as(struct stream *io, str login, struct box **out)
{
	return box_open(mailstore, 1, 1, MIB(1), out);
}

WAITS static err add_mail(str text)
{
	struct spool *s = spool_new("/tmp", MIB(1));
	struct append how = { .folder = STR("INBOX"), .received = 1000 };
	struct appended done;
	struct box *b;
	err e = spool_add(s, text);

	if (e == OK)
		e = box_open(mailstore, 1, 1, MIB(1), &b);
	if (e == OK) {
		e = box_append(b, s, &how, &done);
		box_drop(b);
	}
	spool_drop(s);
	return e;
}

WAITS static err talk(void *arg)
{
	static const struct pop3_role role = { .hostname = hostname, .login_as = login_as };
	const str *input = arg;
	char how = input->n ? input->p[0] : '\0';
	struct buf all;

	TRY(add_mail(STR("Subject: a\r\n\r\n.dot\r\n..two\r\nlast\r\n")));
	TRY(add_mail(STR("Subject: b\r\n\r\nno line end")));
	buf_init(&all, MIB(1));
	if (how & 1)
		buf_add(&all, STR("AUTH EXTERNAL YQ==\r\n"));
	buf_add(&all, str_skip(*input, 1));
	(void)!pop3_session(stream_script(buf_str(&all), (size_t)(how >> 1 & 31)), &role);
	buf_free(&all);
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mailstore_options o = { .keep_expunged = 1000, .threads = 1 };
	str input = str_of(data, n);

	log_setup("fuzz", LOG_ERROR + 1);
	if (kv_open_memory(&o.kv) || mailstore_open(&o, &mailstore))
		return 0;
	(void)!loop_main(talk, &input);
	mailstore_close(mailstore);
	kv_close(o.kv);
	return 0;
}

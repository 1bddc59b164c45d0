#include "base/test.h"
#include "roles/mx/mx.h"

/* A batch of copies: each letter is a state, "WAL" two words ... */
static size_t fill(const char *letters, struct mx_copy *v)
{
	static const struct {
		char letter;
		enum mx_state state;
		struct smtp_reply reply;
	} kinds[] = {
		{ 'W', COPY_WELCOME, { 250, "2.1.5", "250 2.1.5 OK" } },
		{ 'A', COPY_AWAY, { 0, "4.4.1", "connection refused" } },
		{ 'L', COPY_LATER, { 452, "4.2.2", "452 4.2.2 Mailbox is full" } },
		{ 'F', COPY_FAILED, { 552, "5.2.2", "552 5.2.2 Mailbox is full" } },
		{ 'K', COPY_KEPT, { 250, "2.1.5", "250 2.1.5 saved" } },
		{ 'Q', COPY_QUEUED, { 0, "", "" } },
		{ 'D', COPY_DROPPED, { 0, "", "" } },
	};
	size_t n = 0;

	for (; letters[n]; n++) {
		for (size_t k = 0; k < COUNT(kinds); k++) {
			if (kinds[k].letter == letters[n])
				v[n] = (struct mx_copy){ .state = kinds[k].state,
							 .reply = kinds[k].reply };
		}
	}
	return n;
}

TEST(mx_rcpt_outcome)
{
	static const struct {
		const char *copies, *want;
	} rows[] = {
		{ "W", "250" },
		{ "A", "250" }, /* away: the queue will have it */
		{ "WLF", "250" },
		{ "L", "452 4.2.2 Mailbox is full" },
		{ "F", "552 5.2.2 Mailbox is full" },
		{ "LF", "452 4.2.2 Mailbox is full" }, /* for good only when all are */
		{ "FF", "552 5.2.2 Mailbox is full" },
		{ "AF", "250" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mx_copy v[4];
		size_t idx[4] = { 0, 1, 2, 3 };
		struct mx_batch b = { .v = v, .n = fill(rows[i].copies, v) };
		struct verdict d = { .text = "250" };

		mx_rcpt_outcome(&b, idx, b.n, &d);
		CHECK_STR_ROW(i, str_z(d.text), str_z(rows[i].want));
	}
}

/* After DATA: all refused for good, 5xx; all refused for now and nothing queued, 4xx; otherwise
 * 250: the 4xx ones are queued. */
TEST(mx_data_outcome)
{
	static const struct {
		const char *delivered; /* after the attempt */
		bool must_queue;
		const char *queued; /* after the queue took what it must */
		err e;
		const char *want; /* "" = 250 */
	} rows[] = {
		{ "K", false, "K", OK, "" },
		{ "KK", false, "KK", OK, "" },
		{ "F", false, "F", OK, "552 5.2.2 Mailbox is full" },
		{ "FF", false, "FF", OK, "552 5.2.2 Mailbox is full" },
		{ "L", false, "L", OK, "452 4.2.2 Mailbox is full" },
		{ "LL", false, "LL", OK, "452 4.2.2 Mailbox is full" },
		{ "KL", true, "KQ", OK, "" },
		{ "KF", false, "KF", OK, "" },
		{ "LF", true, "QF", OK, "" },
		{ "A", true, "Q", OK, "" },
		{ "AL", true, "QQ", OK, "" },
		{ "AF", true, "QF", OK, "" },
		{ "KAF", true, "KQF", OK, "" },
		/* a recipient's verdict dropped it: taken, and the others' copies wait here */
		{ "D", false, "D", OK, "" },
		{ "DF", false, "DF", OK, "" },
		{ "DL", true, "DQ", OK, "" },
		/* what must be queued cannot be: never a 250 */
		{ "A", true, "A", E_FULL, "452 4.3.1 Disk is full, try again later" },
		{ "KA", true, "KA", E_FULL, "452 4.3.1 Disk is full, try again later" },
		{ "KL", true, "KL", E_IO, "451 4.3.0 Local problem, try again later" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mx_copy v[4];
		struct mx_batch b = { .v = v, .n = fill(rows[i].delivered, v) };
		struct verdict d = { 0 };

		CHECK_ROW(i, mx_must_queue(&b) == rows[i].must_queue);
		b.n = fill(rows[i].queued, v);
		mx_data_outcome(&b, rows[i].e, &d);
		CHECK_STR_ROW(i, str_z(d.text), str_z(rows[i].want));
	}
}

TEST(mx_judge)
{
	static const struct {
		struct smtp_reply r;
		bool ours;
		enum mx_state want;
	} rows[] = {
		{ { 250, "2.0.0", "" }, true, COPY_KEPT },
		{ { 251, "", "" }, false, COPY_KEPT },
		{ { 0, "4.4.2", "" }, true, COPY_AWAY },
		{ { 452, "4.3.1", "" }, true, COPY_LATER },
		{ { 354, "", "" }, true, COPY_LATER },
		{ { 552, "5.2.2", "" }, true, COPY_FAILED },
		{ { 550, "5.1.1", "" }, false, COPY_FAILED },
		/* our store does not know yet whom we know */
		{ { 550, "5.1.1", "" }, true, COPY_LATER },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, mx_judge(&rows[i].r, rows[i].ours) == rows[i].want);
}

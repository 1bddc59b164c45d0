#include "formats/mime/forwarded.h"

#include "base/test.h"

#define M "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\n"
#define R "Content-Type: message/rfc822\r\n"

static const struct {
	str in, got; /* the attached ones, a '|' behind each */
} rows[] = {
	{ S("Subject: x\r\n\r\n> From: spammer\r\n"), S("") },
	{ S(M R "\r\nSubject: a\r\n\r\none\r\n--b--"), S("Subject: a\r\n\r\none|") },
	{ S(M R "\r\nSubject: a\r\n\r\none\r\n--b\r\n" R "\r\nSubject: b\r\n\r\ntwo\r\n--b--"),
	  S("Subject: a\r\n\r\none|Subject: b\r\n\r\ntwo|") },
	{ S(R "\r\nSubject: a\r\n\r\none"), S("Subject: a\r\n\r\none|") },
	/* an attached message is given with what it has inside, once */
	{ S(R "\r\n" R "\r\nSubject: a\r\n\r\none"), S(R "\r\nSubject: a\r\n\r\none|") },
	/* 2046 5.2.1 forbids it, and it is done */
	{ S(M R "Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQ0KDQpvbmU=\r\n--b--"),
	  S("Subject: a\r\n\r\none|") },
	/* attached as a file */
	{ S(M "Content-Type: application/octet-stream; name=\"spam.EML\"\r\n"
	      "Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQ0KDQpvbmU=\r\n--b--"),
	  S("Subject: a\r\n\r\none|") },
	{ S(M "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.eml\r\n"
	      "\r\nSubject: a\r\n\r\none\r\n--b--"),
	  S("Subject: a\r\n\r\none|") },
	{ S(M "Content-Type: application/zip; name=spam.zip\r\n\r\nx\r\n--b--"), S("") },
};

TEST(mime_attached)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf got;

		arena_init(&a, LIM_MIME_ARENA);
		buf_init(&got, KIB(4));
		const struct mime_part *root = mime_parse(rows[i].in, &a);

		for (const struct mime_part *p = mime_attached(root, NULL); p;
		     p = mime_attached(root, p)) {
			mime_attached_text(p, &got);
			buf_addc(&got, '|');
		}
		CHECK_STR_ROW(i, buf_str(&got), rows[i].got);
		CHECK_ROW(i, !mime_resent(root));
	}
}

TEST(mime_attached_cut)
{
	static const str in = S(R "Content-Transfer-Encoding: base64\r\n\r\n"
				  "U3ViamVjdDogYQ0KDQpvbmU=\r\n");

	for (size_t max = 1; max < 20; max++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf got;

		arena_init(&a, LIM_MIME_ARENA);
		buf_init(&got, max);
		mime_attached_text(mime_parse(in, &a), &got);
		CHECK_STR_ROW(max, buf_str(&got), str_take(STR("Subject: a\r\n\r\none"), max));
	}
}

TEST(mime_resent)
{
	static const str in = S("Resent-From: ana@demo.test\r\nResent-To: spam@demo.test,\r\n"
				" x@demo.test\r\nReceived: from a\r\nSubject: a\r\n"
				"resent-date: now\r\n\r\none");
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf got;

	arena_init(&a, LIM_MIME_ARENA);
	buf_init(&got, KIB(4));
	const struct mime_part *root = mime_parse(in, &a);

	CHECK(mime_resent(root));
	mime_resent_text(root, &got);
	CHECK_STR(buf_str(&got), STR("Received: from a\r\nSubject: a\r\n\r\none"));

	CLEANUP(buf_free) struct buf little;

	buf_init(&little, 20);
	mime_resent_text(root, &little);
	CHECK_OK(buf_done(&little));
	CHECK_STR(buf_str(&little), STR("Received: from a\r\nSu"));
}

/* The mailbox on the memory engine, from a plain thread; what needs fibers stands in
 * concurrency_test.c. */
#include "base/test.h"
#include "services/mailbox/mailbox.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "services/mailbox/box.h"

struct bed {
	struct kv *kv;
	struct mailstore *m;
	struct box *b;
	struct arena a;
};

static const char *const plain =
	"From: Ana <ana@demo.test>\r\nTo: bruno@demo.test\r\nSubject: Hello\r\n"
	"Message-ID: <1@demo.test>\r\nDate: Sat, 21 Nov 2026 23:48:59 +0000\r\n\r\nHi.\r\n";

static void bed_reopen(struct bed *t, int64_t keep)
{
	CHECK_OK(mailstore_open(
		&(struct mailstore_options){
			.kv = t->kv, .keep_expunged = keep, .body_age = -1, .threads = 3 },
		&t->m));
	CHECK_OK(box_open(t->m, 1, 0, 0, &t->b));
}

static void bed_make_keeping(struct bed *t, int64_t keep)
{
	*t = (struct bed){ 0 };
	arena_init(&t->a, MIB(64));
	CHECK_OK(kv_open_memory(&t->kv));
	bed_reopen(t, keep);
}

static void bed_make(struct bed *t)
{
	bed_make_keeping(t, 0);
}

static void bed_close(struct bed *t)
{
	box_drop(t->b);
	mailstore_close(t->m);
}

static void clean(struct bed *t)
{
	struct buf report;
	uint64_t findings;

	buf_init(&report, MIB(1));
	CHECK_OK(mailstore_verify(t->kv, &report, &findings));
	if (findings)
		printf("%.*s", STRF(buf_str(&report)));
	buf_free(&report);
	CHECK(findings == 0);
}

static void bed_end(struct bed *t)
{
	bed_close(t);
	clean(t);
	kv_close(t->kv);
	arena_free(&t->a);
}

static struct spool *message(str text)
{
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);

	CHECK_OK(spool_add(s, text));
	return s;
}

static err append_to(struct bed *t, const char *folder, const char *text, unsigned flags,
		     struct appended *out)
{
	struct spool *s = message(str_z(text));
	err e = box_append(
		t->b, s,
		&(struct append){ .folder = str_z(folder), .flags = flags, .received = 1000 }, out);

	spool_drop(s);
	return e;
}

static uint32_t add(struct bed *t, const char *folder, const char *text, unsigned flags)
{
	struct appended out;

	CHECK_OK(append_to(t, folder, text, flags, &out));
	return out.uid;
}

static struct folder_view *view(struct bed *t, const char *folder)
{
	struct folder_view *v;

	CHECK_OK(folder_open(t->b, str_z(folder), false, &v));
	return v;
}

static struct folder_info info(struct bed *t, const char *folder)
{
	struct folder_info i;

	CHECK_OK(box_folder(t->b, str_z(folder), &t->a, &i));
	return i;
}

TEST(mailbox_new_box_has_its_folders)
{
	static const struct {
		str name;
		enum folder_use use;
	} want[] = { { S("Archive"), USE_ARCHIVE }, { S("Drafts"), USE_DRAFTS },
		     { S("INBOX"), USE_INBOX },	    { S("Sent"), USE_SENT },
		     { S("Spam"), USE_JUNK },	    { S("Trash"), USE_TRASH } };
	struct bed t;
	struct folder_info *v;
	size_t n;

	bed_make(&t);
	CHECK_OK(box_folders(t.b, &t.a, &v, &n));
	CHECK(n == COUNT(want));
	for (size_t i = 0; i < n; i++) {
		CHECK_STR_ROW(i, v[i].name, want[i].name);
		CHECK_ROW(i, v[i].use == want[i].use && v[i].subscribed && v[i].uidnext == 1 &&
				     v[i].uidvalidity);
	}
	bed_end(&t);
}

TEST(mailbox_append_is_there_after_reopening)
{
	struct bed t;
	struct mail_cache c;
	str body;

	bed_make(&t);
	CHECK(add(&t, "", plain, FLAG_SEEN) == 1);
	CHECK(add(&t, "inbox", plain, 0) == 2);
	bed_close(&t);
	bed_reopen(&t, 0);
	struct folder_info i = info(&t, "INBOX");
	CHECK(i.mails == 2 && i.unseen == 1 && i.uidnext == 3 && i.octets == 2 * str_z(plain).n);
	struct folder_view *v = view(&t, "INBOX");
	CHECK(v->n == 2 && v->mails[0].uid == 1 && v->mails[0].flags == FLAG_SEEN &&
	      v->mails[0].received == 1000);
	CHECK(v->mails[0].size == str_z(plain).n && v->mails[1].modseq > v->mails[0].modseq);
	CHECK_OK(mail_body(v, 1, 0, UINT64_MAX, &t.a, &body));
	CHECK_STR(body, str_z(plain));
	CHECK_OK(mail_body(v, 2, 6, 3, &t.a, &body));
	CHECK_STR(body, STR("Ana"));
	CHECK(mail_body(v, 3, 0, 1, &t.a, &body) == E_NOTFOUND);
	CHECK_OK(mail_cached(v, 1, &t.a, &c));
	CHECK(str_search(c.envelope, STR("\"Hello\"")) < c.envelope.n);
	CHECK(str_starts(c.bodystructure, STR("(\"text\" \"plain\"")) ||
	      str_startsi(c.bodystructure, STR("(\"text\"")));
	CHECK(c.header_whole && str_ends(c.header, STR("\r\n\r\n")));
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_append_refuses)
{
	struct bed t;
	struct appended out;

	bed_make(&t);
	CHECK(append_to(&t, "Nowhere", plain, 0, &out) == E_NOTFOUND);
	box_drop(t.b);
	CHECK_OK(box_open(t.m, 1, 0, str_z(plain).n + 10, &t.b));
	CHECK_OK(append_to(&t, "", plain, 0, &out));
	CHECK(append_to(&t, "", plain, 0, &out) == E_FULL);
	struct box_quota q;
	bool disk;
	box_quota(t.b, &q);
	CHECK(q.mails == 1 && q.used == str_z(plain).n);
	CHECK(box_room(t.b, 10, &disk) == OK);
	CHECK(box_room(t.b, 11, &disk) == E_FULL && !disk);
	kv_pretend_full(t.kv, true);
	CHECK(box_room(t.b, 1, &disk) == E_FULL && disk);
	kv_pretend_full(t.kv, false);
	bed_end(&t);
}

TEST(mailbox_full_disk_still_expunges)
{
	struct bed t;
	struct appended out;

	bed_make(&t);
	(void)add(&t, "", plain, FLAG_DELETED);
	(void)add(&t, "", plain, 0);
	struct folder_view *v = view(&t, "INBOX");
	kv_pretend_full(t.kv, true);
	CHECK(append_to(&t, "", plain, 0, &out) == E_FULL);
	CHECK_OK(folder_expunge(v, NULL, 0));
	uint32_t *modified;
	size_t n;
	CHECK_OK(folder_store(v, &(uint32_t){ 2 }, 1,
			      &(struct flag_change){ FLAGS_ADD, FLAG_SEEN, NULL, 0, UINT64_MAX },
			      &t.a, &modified, &n));
	kv_pretend_full(t.kv, false);
	CHECK(info(&t, "INBOX").mails == 1 && info(&t, "INBOX").unseen == 0);
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_flags_and_condstore)
{
	static const str words[] = { S("$Forwarded"), S("later") };
	struct bed t;
	struct folder_changes ch;
	uint32_t *modified;
	size_t n;

	bed_make(&t);
	for (int i = 0; i < 5; i++)
		(void)add(&t, "", plain, 0);
	struct folder_view *v = view(&t, "INBOX"), *other = view(&t, "INBOX");
	uint64_t before = v->modseq;
	struct flag_change c = { FLAGS_ADD, FLAG_FLAGGED, words, 2, UINT64_MAX };
	CHECK_OK(folder_store(v, (uint32_t[]){ 2, 4, 9 }, 3, &c, &t.a, &modified, &n));
	CHECK(n == 0);
	CHECK(v->mails[1].flags == FLAG_FLAGGED && v->mails[1].keywords == 3 && v->nkeywords == 2);
	CHECK_STR(v->keywords[0], words[0]);
	CHECK(v->mails[0].flags == 0 && v->mails[3].keywords == 3);
	/* The other session learns of it when it asks, and not before. */
	CHECK(other->mails[1].flags == 0 && other->nkeywords == 0);
	CHECK_OK(folder_sync(other, false, &t.a, &ch));
	CHECK(ch.nchanged == 2 && ch.changed_seq[0] == 2 && ch.changed_seq[1] == 4 && ch.keywords &&
	      !ch.exists);
	CHECK(other->mails[1].flags == FLAG_FLAGGED && other->nkeywords == 2);
	/* The one who did it does not. */
	CHECK_OK(folder_sync(v, true, &t.a, &ch));
	CHECK(ch.nchanged == 0 && !ch.keywords);
	c = (struct flag_change){ FLAGS_SET, FLAG_SEEN, NULL, 0, before };
	CHECK_OK(folder_store(v, (uint32_t[]){ 1, 2 }, 2, &c, &t.a, &modified, &n));
	CHECK(n == 1 && modified[0] == 2);
	CHECK(v->mails[0].flags == FLAG_SEEN && v->mails[1].flags == FLAG_FLAGGED);
	c = (struct flag_change){ FLAGS_REMOVE, FLAG_FLAGGED, words, 1, UINT64_MAX };
	CHECK_OK(folder_store(v, (uint32_t[]){ 2 }, 1, &c, &t.a, &modified, &n));
	CHECK(v->mails[1].flags == 0 && v->mails[1].keywords == 2);
	CHECK(info(&t, "INBOX").unseen == 4);
	/* Nothing changes: no new number. */
	uint64_t modseq = box_modseq(t.b);
	CHECK_OK(folder_store(v, (uint32_t[]){ 2 }, 1, &c, &t.a, &modified, &n));
	CHECK(box_modseq(t.b) == modseq);
	folder_close(v);
	folder_close(other);
	bed_end(&t);
}

TEST(mailbox_keywords_have_a_limit)
{
	struct bed t;
	uint32_t *modified;
	size_t n;
	err e = OK;

	bed_make(&t);
	(void)add(&t, "", plain, 0);
	struct folder_view *v = view(&t, "INBOX");
	for (int i = 0; i <= LIM_KEYWORDS && e == OK; i++) {
		char word[16];
		str w = str_of(word, (size_t)snprintf(word, sizeof(word), "w%d", i));

		e = folder_store(v, &(uint32_t){ 1 }, 1,
				 &(struct flag_change){ FLAGS_ADD, 0, &w, 1, UINT64_MAX }, &t.a,
				 &modified, &n);
	}
	CHECK(e == E_LIMIT);
	CHECK(v->nkeywords == LIM_KEYWORDS && v->mails[0].keywords == UINT64_MAX);
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_expunge_is_seen_when_allowed)
{
	struct bed t;
	struct folder_changes ch;

	bed_make(&t);
	for (int i = 0; i < 6; i++)
		(void)add(&t, "", plain, i % 2 ? FLAG_DELETED : 0);
	struct folder_view *v = view(&t, "INBOX"), *other = view(&t, "INBOX");
	CHECK_OK(folder_expunge(v, (uint32_t[]){ 1, 2, 6 }, 3)); /* 1 is not deleted */
	CHECK(v->n == 6);
	(void)add(&t, "", plain, 0);
	CHECK_OK(folder_sync(other, false, &t.a, &ch));
	CHECK(ch.nexpunged == 0 && ch.exists && other->n == 7 && other->mails[1].uid == 2);
	CHECK_OK(folder_sync(other, true, &t.a, &ch));
	CHECK(ch.nexpunged == 2 && ch.expunged_seq[0] == 2 && ch.expunged_seq[1] == 5 &&
	      ch.expunged_uid[1] == 6);
	CHECK(other->n == 5 && !ch.exists);
	CHECK_OK(folder_sync(v, true, &t.a, &ch));
	CHECK(ch.nexpunged == 2 && ch.exists && v->n == 5 && v->mails[4].uid == 7);
	CHECK_OK(folder_expunge(v, NULL, 0));
	CHECK(info(&t, "INBOX").mails == 4);
	folder_close(v);
	folder_close(other);
	bed_end(&t);
}

static size_t count_blobs(struct bed *t)
{
	str *ids;
	size_t n;

	CHECK_OK(kv_blobs(t->kv, STR(""), 1000, &t->a, &ids, &n));
	return n;
}

TEST(mailbox_expunged_mail_is_kept_its_time)
{
	struct bed t;
	struct box_quota q;

	bed_make_keeping(&t, 60 * 1000);
	(void)add(&t, "", plain, FLAG_DELETED);
	struct folder_view *v = view(&t, "INBOX");
	CHECK_OK(folder_expunge(v, NULL, 0));
	folder_close(v);
	box_quota(t.b, &q);
	CHECK(q.used == 0 && q.mails == 0);
	CHECK_OK(mailstore_reclaim(t.m));
	CHECK(count_blobs(&t) == 1);
	bed_close(&t);
	bed_reopen(&t, 0);
	CHECK_OK(mailstore_reclaim(t.m));
	CHECK(count_blobs(&t) == 0);
	bed_end(&t);
}

static uint32_t add_to_place(struct bed *t, enum folder_use place)
{
	struct spool *s = message(str_z(plain));
	struct appended out;

	CHECK_OK(box_append(t->b, s, &(struct append){ .place = place }, &out));
	spool_drop(s);
	return out.uid;
}

static size_t in_quarantine(struct bed *t)
{
	struct folder_view *v;

	CHECK_OK(quarantine_open(t->b, &v));
	size_t n = v->n;

	folder_close(v);
	return n;
}

TEST(mailbox_quarantine_is_out_of_sight_and_quota)
{
	static const str names[] = { S(QUARANTINE), S("Quarantine"), S("/quarantine") };
	struct bed t;
	struct box_quota q;
	struct folder_view *v, *w;
	struct folder_info *f;
	struct copied c;
	uint64_t user = 0;
	size_t n;

	bed_make(&t);
	CHECK(quarantine_open(t.b, &v) == E_NOTFOUND);
	CHECK_OK(mailstore_quarantined(t.m, 0, &user, 1, &n));
	CHECK(n == 0);
	for (size_t i = 0; i < 3; i++)
		(void)add_to_place(&t, USE_QUARANTINE);
	box_quota(t.b, &q);
	CHECK(q.used == 0 && q.mails == 0);
	CHECK_OK(box_folders(t.b, &t.a, &f, &n));
	CHECK(n == 6);
	for (size_t i = 0; i < COUNT(names); i++) {
		CHECK_ROW(i, folder_open(t.b, names[i], false, &w) != OK);
		CHECK_ROW(i, box_folder_delete(t.b, names[i]) != OK);
		CHECK_ROW(i, box_folder_rename(t.b, names[i], STR("x")) != OK);
	}
	CHECK_OK(mailstore_quarantined(t.m, 0, &user, 1, &n));
	CHECK(n == 1 && user == 1);
	CHECK_OK(mailstore_quarantined(t.m, 1, &user, 1, &n));
	CHECK(n == 0);

	CHECK_OK(quarantine_open(t.b, &v));
	CHECK(v->n == 3);
	CHECK_OK(folder_copy(v, &v->mails[0].uid, 1, STR("INBOX"), true, &t.a, &c));
	CHECK(c.n == 1 && info(&t, "INBOX").mails == 1);
	box_quota(t.b, &q);
	CHECK(q.used == str_z(plain).n && q.mails == 1);
	CHECK_OK(quarantine_delete(v, &v->mails[1].uid, 1));
	folder_close(v);
	CHECK(in_quarantine(&t) == 1);
	clean(&t);
	CHECK_OK(mailstore_reclaim(t.m)); /* its time is not over */
	CHECK(in_quarantine(&t) == 1);
	box_drop(t.b);
	mailstore_close(t.m);
	CHECK_OK(mailstore_open(
		&(struct mailstore_options){
			.kv = t.kv, .body_age = -1, .threads = 3, .keep_quarantine = 1 },
		&t.m));
	CHECK_OK(box_open(t.m, 1, 0, 0, &t.b));
	for (int i = 0; i < 1000 && in_quarantine(&t); i++) /* a millisecond */
		CHECK_OK(mailstore_reclaim(t.m));
	CHECK(in_quarantine(&t) == 0);
	CHECK_OK(mailstore_quarantined(t.m, 0, &user, 1, &n));
	CHECK(n == 0);
	bed_end(&t);
}

/* What was delivered into Spam or quarantine, by time; what a user puts there is no news. */
TEST(mailbox_held)
{
	struct bed t;
	struct folder_view *v;
	struct held *h;
	uint64_t after = 0, users[HELD_LOOK];
	bool more, end;
	size_t n;

	bed_make(&t);
	CHECK(place_open(t.b, USE_QUARANTINE, &v) == E_NOTFOUND);
	CHECK_OK(mailstore_held(t.m, 0, INT64_MAX, &after, users, &n, &end));
	CHECK(n == 0 && end);
	uint32_t junk = add_to_place(&t, USE_JUNK);
	uint32_t hidden = add_to_place(&t, USE_QUARANTINE);
	(void)add_to_place(&t, USE_NONE);
	CHECK_OK(box_held(t.b, 0, INT64_MAX, 10, &t.a, &h, &n, &more));
	CHECK(n == 2 && !more && h[0].at <= h[1].at);
	CHECK_OK(place_open(t.b, USE_JUNK, &v));
	size_t at = h[0].folder == v->folder ? 0 : 1; /* of one millisecond */

	CHECK(h[at].folder == v->folder && h[at].uid == junk);
	folder_close(v);
	CHECK_OK(place_open(t.b, USE_QUARANTINE, &v));
	CHECK(h[1 - at].folder == v->folder && h[1 - at].uid == hidden);
	folder_close(v);
	CHECK_OK(box_held(t.b, 0, INT64_MAX, 1, &t.a, &h, &n, &more));
	CHECK(n == 1 && more);
	int64_t last = h[0].at;

	CHECK_OK(box_held(t.b, last + 1, INT64_MAX, 10, &t.a, &h, &n, &more));
	CHECK(n == 0 && !more);
	after = 0;
	CHECK_OK(mailstore_held(t.m, last, last + 1, &after, users, &n, &end));
	CHECK(n == 1 && users[0] == 1 && after == 1 && end);
	after = 0;
	CHECK_OK(mailstore_held(t.m, last + 1, INT64_MAX, &after, users, &n, &end));
	CHECK(n == 0 && after == 1 && end);
	bed_end(&t);
}

/* A user who threw the Spam folder away, or has one of that name, gets mail there all the same. */
TEST(mailbox_spam_has_a_place)
{
	struct bed t;

	bed_make(&t);
	CHECK_OK(box_folder_rename(t.b, STR("Spam"), STR("Unwanted")));
	(void)add_to_place(&t, USE_JUNK);
	CHECK(info(&t, "Unwanted").mails == 1);
	CHECK_OK(box_folder_delete(t.b, STR("Unwanted")));
	(void)add_to_place(&t, USE_JUNK);
	CHECK(info(&t, "Spam").mails == 1 && info(&t, "Spam").use == USE_JUNK);
	CHECK_OK(box_folder_delete(t.b, STR("Spam")));
	CHECK_OK(box_folder_create(t.b, STR("Spam"), USE_NONE));
	(void)add_to_place(&t, USE_JUNK);
	(void)add_to_place(&t, USE_JUNK);
	CHECK(info(&t, "Spam").mails == 2);
	bed_end(&t);
}

TEST(mailbox_copy_and_move)
{
	static const str word = S("later");
	struct bed t;
	struct copied done;
	struct folder_changes ch;
	uint32_t *modified;
	size_t n;
	str body;

	bed_make(&t);
	for (int i = 0; i < 3; i++)
		(void)add(&t, "", plain, 0);
	(void)add(&t, "Archive", plain, 0);
	struct folder_view *v = view(&t, "INBOX");
	CHECK_OK(folder_store(v, (uint32_t[]){ 2 }, 1,
			      &(struct flag_change){ FLAGS_ADD, FLAG_SEEN, &word, 1, UINT64_MAX },
			      &t.a, &modified, &n));
	CHECK_OK(folder_copy(v, (uint32_t[]){ 1, 2, 77 }, 3, STR("Archive"), false, &t.a, &done));
	CHECK(done.n == 2 && done.from[1] == 2 && done.to[0] == 2 && done.to[1] == 3);
	CHECK(done.uidvalidity == info(&t, "Archive").uidvalidity);
	CHECK(count_blobs(&t) == 4);
	CHECK_OK(folder_copy(v, (uint32_t[]){ 2, 3 }, 2, STR("Archive"), true, &t.a, &done));
	CHECK(done.n == 2 && done.to[1] == 5);
	CHECK_OK(folder_sync(v, true, &t.a, &ch));
	CHECK(ch.nexpunged == 2 && v->n == 1);
	CHECK(folder_copy(v, (uint32_t[]){ 1 }, 1, STR("Nowhere"), false, &t.a, &done) ==
	      E_NOTFOUND);
	struct folder_view *archive = view(&t, "Archive");
	CHECK(archive->n == 5 && archive->mails[3].flags == FLAG_SEEN &&
	      archive->mails[3].keywords == 1);
	CHECK(!memcmp(&archive->mails[2].email, &archive->mails[3].email, sizeof(struct mail_id)));
	CHECK_OK(mail_body(archive, 5, 0, UINT64_MAX, &t.a, &body));
	CHECK_STR(body, str_z(plain));
	/* The last reference takes the body along. */
	CHECK_OK(folder_store(archive, (uint32_t[]){ 3, 4 }, 2,
			      &(struct flag_change){ FLAGS_ADD, FLAG_DELETED, NULL, 0, UINT64_MAX },
			      &t.a, &modified, &n));
	CHECK_OK(folder_expunge(archive, (uint32_t[]){ 3 }, 1));
	CHECK_OK(mailstore_reclaim(t.m));
	CHECK(count_blobs(&t) == 4);
	CHECK_OK(mail_body(archive, 4, 0, UINT64_MAX, &t.a, &body));
	CHECK_OK(folder_expunge(archive, NULL, 0));
	CHECK_OK(mailstore_reclaim(t.m));
	CHECK(count_blobs(&t) == 3);
	folder_close(archive);
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_copy_over_quota_leaves_nothing)
{
	struct bed t;
	struct copied done;
	uint32_t uids[250];
	uint64_t size = str_z(plain).n;

	bed_make(&t);
	for (uint32_t i = 0; i < COUNT(uids); i++)
		uids[i] = add(&t, "", plain, 0);
	box_drop(t.b);
	CHECK_OK(box_open(t.m, 1, 0, size * (COUNT(uids) + 220), &t.b));
	struct folder_view *v = view(&t, "INBOX");
	CHECK(folder_copy(v, uids, COUNT(uids), STR("Archive"), false, &t.a, &done) == E_FULL);
	CHECK(done.n == 0);
	CHECK(info(&t, "Archive").mails == 0);
	CHECK_OK(folder_copy(v, uids, COUNT(uids), STR("Archive"), true, &t.a, &done));
	CHECK(done.n == COUNT(uids) && info(&t, "INBOX").mails == 0);
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_folder_names)
{
	static const struct {
		const char *name;
		err want;
	} rows[] = {
		{ "a", OK },	      { "a", E_EXISTS },    { "inbox", E_EXISTS },
		{ "x/y/z", OK },      { "x", E_EXISTS },    { "", E_SYNTAX },
		{ "/a", E_SYNTAX },   { "b/", E_SYNTAX },   { "b//c", E_SYNTAX },
		{ "b\tc", E_SYNTAX }, { "b*", E_SYNTAX },   { "\xff", E_SYNTAX },
		{ "\xc3\xb1", OK },   { "Inbox/deep", OK }, { "INBOX/deep", E_EXISTS },
	};
	struct bed t;
	struct folder_info i;

	bed_make(&t);
	for (size_t r = 0; r < COUNT(rows); r++)
		CHECK_ROW(r, box_folder_create(t.b, str_z(rows[r].name), USE_NONE) == rows[r].want);
	CHECK(info(&t, "x").has_children && info(&t, "x/y").has_children &&
	      !info(&t, "x/y/z").has_children);
	CHECK(box_folder(t.b, STR("nope"), &t.a, &i) == E_NOTFOUND);
	bed_end(&t);
}

TEST(mailbox_folder_delete)
{
	struct bed t;
	struct folder_changes ch;
	struct folder_info i;

	bed_make_keeping(&t, 0);
	CHECK_OK(box_folder_create(t.b, STR("x/y"), USE_NONE));
	CHECK_OK(box_subscribe(t.b, STR("x/y"), true));
	(void)add(&t, "x", plain, 0);
	struct folder_view *v = view(&t, "x");
	uint32_t uidvalidity = v->uidvalidity;
	CHECK(box_folder_delete(t.b, STR("inbox")) == E_DENIED);
	CHECK(box_folder_delete(t.b, STR("nope")) == E_NOTFOUND);
	CHECK_OK(box_folder_delete(t.b, STR("x")));
	CHECK(info(&t, "x").noselect && info(&t, "x").mails == 0);
	CHECK_OK(folder_sync(v, true, &t.a, &ch));
	CHECK(v->gone);
	folder_close(v);
	CHECK(folder_open(t.b, STR("x"), false, &v) == E_NOTFOUND);
	CHECK(box_folder_delete(t.b, STR("x")) == E_EXISTS);
	CHECK_OK(box_folder_create(t.b, STR("x"), USE_NONE)); /* a new one in its place */
	CHECK(info(&t, "x").uidvalidity > uidvalidity);
	CHECK_OK(box_folder_delete(t.b, STR("x/y")));
	CHECK(box_folder(t.b, STR("x/y"), &t.a, &i) == E_NOTFOUND);
	struct folder_info *all;
	size_t n;
	CHECK_OK(box_folders(t.b, &t.a, &all, &n));
	CHECK(n == 8 && all[7].id == 0 && all[7].subscribed);
	CHECK_STR(all[7].name, STR("x/y"));
	struct box_quota q;
	box_quota(t.b, &q);
	CHECK(q.used == 0);
	CHECK(count_blobs(&t) == 1);
	clean(&t);
	CHECK_OK(mailstore_reclaim(t.m));
	CHECK(count_blobs(&t) == 0);
	bed_end(&t);
}

TEST(mailbox_folder_rename)
{
	struct bed t;
	struct folder_info i;

	bed_make(&t);
	CHECK_OK(box_folder_create(t.b, STR("x/y"), USE_NONE));
	(void)add(&t, "x/y", plain, 0);
	uint32_t uidvalidity = info(&t, "x/y").uidvalidity;
	CHECK_OK(box_folder_rename(t.b, STR("x"), STR("new/z")));
	CHECK(info(&t, "new/z/y").mails == 1 && info(&t, "new/z/y").uidvalidity == uidvalidity);
	CHECK(info(&t, "new").has_children);
	CHECK(box_folder(t.b, STR("x"), &t.a, &i) == E_NOTFOUND);
	CHECK(box_folder_rename(t.b, STR("new"), STR("new/below")) == E_DENIED);
	CHECK(box_folder_rename(t.b, STR("new"), STR("Sent")) == E_EXISTS);
	CHECK(box_folder_rename(t.b, STR("nope"), STR("q")) == E_NOTFOUND);
	(void)add(&t, "", plain, 0);
	CHECK_OK(box_folder_rename(t.b, STR("Inbox"), STR("old")));
	CHECK(info(&t, "old").mails == 1 && info(&t, "INBOX").mails == 0 &&
	      info(&t, "INBOX").use == USE_INBOX);
	CHECK(add(&t, "", plain, 0) == 1);
	bed_close(&t);
	bed_reopen(&t, 0);
	CHECK(info(&t, "old").mails == 1 && info(&t, "INBOX").mails == 1 &&
	      info(&t, "new/z/y").mails == 1);
	bed_end(&t);
}

TEST(mailbox_delivery_to_many)
{
	enum { N = 5 };
	struct bed t;
	struct delivery d[N] = { 0 };
	struct spool *s = message(str_z(plain));
	str body;

	bed_make(&t);
	for (uint64_t i = 0; i < N; i++) {
		CHECK_OK(box_open(t.m, 10 + i, 0, i == 3 ? 5 : 0, &d[i].box));
		d[i].prefix = i == 1 ? STR("Delivered-To: you\r\n") : STR("");
		d[i].folder = i == 2 ? STR("Spam") : STR("");
		d[i].delivery = STR("id-1");
	}
	mailstore_deliver(t.m, s, d, N);
	for (size_t i = 0; i < N; i++) {
		CHECK_ROW(i, d[i].result == (i == 3 ? E_FULL : OK));
		CHECK_ROW(i, d[i].over_quota == (i == 3));
	}
	CHECK(count_blobs(&t) == 1);
	mailstore_deliver(t.m, s, d, N); /* the answer was lost: once more */
	CHECK(count_blobs(&t) == 1);
	struct folder_view *v;
	CHECK_OK(folder_open(d[1].box, STR("INBOX"), true, &v));
	CHECK(v->n == 1 && v->mails[0].size == 19 + str_z(plain).n);
	CHECK_OK(mail_body(v, 1, 0, UINT64_MAX, &t.a, &body));
	CHECK(str_starts(body, STR("Delivered-To: you\r\nFrom: Ana")) &&
	      str_ends(body, STR("Hi.\r\n")));
	CHECK_OK(mail_body(v, 1, 14, 8, &t.a, &body));
	CHECK_STR(body, STR("you\r\nFro"));
	CHECK_OK(mail_body(v, 1, 19, 4, &t.a, &body));
	CHECK_STR(body, STR("From"));
	struct mail_cache c;
	CHECK_OK(mail_cached(v, 1, &t.a, &c));
	CHECK(str_starts(c.header, STR("Delivered-To: you\r\nFrom: Ana")));
	folder_close(v);
	/* Each owner expunges; the body stays until the last. */
	for (size_t i = 0; i < N; i++) {
		CHECK_OK(folder_open(d[i].box, i == 2 ? STR("Spam") : STR("INBOX"), false, &v));
		uint32_t *modified;
		size_t n;
		CHECK_OK(folder_store(
			v, &(uint32_t){ 1 }, 1,
			&(struct flag_change){ FLAGS_ADD, FLAG_DELETED, NULL, 0, UINT64_MAX }, &t.a,
			&modified, &n));
		CHECK_OK(folder_expunge(v, NULL, 0));
		folder_close(v);
		CHECK_OK(mailstore_reclaim(t.m));
		CHECK_ROW(i, count_blobs(&t) == (i < N - 1));
		box_drop(d[i].box);
	}
	spool_drop(s);
	bed_end(&t);
}

TEST(mailbox_threads)
{
	static const struct {
		const char *text;
		size_t same; /* as which one before it; itself: a new thread */
	} rows[] = {
		{ "Subject: plan\nMessage-ID: <a@x>\n\n.", 0 },
		{ "Subject: Re: plan\nMessage-ID: <b@x>\nIn-Reply-To: <a@x>\n\n.", 0 },
		{ "Subject: RE: Plan\nMessage-ID: <c@x>\nReferences: <z@x> <b@x>\n\n.", 0 },
		{ "Subject: other\nMessage-ID: <d@x>\nReferences: <a@x>\n\n.", 3 },
		{ "Subject: plan\nMessage-ID: <e@x>\n\n.", 4 },
		{ "Subject: plan\nMessage-ID: <f@x>\nReferences: <z@x>\n\n.", 0 },
		{ "no header at all", 6 },
		{ "no header at all", 7 },
	};
	struct bed t;

	bed_make(&t);
	for (size_t i = 0; i < COUNT(rows); i++)
		(void)add(&t, "", rows[i].text, 0);
	struct folder_view *v = view(&t, "INBOX");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct mail *m = &v->mails[i], *first = &v->mails[rows[i].same];

		CHECK_ROW(i, !memcmp(&m->thread, &first->thread, sizeof(m->thread)));
		CHECK_ROW(i,
			  rows[i].same != i || !memcmp(&m->thread, &m->email, sizeof(m->thread)));
		CHECK_ROW(i, i == 0 || memcmp(&m->email, &v->mails[i - 1].email,
					      sizeof(m->email)) != 0);
	}
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_is_fenced)
{
	struct bed t;
	struct box *newer, *older;
	struct appended out;

	bed_make(&t);
	(void)add(&t, "", plain, 0);
	CHECK_OK(box_open(t.m, 1, 5, 0, &newer));
	CHECK(box_open(t.m, 1, 4, 0, &older) == E_DENIED);
	CHECK_OK(append_to(&t, "", plain, 0, &out));
	CHECK_OK(kv_take(t.kv, STR("u/0000000000000001"), 6)); /* another node */
	CHECK(append_to(&t, "", plain, 0, &out) == E_DENIED);
	CHECK(box_open(t.m, 1, 5, 0, &older) == E_DENIED);
	box_drop(newer);
	bed_end(&t);
}

TEST(mailbox_recent)
{
	struct bed t;
	struct folder_view *v;

	bed_make(&t);
	(void)add(&t, "", plain, 0);
	CHECK(info(&t, "INBOX").recent == 1);
	CHECK_OK(folder_open(t.b, STR("INBOX"), true, &v));
	CHECK(v->first_recent_uid == 1);
	folder_close(v);
	v = view(&t, "INBOX");
	CHECK(v->first_recent_uid == 1 && info(&t, "INBOX").recent == 0);
	struct folder_view *second = view(&t, "INBOX");
	CHECK(second->first_recent_uid == 2);
	folder_close(second);
	folder_close(v);
	bed_end(&t);
}

TEST(mailbox_big_message_and_garbage)
{
	struct bed t;
	size_t n = 3000000;
	char *big = mem_get(n);
	str body;
	struct mail_cache c;

	memset(big, 'x', n);
	memcpy(big, "Subject: big\n\n", 14);
	bed_make(&t);
	struct spool *s = message(str_of(big, n)), *empty = message(STR("")),
		     *nul = message(STR("\0\xff\0"));
	struct appended out;
	CHECK_OK(box_append(t.b, s, &(struct append){ 0 }, &out));
	CHECK_OK(box_append(t.b, empty, &(struct append){ 0 }, &out));
	CHECK_OK(box_append(t.b, nul, &(struct append){ 0 }, &out));
	struct folder_view *v = view(&t, "INBOX");
	CHECK_OK(mail_body(v, 1, 0, UINT64_MAX, &t.a, &body));
	CHECK(str_eq(body, str_of(big, n)));
	CHECK_OK(mail_body(v, 2, 0, UINT64_MAX, &t.a, &body));
	CHECK(body.n == 0);
	CHECK_OK(mail_cached(v, 2, &t.a, &c));
	CHECK(c.envelope.n && c.header_whole);
	CHECK_OK(mail_body(v, 3, 0, UINT64_MAX, &t.a, &body));
	CHECK(str_eq(body, STR("\0\xff\0")));
	folder_close(v);
	spool_drop(s);
	spool_drop(empty);
	spool_drop(nul);
	mem_free(big);
	bed_end(&t);
}

/* What verify says about a store that somebody damaged. */
TEST(mailbox_verify_finds)
{
	static const struct {
		const char *from, *to, *says;
	} rows[] = {
		{ "m", "n", "counts 2 mails" },
		{ "c", "d", "has no body" },
		{ "b", "c", "body is not counted" },
		{ "F", "G", "belongs to no folder" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bed t;
		struct kv_batch *b = kv_batch_new();
		struct buf report;
		uint64_t findings;

		bed_make(&t);
		(void)add(&t, "", plain, 0);
		(void)add(&t, "", plain, 0);
		bed_close(&t);
		kv_del_range(b, str_z(rows[i].from), str_z(rows[i].to));
		CHECK_OK(kv_commit(t.kv, &(struct kv_part){ STR("u/0000000000000001"), 0 }, b, 0));
		buf_init(&report, MIB(1));
		CHECK_OK(mailstore_verify(t.kv, &report, &findings));
		CHECK_ROW(i, findings > 0);
		CHECK_ROW(i, str_search(buf_str(&report), str_z(rows[i].says)) < report.n);
		buf_free(&report);
		kv_batch_free(b);
		kv_close(t.kv);
		arena_free(&t.a);
	}
}

/* TLS reports as JSON, RFC 8460 4.4. */
#include <jansson.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "services/mailauth/reports_store.h"

/* What belongs to the root lives as long as it does. */
struct building {
	str domain;
	json_t *policies, *summary, *details;
	char policy[32]; /* the one under way */
	size_t npolicy;
};

static void put_text(json_t *object, const char *key, str text)
{
	if (text.n)
		(void)json_object_set_new(object, key,
					  utf8_valid(text) ? json_stringn(text.p, text.n)
							   : json_string("?"));
}

static void count(json_t *summary, const char *key, uint64_t n)
{
	json_int_t before = json_integer_value(json_object_get(summary, key));

	(void)json_object_set_new(summary, key, json_integer(before + (json_int_t)n));
}

static void begin_policy(struct building *b, str policy)
{
	json_t *one = json_object(), *head = json_object();

	b->summary = json_object();
	b->details = json_array();
	put_text(head, "policy-type", policy);
	put_text(head, "policy-domain", b->domain);
	(void)json_object_set_new(one, "policy", head);
	(void)json_object_set_new(one, "summary", b->summary);
	(void)json_object_set_new(one, "failure-details", b->details);
	(void)json_array_append_new(b->policies, one);
	count(b->summary, "total-successful-session-count", 0);
	count(b->summary, "total-failure-session-count", 0);
	b->npolicy = str_take(policy, sizeof(b->policy)).n;
	for (size_t i = 0; i < b->npolicy; i++)
		b->policy[i] = policy.p[i];
}

static err take_row(void *arg, const struct reports_tls_row *row)
{
	struct building *b = arg;

	if (!b->summary || !str_eq(str_of(b->policy, b->npolicy), row->policy))
		begin_policy(b, row->policy);
	if (!row->failure.n) {
		count(b->summary, "total-successful-session-count", row->n);
		return OK;
	}
	json_t *d = json_object();

	count(b->summary, "total-failure-session-count", row->n);
	put_text(d, "result-type", row->failure);
	put_text(d, "sending-mta-ip", row->sending_ip);
	put_text(d, "receiving-mx-hostname", row->mx_host);
	put_text(d, "receiving-ip", row->receiving_ip);
	(void)json_object_set_new(d, "failed-session-count", json_integer((json_int_t)row->n));
	(void)json_array_append_new(b->details, d);
	return OK;
}

static void put_time(json_t *object, const char *key, int64_t seconds)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, 40);
	date_add_iso(&b, seconds);
	put_text(object, key, buf_str(&b));
}

static json_t *root_of(int64_t day, str domain, str organization, str email, json_t *policies)
{
	json_t *root = json_object(), *range = json_object();
	CLEANUP(buf_free) struct buf id = { 0 };

	put_time(range, "start-datetime", day * REPORTS_DAY);
	put_time(range, "end-datetime", (day + 1) * REPORTS_DAY - 1);
	put_text(root, "organization-name", organization);
	(void)json_object_set_new(root, "date-range", range);
	put_text(root, "contact-info", email);
	buf_init(&id, 400);
	reports_id(&id, day, domain, STR("tls"));
	put_text(root, "report-id", buf_str(&id));
	(void)json_object_set_new(root, "policies", policies);
	return root;
}

static int dump(const char *p, size_t n, void *out)
{
	buf_add(out, str_of(p, n));
	return 0;
}

err reports_tls_json(struct reports_store *s, int64_t day, str domain, str organization, str email,
		     struct buf *out)
{
	struct building b = { .domain = domain, .policies = json_array() };
	json_t *root = root_of(day, domain, organization, email, b.policies);
	err e = reports_tls_rows(s, day, domain, take_row, &b);

	if (e == OK && !b.summary)
		e = fail(E_NOTFOUND, "nothing was counted for %.*s on that day", STRF(domain));
	if (e == OK) {
		(void)json_dump_callback(root, dump, out, JSON_INDENT(2));
		buf_addc(out, '\n');
		e = buf_done(out);
	}
	json_decref(root);
	return e;
}

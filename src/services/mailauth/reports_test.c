#include "services/mailauth/reports.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/fiber.h"
#include "services/mailauth/reports_store.h"

enum { DAY = 20000 };
struct folder {
	char path[64];
};

static void make(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/reports-XXXXXX");
	CHECK(mkdtemp(f->path) != NULL);
	clock_fake(1000, DAY * (int64_t)REPORTS_DAY + 200);
}

static void drop(struct folder *f)
{
	static const char *const names[] = { "reports.db", "reports.db-wal", "reports.db-shm" };
	char path[128];

	clock_fake(-1, -1);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->path);
}

/* Three messages of one server, one of another; then what no report is asked for. */
WAITS static err count_all(void *arg)
{
	struct reports *r;
	struct net_addr ip, other;
	struct mailauth_dkim dkim = { .result = AUTH_PASS,
				      .domain = STR("b.example"),
				      .selector = STR("s 1") };
	struct mailauth_result pass = {
		.spf = AUTH_PASS,
		.spf_domain = STR("bounce.b.example"),
		.dkim = &dkim,
		.ndkim = 1,
		.dmarc = { .result = AUTH_PASS,
			   .domain = STR("b.example"),
			   .record_domain = STR("b.example"),
			   .policy = 'r',
			   .spf_aligned = true,
			   .dkim_aligned = true,
			   .rua = STR("mailto:r@b.example"),
			   .published = STR(
				   "v=DMARC1; p=reject; sp=none; aspf=s; rua=mailto:r@b.example") },
	};
	struct mailauth_result bad = pass, quiet = pass, none = pass;

	bad.ndkim = 0;
	bad.spf = AUTH_FAIL;
	bad.spf_domain = STR("<evil>&\n.example");
	bad.dmarc.result = AUTH_FAIL;
	bad.dmarc.spf_aligned = bad.dmarc.dkim_aligned = false;
	quiet.dmarc.rua = STR("");
	none.dmarc.result = AUTH_NONE;
	TRY(net_parse(STR("192.0.2.1:25"), &ip));
	TRY(net_parse(STR("[2001:db8::1]:25"), &other));
	struct mailauth_question q = { .ip = &ip,
				       .from = STR("x@bounce.b.example"),
				       .now = DAY * (int64_t)REPORTS_DAY + 100 };

	TRY(reports_open(arg, &r));
	for (int i = 0; i < 3; i++)
		reports_dmarc(r, &q, &pass, 'n');
	q.ip = &other;
	reports_dmarc(r, &q, &bad, 'q');
	reports_dmarc(r, &q, &quiet, 'n');
	reports_dmarc(r, &q, &none, 'n');
	struct reports_tls tls = { .domain = STR("c.example"),
				   .policy = STR("sts"),
				   .failure = STR(""),
				   .mx_host = STR("mx.c.example"),
				   .now = q.now };

	reports_tls(r, &tls);
	reports_tls(r, &tls);
	tls.failure = STR("certificate-expired");
	reports_tls(r, &tls);
	reports_close(r);
	return OK;
}

static err see(void *arg, const struct reports_domain *d)
{
	unsigned *n = arg;

	CHECK_STR(d->domain, STR("b.example"));
	CHECK_STR(d->rua, STR("mailto:r@b.example"));
	CHECK(d->messages == 4 && d->failed == 1);
	++*n;
	return OK;
}

static const char want[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
			   "  <version>1.0</version>\n"
			   "  <report_metadata>\n"
			   "    <org_name>Us &amp; Co</org_name>\n"
			   "    <email>postmaster@us.example</email>\n"
			   "    <report_id>20000.f5bebc30.b.example</report_id>\n"
			   "    <date_range>\n"
			   "      <begin>1728000000</begin>\n"
			   "      <end>1728086399</end>\n"
			   "    </date_range>\n"
			   "    <generator>posta</generator>\n"
			   "  </report_metadata>\n"
			   "  <policy_published>\n"
			   "    <domain>b.example</domain>\n"
			   "    <p>reject</p>\n"
			   "    <sp>none</sp>\n"
			   "    <adkim>r</adkim>\n"
			   "    <aspf>s</aspf>\n"
			   "    <testing>n</testing>\n"
			   "    <fo>0</fo>\n"
			   "    <discovery_method>treewalk</discovery_method>\n"
			   "  </policy_published>\n"
			   "  <record>\n"
			   "    <row>\n"
			   "      <source_ip>192.0.2.1</source_ip>\n"
			   "      <count>3</count>\n"
			   "      <policy_evaluated>\n"
			   "        <disposition>pass</disposition>\n"
			   "        <dkim>pass</dkim>\n"
			   "        <spf>pass</spf>\n"
			   "      </policy_evaluated>\n"
			   "    </row>\n"
			   "    <identifiers>\n"
			   "      <envelope_from>bounce.b.example</envelope_from>\n"
			   "      <header_from>b.example</header_from>\n"
			   "    </identifiers>\n"
			   "    <auth_results>\n"
			   "      <dkim>\n"
			   "        <domain>b.example</domain>\n"
			   "        <selector>s?1</selector>\n"
			   "        <result>pass</result>\n"
			   "      </dkim>\n"
			   "      <spf>\n"
			   "        <domain>bounce.b.example</domain>\n"
			   "        <scope>mfrom</scope>\n"
			   "        <result>pass</result>\n"
			   "      </spf>\n"
			   "    </auth_results>\n"
			   "  </record>\n"
			   "  <record>\n"
			   "    <row>\n"
			   "      <source_ip>2001:db8::1</source_ip>\n"
			   "      <count>1</count>\n"
			   "      <policy_evaluated>\n"
			   "        <disposition>quarantine</disposition>\n"
			   "        <dkim>fail</dkim>\n"
			   "        <spf>fail</spf>\n"
			   "        <reason>\n"
			   "          <type>local_policy</type>\n"
			   "        </reason>\n"
			   "      </policy_evaluated>\n"
			   "    </row>\n"
			   "    <identifiers>\n"
			   "      <envelope_from>bounce.b.example</envelope_from>\n"
			   "      <header_from>b.example</header_from>\n"
			   "    </identifiers>\n"
			   "    <auth_results>\n"
			   "      <spf>\n"
			   "        <domain>&lt;evil&gt;&amp;?.example</domain>\n"
			   "        <scope>mfrom</scope>\n"
			   "        <result>fail</result>\n"
			   "      </spf>\n"
			   "    </auth_results>\n"
			   "  </record>\n"
			   "</feedback>\n";

TEST(reports_dmarc)
{
	CLEANUP(drop) struct folder f;
	CLEANUP(buf_free) struct buf xml = { 0 };
	struct reports_store *s;
	struct reports_domain d = { .domain = STR("b.example") };
	unsigned n = 0;

	make(&f);
	CHECK(reports_read(f.path, &s) == E_NOTFOUND);
	CHECK_OK(loop_main(count_all, f.path));
	CHECK_OK(reports_read(f.path, &s));
	CHECK_OK(reports_domains(s, DAY, see, &n));
	CHECK(n == 1);
	buf_init(&xml, KIB(64));
	CHECK_OK(reports_xml(s, DAY, &d, STR("Us & Co"), STR("postmaster@us.example"), &xml));
	CHECK_STR(buf_str(&xml), str_z(want));
	CHECK(reports_xml(s, DAY + 1, &d, STR("Us"), STR("p@us.example"), &xml) == E_NOTFOUND);
	reports_read_close(s);
}

TEST(reports_tls)
{
	CLEANUP(drop) struct folder f;
	CLEANUP(buf_free) struct buf out = { 0 };
	struct reports_store *s;
	json_t *root, *policy;

	make(&f);
	CHECK_OK(loop_main(count_all, f.path));
	CHECK_OK(reports_read(f.path, &s));
	buf_init(&out, KIB(64));
	CHECK_OK(reports_tls_json(s, DAY, STR("c.example"), STR("Us"), STR("p@us.example"), &out));
	root = json_loadb(out.p, out.n, 0, NULL);
	policy = json_array_get(json_object_get(root, "policies"), 0);
	CHECK(json_integer_value(json_object_get(json_object_get(policy, "summary"),
						 "total-successful-session-count")) == 2);
	CHECK(json_integer_value(json_object_get(json_object_get(policy, "summary"),
						 "total-failure-session-count")) == 1);
	CHECK_STR(str_z(json_string_value(json_object_get(
			  json_array_get(json_object_get(policy, "failure-details"), 0),
			  "result-type"))),
		  STR("certificate-expired"));
	json_decref(root);
	CHECK(reports_tls_json(s, DAY, STR("d.example"), STR("Us"), STR("p@us.example"), &out) ==
	      E_NOTFOUND);
	reports_read_close(s);
}

TEST(reports_old_days_go)
{
	CLEANUP(drop) struct folder f;
	CLEANUP(buf_free) struct buf out = { 0 };
	struct reports_store *s;

	make(&f);
	CHECK_OK(loop_main(count_all, f.path));
	CHECK_OK(reports_store_open(f.path, &s));
	CHECK_OK(reports_store_prune(s, DAY));
	buf_init(&out, KIB(64));
	CHECK_OK(reports_tls_json(s, DAY, STR("c.example"), STR("Us"), STR("p@us.example"), &out));
	CHECK_OK(reports_store_prune(s, DAY + 1));
	CHECK(reports_tls_json(s, DAY, STR("c.example"), STR("Us"), STR("p@us.example"), &out) ==
	      E_NOTFOUND);
	uint64_t left_out;

	CHECK(reports_store_add(s, STR("d\x01\x05"), &left_out) == E_CORRUPT);
	reports_read_close(s);
}

TEST(reports_are_claimed_once)
{
	struct folder f;
	struct reports_store *one, *two;
	struct reports_claim c = { .day = DAY,
				   .domain = STR("b.example"),
				   .published = STR("v=DMARC1"),
				   .address = STR("r@b.example") };
	bool claimed;

	make(&f);
	CHECK_OK(reports_store_open(f.path, &one));
	CHECK_OK(reports_store_open(f.path, &two));
	CHECK_OK(reports_claimed(two, &c, &claimed));
	CHECK(!claimed);
	CHECK_OK(reports_claim(one, &c, "sending"));
	CHECK(reports_claim(two, &c, "sending") == E_EXISTS);
	CHECK_OK(reports_claim_end(one, &c, "sent"));
	CHECK(reports_claim(two, &c, "sending") == E_EXISTS);
	c.tls = true; /* another report */
	CHECK_OK(reports_claim(two, &c, "sending"));
	CHECK_OK(reports_claim_end(two, &c, NULL));
	CHECK_OK(reports_claim(one, &c, "sending"));
	c.day--;
	CHECK_OK(reports_claim(one, &c, "sending"));
	CHECK_OK(reports_store_prune(one, DAY));
	CHECK_OK(reports_claim(one, &c, "sending"));
	reports_read_close(one);
	reports_read_close(two);
	drop(&f);
}

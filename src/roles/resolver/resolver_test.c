#include "roles/resolver/resolver.h"

#include "base/limits.h"
#include "base/test.h"
#include "run/metrics.h"

static struct conf *parsed; /* what was read points into it */

static err read_text(str text, struct arena *a, struct resolver_settings *out,
		     struct buf *complaints)
{
	CHECK_OK(conf_parse(text, STR("posta.conf"), complaints, &parsed));
	const struct conf *c = parsed;

	struct role_env env = { .name = "resolver",
				.node = STR("one"),
				.conf = conf_find(conf_root(c), "resolver"),
				.root = conf_root(c),
				.data = "/data",
				.directory = "/directory.db",
				.arena = a };
	return resolver_read(&env, complaints, out);
}

static const char config[] =
	"nodes: { one: { resolver: { resolver = [\"0.0.0.0:53\"]; }; dns: { dns = \"10.0.0.1:53\"; "
	"}; };"
	"  two: { dns: { dns = [\"10.0.0.2:53\"]; }; dnsbl: { dnsbl = \"10.0.0.3:54\"; }; }; };"
	"dnsbl: { lists = ( { zone = \"bl.test\"; }, { zone = \"bad name\"; } ); };"
	"resolver: { networks = [\"10.0.0.0/8\"]; insecure = [\"test\"];"
	"  stubs = ( { name = \"old.example\"; servers = [\"10.0.0.9:5353\"]; } ); };";

TEST(resolver_config)
{
	static const str wanted[] = {
		S("\tinterface: 0.0.0.0@53\n"),
		S("\taccess-control: 10.0.0.0/8 allow\n"),
		S("\taccess-control: 0.0.0.0/0 refuse\n"),
		S("\tserve-expired: yes\n"),
		S("\tprefetch: yes\n"),
		S("\tmodule-config: \"validator iterator\"\n"),
		S("\tlocal-zone: \"test.\" nodefault\n"),
		S("\tdomain-insecure: \"test\"\n"),
		S("stub-zone:\n\tname: \"old.example\"\n\tstub-addr: 10.0.0.9@5353\n"),
		S("stub-zone:\n\tname: \"bl.test\"\n\tstub-addr: 10.0.0.3@54\n"),
		/* our own zones are asked at the servers of all nodes */
		S("stub-zone:\n\tname: \"a.example\"\n\tstub-addr: 10.0.0.1@53\n\tstub-addr: "
		  "10.0.0.2@53\n"),
	};
	struct arena a;
	struct buf out, complaints;
	struct resolver_settings set = { 0 };

	arena_init(&a, MIB(1));
	buf_init(&out, MIB(1));
	buf_init(&complaints, KIB(4));
	CHECK_OK(read_text(str_z(config), &a, &set, &complaints));
	resolver_config(&set, STR("a.example\nb.example\n"), &out);
	CHECK_OK(buf_done(&out));
	for (size_t i = 0; i < COUNT(wanted); i++)
		CHECK_ROW(i, str_search(buf_str(&out), wanted[i]) < out.n);
	CHECK(str_search(buf_str(&out), STR("bad name")) == out.n);
	buf_free(&out);
	buf_free(&complaints);
	arena_free(&a);
	conf_free(parsed);
}

/* Nothing of posta.conf may add a line to another program's configuration. */
TEST(resolver_refuses)
{
	static const str rows[] = {
		S("resolver: { networks = [\"10.0.0.0/8 allow\"]; };"),
		S("resolver: { networks = [\"nonsense\"]; };"),
		S("resolver: { insecure = [\"a\\n\\tverbosity: 5\"]; };"),
		S("resolver: { anchors = [\"a\\\"\\n\"]; };"),
		S("resolver: { forward = [\"/socket\"]; };"),
		S("resolver: { stubs = ( { name = \"a b\"; servers = [\"10.0.0.1:53\"]; } ); };"),
		S("resolver: { stubs = ( { name = \"a\"; servers = [\"here\"]; } ); };"),
		S("resolver: { program = \"unbound\"; };"),
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a;
		struct buf complaints;
		struct resolver_settings set = { 0 };

		arena_init(&a, MIB(1));
		buf_init(&complaints, KIB(4));
		CHECK_ROW(i, read_text(rows[i], &a, &set, &complaints) == E_SYNTAX);
		CHECK_ROW(i, complaints.n > 0);
		buf_free(&complaints);
		arena_free(&a);
		conf_free(parsed);
	}
}

TEST(resolver_figures)
{
	struct buf out;

	resolver_figures(
		STR("total.num.queries=12\nnum.answer.bogus=3\ntotal.recursion.time.avg=0.012345\n"
		    "thread0.num.queries=9\nnonsense\ntotal.num.cachehits=x\n"));
	buf_init(&out, KIB(64));
	metrics_print(STR("resolver"), &out);
	CHECK(str_search(buf_str(&out),
			 STR("posta_resolver_queries_total{role=\"resolver\"} 12\n")) < out.n);
	CHECK(str_search(buf_str(&out), STR("state=\"bogus\"} 3\n")) < out.n);
	CHECK(str_search(buf_str(&out),
			 STR("posta_resolver_recursion_milliseconds{role=\"resolver\"} 12\n")) <
	      out.n);
	buf_free(&out);
}

#include "base/limits.h"
#include "base/test.h"
#include "services/zones/peers.h"

static struct net_addr addr(str text)
{
	struct net_addr a;

	CHECK_OK(net_parse(text, &a));
	return a;
}

TEST(zone_peers)
{
	static const struct {
		str list, peer, key;
		bool want;
	} rows[] = {
		{ S(""), S("192.0.2.1:5000"), S(""), false },
		{ S("192.0.2.0/24"), S("192.0.2.1:5000"), S(""), true },
		{ S("192.0.2.0/24"), S("192.0.3.1:5000"), S(""), false },
		{ S("192.0.2.0/24"), S("192.0.2.1:5000"), S("\1k\0"), true },
		{ S("key:k"), S("192.0.3.1:5000"), S("\1k\0"), true },
		{ S("key:K."), S("192.0.3.1:5000"), S("\1k\0"), true },
		{ S("key:k"), S("192.0.3.1:5000"), S(""), false },
		{ S("key:k"), S("192.0.3.1:5000"), S("\1x\0"), false },
		{ S("192.0.2.1@k"), S("192.0.2.1:5000"), S("\1k\0"), true },
		{ S("192.0.2.1@k"), S("192.0.2.1:5000"), S(""), false },
		{ S("192.0.2.1@k"), S("192.0.2.2:5000"), S("\1k\0"), false },
		{ S("nonsense, 2001:db8::/32"), S("[2001:db8::5]:53"), S(""), true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone_peers *p = zone_peers_new(rows[i].list, STR(""));
		struct net_addr a = addr(rows[i].peer);

		CHECK_ROW(i, zone_peers_allow(p, &a, rows[i].key) == rows[i].want);
		zone_peers_drop(p);
	}
}

TEST(zone_targets)
{
	static const struct {
		str item, addr, key;
	} rows[] = {
		{ S("192.0.2.1"), S("192.0.2.1:53"), S("") },
		{ S("192.0.2.1:5353@Xfer.Example"), S("192.0.2.1:5353"), S("xfer.example.") },
		{ S("2001:db8::1"), S("[2001:db8::1]:53"), S("") },
		{ S("[2001:db8::1]:54@k"), S("[2001:db8::1]:54"), S("k.") },
		{ S("ns.example"), S(""), S("") },
		{ S("192.0.2.1@"), S(""), S("") },
		{ S("unix:/tmp/x"), S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf out = { 0 };
		struct zone_target t;

		buf_init(&out, KIB(4));
		CHECK_ROW(i, (zone_target_parse(rows[i].item, &t) == OK) == (rows[i].addr.n > 0));
		if (!rows[i].addr.n)
			continue;
		net_print(&t.addr, &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].addr);
		buf_reset(&out);
		if (t.key.n)
			dns_name_print(dns_name_str(&t.key), &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].key);
	}
}

TEST(peers_of_a_zone)
{
	struct peers_table *t = peers_table_new();
	struct net_addr near = addr(STR("192.0.2.1:53")), far = addr(STR("198.51.100.1:53"));
	str zone = STR("\1z\0");

	CHECK(!peers_table_allow(t, zone, &near, STR("")) && !peers_table_given(t, zone));
	peers_table_default(t, STR("192.0.2.0/24"), STR("192.0.2.9"));
	CHECK(peers_table_allow(t, zone, &near, STR("")) && peers_table_given(t, zone));
	peers_table_set(t, zone, STR("198.51.100.1"), STR(""));
	CHECK(!peers_table_allow(t, zone, &near, STR("")));
	CHECK(peers_table_allow(t, zone, &far, STR("")));
	struct zone_peers *p = peers_table_targets(t, zone);

	CHECK(p && p->ntargets == 1);
	zone_peers_drop(p);
	peers_table_forget(t, zone);
	CHECK(peers_table_allow(t, zone, &near, STR("")));
	peers_table_free(t);
}

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/message.h"
#include "run/file.h"
#include "services/zones/copy.h"

static struct zone *zone(str apex, uint32_t serial)
{
	struct zone_builder *b = zone_builder_new(apex);
	char soa[22] = { 0 };
	struct zone *z;

	dns_put32(soa + 2, serial);
	CHECK_OK(zone_builder_add(b, apex, DNS_SOA, 60, str_of(soa, sizeof(soa))));
	CHECK_OK(zone_builder_add(b, apex, DNS_NS, 60, apex));
	CHECK_OK(zone_compile(b, &z));
	zone_builder_free(b);
	return z;
}

TEST(zone_copy)
{
	str apex = STR("\7example\0");
	char folder[] = "/tmp/posta-copy-XXXXXX", path[LIM_FILE_PATH];
	CLEANUP(buf_free) struct buf octets = { 0 };
	struct zone *z = zone(apex, 7), *back;
	int64_t at;

	CHECK(mkdtemp(folder));
	CHECK_OK(zone_copy_path(folder, apex, path, sizeof(path)));
	CHECK(str_ends(str_z(path), STR("/example.zone")));
	CHECK(zone_copy_read(path, apex, &back, &at) == E_NOTFOUND);
	CHECK_OK(zone_copy_write(path, z));
	CHECK_OK(zone_copy_touch(path, 1000000));
	CHECK_OK(zone_copy_read(path, apex, &back, &at));
	CHECK(at == 1000000 && zone_serial(back) == 7);
	zone_drop(back);
	CHECK(zone_copy_read(path, STR("\5other\0"), &back, &at) == E_CORRUPT);
	buf_init(&octets, KIB(64));
	CHECK_OK(file_read(path, &octets));
	for (size_t i = 0; i < octets.n; i += 5) { /* each octet counts */
		octets.p[i] ^= 1;
		CHECK_OK(file_replace(path, buf_str(&octets), 0600));
		CHECK_ROW(i, zone_copy_read(path, apex, &back, &at) == E_CORRUPT);
		octets.p[i] ^= 1;
		CHECK_OK(file_replace(path, str_take(buf_str(&octets), i), 0600));
		CHECK_ROW(i, zone_copy_read(path, apex, &back, &at) == E_CORRUPT);
	}
	zone_copy_remove(path);
	(void)rmdir(folder);
	zone_drop(z);
}

TEST(zone_copy_names)
{
	static const struct {
		str apex, want;
	} rows[] = {
		{ S("\0"), S("d/%2Ezone") },
		{ S("\3A/B\2cd\0"), S("d/a%2Fb.cd.zone") },
		{ S("\1.\2cd\0"), S("d/%5C..cd.zone") },
	};
	char path[LIM_FILE_PATH];

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_OK(zone_copy_path("d", rows[i].apex, path, sizeof(path)));
		CHECK_STR_ROW(i, str_z(path), rows[i].want);
	}
}

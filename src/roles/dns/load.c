/* Zones from the files that posta.conf names: read and compiled by a helper thread. */
#include "base/limits.h"
#include "formats/dns/zonefile.h"
#include "roles/dns/dns.h"
#include "run/file.h"
#include "run/log.h"
#include "run/work.h"

static struct zones *table; /* set by load_start */

struct job {
	const struct dns_zone_setting *zone;
	struct zone *fresh;
	struct buf complaints;
};

static err add(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static err build(struct job *j, struct zone_builder *b, str text)
{
	const struct zonefile z = { .origin = dns_name_str(&j->zone->apex),
				    .record = add,
				    .arg = b,
				    .complaints = &j->complaints };

	TRY(zonefile_read(&z, text, j->zone->file));
	TRY(zone_builder_check(b, &j->complaints, NULL));
	return zone_compile(b, &j->fresh);
}

static err read_zone(void *arg)
{
	struct job *j = arg;
	CLEANUP(buf_free) struct buf text = { 0 };
	char path[1024];

	buf_init(&text, LIM_ZONE_FILE);
	TRY(str_to_z(j->zone->file, path, sizeof(path)));
	TRY(file_read(path, &text));
	struct zone_builder *b = zone_builder_new(dns_name_str(&j->zone->apex));
	err e = build(j, b, buf_str(&text));

	zone_builder_free(b);
	return e;
}

WAITS err load_reload(const struct role_env *env)
{
	const struct dns_settings *set = role_settings();

	for (size_t i = 0; i < set->nzones; i++) {
		struct job j = { .zone = &set->zones[i] };

		buf_init(&j.complaints, KIB(4));
		err e = work(POOL_CPU, read_zone, &j);

		if (e == OK)
			zones_put(table, j.fresh);
		else
			LOG(LOG_ERROR, "dns.zone", KS("zone", set->zones[i].name),
			    KS("why", buf_str(&j.complaints)), KE(e));
		buf_free(&j.complaints);
		if (e == E_CANCELED)
			return e;
	}
	return OK;
}

WAITS err load_start(const struct role_env *env, struct zones *zones)
{
	table = zones;
	return load_reload(env);
}

WAITS void load_stop(void)
{
	table = NULL;
}

/* A list that comes as a zone: fetched whole (AXFR) when its serial has grown, written as a file.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "clients/dns/xfr.h"
#include "formats/dns/rdata.h"
#include "roles/dnsbl/dnsbl.h"
#include "run/fiber.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"

METRIC(fetched, "posta_dnsbl_transfers_total", "", METRIC_COUNTER, "Lists fetched by transfer.");
METRIC(failed, "posta_dnsbl_transfer_failures_total", "", METRIC_COUNTER,
       "Transfers of lists that failed.");

enum {
	CONNECT = 10000, /* milliseconds */
	IDLE = 60000,
	WHOLE = 3600000,
	REFRESH_LEAST = 60, /* seconds, whatever the SOA says */
	REFRESH_MOST = 86400,
	RETRY = 60,
};

struct fetch {
	const struct dnsbl_list *l;
	struct buf text;
	uint32_t serial, refresh;
	bool has;
};

static err whole(void *arg)
{
	struct fetch *f = arg;

	buf_reset(&f->text);
	return OK;
}

static void put_name(struct fetch *f, str wire)
{
	dns_name_print(wire, &f->text);
}

/* "$SOA ttl primary mailbox serial refresh retry expire minimum" */
static void put_soa(struct fetch *f, const struct xfr_record *r)
{
	buf_fmt(&f->text, "$SOA %u ", r->ttl);
	dns_rdata_print(r->type, r->rdata, &f->text);
	buf_addc(&f->text, '\n');
	f->refresh = dns_get32(r->rdata.p + r->rdata.n - 16);
}

/* What lists consist of: addresses and texts. Owners are relative to the zone. */
static err record(void *arg, bool added, const struct xfr_record *r)
{
	struct fetch *f = arg;
	struct dns_name n = { .n = 0 };

	(void)added;
	if (r->type == DNS_SOA && r->rdata.n >= 22)
		put_soa(f, r);
	if (r->type == DNS_NS && r->owner.n == f->l->name.n) {
		buf_fmt(&f->text, "$NS %u ", r->ttl);
		put_name(f, r->rdata);
		buf_addc(&f->text, '\n');
	}
	if (r->type != DNS_A && r->type != DNS_AAAA && r->type != DNS_TXT)
		return buf_done(&f->text);
	while (n.n < r->owner.n - f->l->name.n) {
		n.p[n.n] = (unsigned char)r->owner.p[n.n];
		n.n++;
	}
	n.p[n.n++] = 0;
	if (n.n == 1)
		buf_addc(&f->text, '@');
	else
		put_name(f, dns_name_str(&n));
	buf_fmt(&f->text, " %u ", r->ttl ? r->ttl : 1);
	dns_type_print(r->type, &f->text);
	buf_addc(&f->text, ' ');
	dns_rdata_print(r->type, r->rdata, &f->text);
	buf_addc(&f->text, '\n');
	return buf_done(&f->text);
}

static err write_file(void *arg)
{
	struct fetch *f = arg;
	char path[LIM_FILE_PATH];

	TRY(str_to_z(f->l->files.v[0], path, sizeof(path)));
	return file_replace(path, buf_str(&f->text), 0600);
}

/* RFC 1982: is b newer than a? */
static bool is_newer(uint32_t a, uint32_t b)
{
	return b != a && b - a < UINT32_C(1) << 31;
}

WAITS static err take(struct stream *io, struct fetch *f)
{
	const struct xfr x = { .zone = dns_name_str(&f->l->name),
			       .key = f->l->key,
			       .records_max = LIM_RBL_ENTRIES,
			       .octets_max = LIM_RBL_FILE,
			       .idle = IDLE,
			       .deadline = clock_in(WHOLE),
			       .whole = whole,
			       .record = record,
			       .arg = f };
	struct xfr_result result;
	uint32_t serial;

	TRY(xfr_serial(io, x.zone, x.key, clock_in(IDLE), &serial));
	if (f->has && !is_newer(f->serial, serial))
		return OK;
	TRY(xfr_take(io, &x, &result));
	TRY(work(POOL_DISK, write_file, f));
	f->serial = result.serial;
	f->has = true;
	metric_add(&fetched, 1);
	LOG(LOG_INFO, "dnsbl.fetched", KS("zone", f->l->zone), KI("serial", f->serial),
	    KI("records", result.records));
	return OK;
}

WAITS static err fetch_from(const struct net_addr *at, struct fetch *f)
{
	int fd;

	TRY(net_connect(at, NULL, clock_in(CONNECT), &fd));
	struct stream *io = stream_open(fd, at);
	err e = take(io, f);

	stream_close(io);
	return e;
}

/* The first primary that gives it. */
WAITS static err fetch(struct fetch *f)
{
	err e = E_NOTFOUND;

	for (size_t i = 0; i < f->l->nprimaries && e != OK && e != E_CANCELED; i++) {
		buf_init(&f->text, LIM_RBL_FILE);
		e = fetch_from(&f->l->primaries[i], f);
		buf_free(&f->text);
	}
	return e;
}

WAITS err dnsbl_follow(void *arg)
{
	struct fetch f = { .l = arg, .refresh = RETRY };

	for (;;) {
		err e = fetch(&f);
		uint32_t pause = e == OK ? f.refresh : RETRY;

		if (e == E_CANCELED)
			return e;
		if (e) {
			metric_add(&failed, 1);
			LOG(LOG_WARN, "dnsbl.transfer", KS("zone", f.l->zone), KE(e));
		}
		pause = pause < REFRESH_LEAST  ? REFRESH_LEAST
			: pause > REFRESH_MOST ? REFRESH_MOST
					       : pause;
		TRY(fiber_sleep(clock_in((msec)pause * 1000)));
	}
}

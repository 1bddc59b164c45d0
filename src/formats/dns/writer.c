/* A message written into room that the caller has. */
#include <string.h>

#include "formats/dns/message.h"
#include "formats/dns/rdata.h"

enum { POINTER_MOST = 0x3fff };

void dns_writer_init(struct dns_writer *w, void *p, size_t room)
{
	w->p = p;
	w->n = 0;
	w->room = room;
	memset(w->counts, 0, sizeof(w->counts));
	w->nnames = 0;
}

void dns_writer_header(struct dns_writer *w, uint16_t id, uint16_t flags)
{
	if (w->room < DNS_HEADER)
		return;
	memset(w->p, 0, DNS_HEADER);
	dns_put16(w->p, id);
	dns_put16(w->p + 2, flags);
	w->n = DNS_HEADER;
}

static uint32_t hash_name(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++) {
		unsigned c = p[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32 : c)) * 16777619u;
	}
	return h;
}

/* Does the (maybe compressed) name at an offset of the message equal the wire name? Pointers that
 * we wrote lead backwards. */
static bool same_at(const struct dns_writer *w, size_t at, const unsigned char *name)
{
	while (true) {
		while (w->p[at] >= 0xc0)
			at = dns_get16(w->p + at) & POINTER_MOST;
		unsigned n = w->p[at];

		if (n != name[0])
			return false;
		if (n == 0)
			return true;
		if (!dns_name_eq(str_of(w->p + at, n + 1), str_of(name, n + 1)))
			return false;
		at += n + 1;
		name += n + 1;
	}
}

/* known: names before the one that is being written, whose end is not there yet. */
static size_t find_name(const struct dns_writer *w, unsigned known, const unsigned char *name,
			uint32_t hash)
{
	for (unsigned i = 0; i < known; i++)
		if (w->names[i].hash == hash && same_at(w, w->names[i].at, name))
			return w->names[i].at;
	return 0;
}

static void remember(struct dns_writer *w, uint32_t hash)
{
	if (w->nnames == COUNT(w->names) || w->n > POINTER_MOST)
		return;
	w->names[w->nnames].at = (uint16_t)w->n;
	w->names[w->nnames++].hash = hash;
}

/* The longest tail that the message has already becomes a pointer. */
static err put_name(struct dns_writer *w, str name)
{
	const unsigned char *p = (const void *)name.p;
	size_t left = name.n;
	unsigned known = w->nnames;

	while (left > 1) {
		uint32_t h = hash_name(p, left);
		size_t at = find_name(w, known, p, h);

		if (at) {
			if (w->n + 2 > w->room)
				return E_LIMIT;
			dns_put16(w->p + w->n, 0xc000 | (unsigned)at);
			w->n += 2;
			return OK;
		}
		size_t n = p[0] + 1u;

		if (w->n + n > w->room)
			return E_LIMIT;
		remember(w, h);
		memcpy(w->p + w->n, p, n);
		w->n += n;
		p += n;
		left -= n;
	}
	if (w->n + 1 > w->room)
		return E_LIMIT;
	w->p[w->n++] = 0;
	return OK;
}

static err put_octets(struct dns_writer *w, str s)
{
	if (w->n + s.n > w->room)
		return E_LIMIT;
	memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
	return OK;
}

err dns_writer_question(struct dns_writer *w, str name, uint16_t type, uint16_t class)
{
	unsigned char fixed[4];

	dns_put16(fixed, type);
	dns_put16(fixed + 2, class);
	TRY(put_name(w, name));
	TRY(put_octets(w, str_of(fixed, sizeof(fixed))));
	w->counts[0]++;
	return OK;
}

/* RFC 3597 4: only the types of RFC 1035 have their names compressed. */
static bool compresses(uint16_t type)
{
	return type == DNS_NS || type == DNS_CNAME || type == DNS_SOA || type == DNS_PTR ||
	       type == DNS_MX;
}

static err put_rdata(struct dns_writer *w, uint16_t type, str rdata)
{
	size_t at[2], done = 0;
	unsigned n = compresses(type) ? dns_rdata_names(type, rdata, at) : 0;

	for (unsigned i = 0; i < n; i++) {
		str name = str_skip(rdata, at[i]);
		size_t len = 0;

		while (len < name.n && name.p[len])
			len += (unsigned char)name.p[len] + 1u;
		TRY(put_octets(w, str_of(rdata.p + done, at[i] - done)));
		TRY(put_name(w, str_take(name, len + 1)));
		done = at[i] + len + 1;
	}
	return put_octets(w, str_skip(rdata, done));
}

static err put_record(struct dns_writer *w, str name, uint16_t type, uint16_t class, uint32_t ttl,
		      str rdata)
{
	unsigned char fixed[10];

	dns_put16(fixed, type);
	dns_put16(fixed + 2, class);
	dns_put32(fixed + 4, ttl);
	TRY(put_name(w, name));
	TRY(put_octets(w, str_of(fixed, sizeof(fixed))));
	size_t begins = w->n;

	TRY(put_rdata(w, type, rdata));
	dns_put16(w->p + begins - 2, (unsigned)(w->n - begins));
	return OK;
}

err dns_writer_record(struct dns_writer *w, enum dns_section s, str name, uint16_t type,
		      uint16_t class, uint32_t ttl, str rdata)
{
	size_t n = w->n;
	unsigned nnames = w->nnames;

	if (put_record(w, name, type, class, ttl, rdata) != OK) {
		w->n = n;
		w->nnames = nnames;
		return E_LIMIT;
	}
	w->counts[s + 1]++;
	return OK;
}

void dns_writer_end(struct dns_writer *w)
{
	for (unsigned i = 0; i < 4 && w->room >= DNS_HEADER; i++)
		dns_put16(w->p + 4 + 2 * i, w->counts[i]);
}

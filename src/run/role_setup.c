#include "run/role_setup.h"

#define SETUP_VERSION 2

/* The strings, in the order of the message. */
static const size_t fields[] = {
	offsetof(struct setup_config, role),	   offsetof(struct setup_config, node),
	offsetof(struct setup_config, hostname),   offsetof(struct setup_config, path),
	offsetof(struct setup_config, data),	   offsetof(struct setup_config, directory),
	offsetof(struct setup_config, secrets),	   offsetof(struct setup_config, secret_key),
	offsetof(struct setup_config, run),	   offsetof(struct setup_config, trace),
	offsetof(struct setup_config, accounting),
};

void setup_write(const struct setup_config *s, struct buf *out)
{
	buf_u8(out, SETUP_VERSION);
	for (size_t i = 0; i < COUNT(fields); i++)
		buf_lstr(out, *(const str *)(const void *)((const char *)s + fields[i]));
	buf_u8(out, s->drop);
	buf_u32(out, s->uid);
	buf_u32(out, s->gid);
	buf_u8(out, (unsigned)s->ngroups);
	for (size_t i = 0; i < s->ngroups; i++)
		buf_u32(out, s->groups[i]);
	buf_u8(out, (unsigned)s->npeers);
	for (size_t i = 0; i < s->npeers; i++) {
		buf_lstr(out, s->peers[i].role);
		buf_u32(out, s->peers[i].uid);
	}
	buf_u32(out, s->loops);
	buf_u32(out, s->max_connections);
	buf_u8(out, s->log_level);
}

/* With a NUL behind, since paths go to system calls. */
static str take(struct cur *c, struct arena *a)
{
	str s = cur_lstr(c);
	const char *z = arena_z(a, s);

	if (!z && c->e == OK)
		c->e = E_LIMIT;
	return str_of(z ? z : "", z ? s.n : 0);
}

err setup_read(str body, struct arena *a, struct setup_config *out)
{
	struct cur c = { .rest = body };

	*out = (struct setup_config){ 0 };
	if (cur_u8(&c) != SETUP_VERSION)
		return fail(E_CORRUPT, "the supervisor speaks another version");
	for (size_t i = 0; i < COUNT(fields); i++)
		*(str *)(void *)((char *)out + fields[i]) = take(&c, a);
	out->drop = cur_u8(&c) != 0;
	out->uid = cur_u32(&c);
	out->gid = cur_u32(&c);
	out->ngroups = cur_u8(&c);
	if (out->ngroups > SETUP_GROUPS)
		return fail(E_CORRUPT, "too many groups");
	for (size_t i = 0; i < out->ngroups; i++)
		out->groups[i] = cur_u32(&c);
	out->npeers = cur_u8(&c);
	if (out->npeers > SETUP_PEERS)
		return fail(E_CORRUPT, "too many peers");
	for (size_t i = 0; i < out->npeers; i++) {
		out->peers[i].role = take(&c, a);
		out->peers[i].uid = cur_u32(&c);
	}
	out->loops = cur_u32(&c);
	out->max_connections = cur_u32(&c);
	out->log_level = cur_u8(&c);
	if (c.e || c.rest.n)
		return fail(E_CORRUPT, "a message of the supervisor does not parse");
	return OK;
}

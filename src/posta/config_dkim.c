/* dkim: how the keys of our mail domains take turns (services/mailauth/rotate.h). */
#include "posta/config_part.h"

#define AT(member) offsetof(struct config_dkim, member)
static const struct conf_key keys[] = {
	{ "rotate", CONF_DURATION, AT(rotate), 0, INT64_MAX, "180d",
	  "a key this old gets a successor by itself, in domains whose zone the directory serves; "
	  "0s: by command alone" },
	{ "wait", CONF_DURATION, AT(wait), 0, INT64_MAX, "1d",
	  "how long it is published before it signs: above the TTLs of the zone" },
	{ "keep", CONF_DURATION, AT(keep), 120000, INT64_MAX, "14d",
	  "how long the one before stays published: mail that it signed is under way" },
	{ "revoked", CONF_DURATION, AT(revoked), 0, INT64_MAX, "60d",
	  "how long its record then says that it counts no more" },
	{ "look", CONF_DURATION, AT(look), 1000, 86400000, "1h",
	  "how often the supervisor sees to it" },
};
#undef AT

void config_dkim_settings(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

err config_dkim(struct config *c, struct buf *complaints)
{
	const struct conf_node *n = conf_find(conf_root(c->conf), "dkim");

	TRY(conf_read(n, keys, COUNT(keys), &c->dkim, &c->arena, complaints));
	if (!c->dkim.rotate || c->dkim.rotate > c->dkim.wait)
		return OK;
	conf_complain(n, complaints,
		      "\"rotate\" is no longer than \"wait\"; write rotate = \"180d\"");
	return E_SYNTAX;
}

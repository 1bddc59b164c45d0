/* posta.conf's group "verdict". */
#include "services/verdict/verdict.h"

struct words {
	str level, above, virus, attachment;
};
#define AT(member) offsetof(struct words, member)
static const struct conf_key keys[] = {
	{ "level", CONF_STR, AT(level), 0, 0, "normal",
	  "level of users of whom neither they nor their domain or tenant say anything: off, "
	  "very-strict, strict, normal, lenient, very-lenient" },
	{ "above", CONF_STR, AT(above), 0, 0, "quarantine",
	  "mail over a level's upper bound, where nobody says otherwise: quarantine, discard, "
	  "reject" },
	{ "virus", CONF_STR, AT(virus), 0, 0, "reject",
	  "mail with a virus: reject, quarantine, discard" },
	{ "attachment", CONF_STR, AT(attachment), 0, 0, "reject",
	  "mail with a forbidden attachment: reject, quarantine, discard, spam, inbox" },
};

static err read_level(const struct conf_node *n, str word, struct buf *complaints, unsigned *out)
{
	for (*out = 0; *out < VERDICT_LEVELS; ++*out)
		if (str_eq(verdict_levels[*out].name, word))
			return OK;
	conf_complain(conf_find(n, "level"), complaints,
		      "\"%.*s\" is no level; write off, very-strict, strict, normal, lenient or "
		      "very-lenient",
		      STRF(word));
	return E_SYNTAX;
}

/* least: places below it make no sense here. */
static err read_place(const struct conf_node *n, const char *key, str word,
		      enum verdict_place least, struct buf *complaints, enum verdict_place *out)
{
	for (unsigned i = least; i < VERDICT_PLACES; i++) {
		*out = (enum verdict_place)i;
		if (str_eq(str_z(verdict_place_name(*out)), word))
			return OK;
	}
	conf_complain(conf_find(n, key), complaints,
		      "\"%.*s\" is no place for such mail; write quarantine, discard or reject",
		      STRF(word));
	return E_SYNTAX;
}

err verdict_read(const struct role_env *env, struct buf *complaints, struct verdict_policy *out)
{
	const struct conf_node *n = conf_find(env->root, "verdict");
	struct words w;

	TRY(conf_read(n, keys, COUNT(keys), &w, env->arena, complaints));
	TRY(read_level(n, w.level, complaints, &out->level));
	TRY(read_place(n, "above", w.above, VERDICT_QUARANTINE, complaints, &out->above));
	TRY(read_place(n, "virus", w.virus, VERDICT_QUARANTINE, complaints, &out->virus));
	return read_place(n, "attachment", w.attachment, VERDICT_INBOX, complaints,
			  &out->dangerous);
}

void verdict_describe(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

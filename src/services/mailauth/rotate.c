#include "services/mailauth/rotate.h"

static bool has(const struct rotate_key *keys, size_t n, bool rsa, enum dkim_state state)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].rsa == rsa && keys[i].state == state)
			return true;
	return false;
}

bool rotate_may_begin(const struct rotate_key *keys, size_t n, bool rsa)
{
	return has(keys, n, rsa, DKIM_ACTIVE) && !has(keys, n, rsa, DKIM_COMING);
}

/* Of two that sign the older one goes; of the same second, the one that was added first. */
static bool has_younger(const struct rotate_key *keys, size_t n, size_t k)
{
	for (size_t i = 0; i < n; i++)
		if (i != k && keys[i].rsa == keys[k].rsa && keys[i].state == DKIM_ACTIVE &&
		    (keys[i].since > keys[k].since || (keys[i].since == keys[k].since && i > k)))
			return true;
	return false;
}

static struct rotate_step due(const struct rotate_key *keys, size_t n, size_t k,
			      const struct rotate_policy *p, int64_t now)
{
	const struct rotate_key *key = &keys[k];
	int64_t age = now - key->since;

	switch (key->state) {
	case DKIM_COMING:
		if (age >= p->wait)
			return (struct rotate_step){ ROTATE_MOVE, .key = k, .to = DKIM_ACTIVE };
		break;
	case DKIM_ACTIVE:
		if (has_younger(keys, n, k))
			return (struct rotate_step){ ROTATE_MOVE, .key = k, .to = DKIM_GOING };
		if (age >= p->lifetime && rotate_may_begin(keys, n, key->rsa))
			return (struct rotate_step){ ROTATE_MAKE, .rsa = key->rsa };
		break;
	case DKIM_GOING:
		if (age >= p->keep)
			return (struct rotate_step){ ROTATE_MOVE, .key = k, .to = DKIM_REVOKED };
		break;
	case DKIM_REVOKED:
		if (age >= p->revoked)
			return (struct rotate_step){ ROTATE_DROP, .key = k };
		break;
	}
	return (struct rotate_step){ ROTATE_NOTHING };
}

struct rotate_step rotate_due(const struct rotate_key *keys, size_t n,
			      const struct rotate_policy *policy, int64_t now)
{
	struct rotate_step step = { ROTATE_NOTHING };

	for (size_t k = 0; k < n && step.what == ROTATE_NOTHING; k++)
		step = due(keys, n, k, policy, now);
	return step;
}

enum dkim_state rotate_first(const struct rotate_key *keys, size_t n, bool rsa)
{
	return has(keys, n, rsa, DKIM_ACTIVE) ? DKIM_COMING : DKIM_ACTIVE;
}

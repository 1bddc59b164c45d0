#include "services/mailauth/psl.h"

#include <libpsl.h>

#include "base/limits.h"
#include "services/mailauth/name.h"

bool psl_is_suffix(str name)
{
	char z[LIM_SPF_NAME + 1];

	if (str_to_z(name, z, sizeof(z)) != OK)
		return false;
	return psl_is_public_suffix(psl_builtin(), z);
}

str psl_organization(str name)
{
	str below = STR("");

	for (str at = name; at.n; at = mailauth_parent(at)) {
		if (psl_is_suffix(at))
			return below;
		below = at;
	}
	return below;
}

bool psl_same(str a, str b)
{
	str x = psl_organization(a);

	return str_eqi(a, b) || (x.n && str_eqi(x, psl_organization(b)));
}

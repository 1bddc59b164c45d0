#include "services/mailauth/name.h"

#include <idn2.h>

#include "base/limits.h"

static bool label_ok(str label)
{
	for (size_t i = 0; i < label.n; i++)
		if (label.p[i] < ' ' || label.p[i] == 0x7f || label.p[i] == '\\')
			return false;
	return label.n && label.n <= 63;
}

static bool name_ok(str name)
{
	str label;

	if (!name.n || name.n > LIM_SPF_NAME || !str_ascii(name))
		return false;
	while (str_next(&name, '.', &label))
		if (!label_ok(label))
			return false;
	return true;
}

static str a_labels(struct arena *a, str name)
{
	char z[4 * LIM_SMTP_DOMAIN], *ascii = NULL;
	str out = { 0 };

	if (str_ascii(name))
		return arena_dup(a, name);
	if (str_to_z(name, z, sizeof(z)) != OK)
		return out;
	if (idn2_to_ascii_8z(z, &ascii, IDN2_NONTRANSITIONAL) == IDN2_OK)
		out = arena_dup(a, str_z(ascii));
	idn2_free(ascii);
	return out;
}

str mailauth_name_of(struct arena *a, str domain)
{
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	str name = a_labels(a, domain);
	char *p = arena_try(a, name.n + 1, 1);

	if (!name.p || !p || !name_ok(name))
		return (str){ 0 };
	for (size_t i = 0; i < name.n; i++)
		p[i] = ch_lower(name.p[i]);
	return str_of(p, name.n);
}

unsigned mailauth_labels(str name)
{
	unsigned n = 0;
	str label;

	while (name.n && str_next(&name, '.', &label))
		n++;
	return n;
}

str mailauth_parent(str name)
{
	return str_skip(name, str_find(name, '.') + 1);
}

bool mailauth_under(str name, str top)
{
	return str_ends(name, top) &&
	       (name.n == top.n || (top.n && name.p[name.n - top.n - 1] == '.'));
}

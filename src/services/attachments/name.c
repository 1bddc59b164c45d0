#include "services/attachments/name.h"

enum { NAME_MAX = 512, EXTENSION_MAX = 32, SPACES = 5 };

static bool has(const struct conf_strs *list, str extension)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eqi(list->v[i], extension))
			return true;
	return false;
}

/* Marks that no reader sees: zero-width ones, changes of direction. U+200B-F, 202A-E, 2060-F, FEFF.
 */
static size_t unseen(str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n < 3)
		return 0;
	if (p[0] == 0xe2 && p[1] == 0x80 &&
	    ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xaa && p[2] <= 0xae)))
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf)
		return 3;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf ? 3 : 0;
}

/* The last NAME_MAX octets of the name without its folders and unseen marks, as a program that
 * opens it takes it: without spaces and dots at the end. */
static str plain(str name, char out[NAME_MAX])
{
	size_t n = 0;

	name = str_skip(name, name.n > NAME_MAX ? name.n - NAME_MAX : 0);
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '/' || name.p[i] == '\\') {
			n = 0;
			continue;
		}
		size_t skip = unseen(str_skip(name, i));

		if (skip)
			i += skip - 1;
		else if (name.p[i] != '\0')
			out[n++] = ch_lower(name.p[i]);
	}
	while (n && (out[n - 1] == ' ' || out[n - 1] == '.'))
		n--;
	return str_of(out, n);
}

/* What is behind the last dot, and what is before it; "" when there is none. */
static str extension_of(str name, str *before)
{
	size_t dot = str_rfind(name, '.');

	*before = str_take(name, dot);
	return dot < name.n && name.n - dot <= EXTENSION_MAX ? str_trim(str_skip(name, dot + 1))
							     : STR("");
}

static size_t spaces_at_end(str s)
{
	size_t n = 0;

	while (n < s.n && s.p[s.n - 1 - n] == ' ')
		n++;
	return n;
}

/* An override turns ASCII letters around. */
static bool turns(str name)
{
	return str_search(name, STR("\xe2\x80\xae")) < name.n;
}

enum attachment_why attachment_name(const struct attachments_settings *set, str name)
{
	char room[NAME_MAX];
	str before, shorter, base = plain(name, room), extension = extension_of(base, &before);

	if (turns(name))
		return ATTACHMENT_DIRECTION;
	if (!extension.n || has(&set->allowed, extension))
		return ATTACHMENT_WHYS;
	if (has(&set->programs, extension))
		return spaces_at_end(before) >= SPACES ||
				       has(&set->documents,
					   extension_of(str_trim(before), &shorter))
			       ? ATTACHMENT_DOUBLE
			       : ATTACHMENT_PROGRAM;
	return has(&set->forbidden, extension) ? ATTACHMENT_FORBIDDEN : ATTACHMENT_WHYS;
}

/* What a user's moving of mail says: into Spam it is spam, out of there it is not, but for what
 * goes to the Trash. */
#include "sessions/imap/internal.h"

WAITS err imap_lesson(struct imap *s, const struct folder_view *from, str to, const uint32_t *uids,
		      size_t n)
{
	struct folder_info f;

	if (!s->role->lesson || !n)
		return OK;
	enum folder_use was = from ? folder_use_of(from) : USE_NONE;
	err e = box_folder(s->box, to, &s->cmd, &f);

	if (e) /* gone meanwhile: it says nothing */
		return e == E_CANCELED ? e : OK;
	if (was == f.use || f.use == USE_TRASH || (was != USE_JUNK && f.use != USE_JUNK))
		return OK;
	s->role->lesson(s->box, to, uids, n, f.use == USE_JUNK);
	return OK;
}

/* formats/mime/part.h: a part's own fields. Private to this folder. */
#ifndef FORMATS_MIME_PART_H
#define FORMATS_MIME_PART_H

#include "formats/mime/message.h"

/* Reads the Content-* fields of p->header; p->kind becomes what its type asks for. */
void mime_part_fill(struct arena *a, struct mime_part *p);
/* p cannot be what it says: it is a leaf of that type from now on. */
void mime_part_take_for(struct mime_part *p, str type, str subtype, unsigned defect);

#endif

/* services/attachments/name.h: what the name of a file says of it. Pure. */
#ifndef SERVICES_ATTACHMENTS_NAME_H
#define SERVICES_ATTACHMENTS_NAME_H

#include "services/attachments/attachments.h"

/* What is wrong with a name, the worst first; ATTACHMENT_WHYS: nothing. */
enum attachment_why attachment_name(const struct attachments_settings *set, str name);

#endif

/* services/blacklists/hidden.h: hosts that a text has in a form that no program follows and a
 * reader does: "hxxp://bad.example/", "bad[.]example", "bad (dot) example", "bad dot example".
 * Pure: never waits. */
#ifndef SERVICES_BLACKLISTS_HIDDEN_H
#define SERVICES_BLACKLISTS_HIDDEN_H

#include "base/str.h"

/* Calls found for each host, in lower case; host lives during the call. At most max of them. What
 * is found need be no registered name: the caller judges. */
void blacklists_hidden(str text, size_t max, void (*found)(void *arg, str host), void *arg);

#endif

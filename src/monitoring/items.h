/* items.h: what files say as a set of named things (a service, a rule, a route, a receiver), so
 * that what is in force can be compared with what a reload would put in its place.
 *
 * A thing is told apart from others by what it is and its name, never by where it stands: moving it
 * to another file or line is no difference. Secrets count in the comparison and never leave it.
 * Pure; the loop's thread only. */
#pragma once

#include "common/doc.h"

typedef struct MonItems MonItems;

MonItems *mon_items_new(void);
void mon_items_free(MonItems *items);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonItems, mon_items_free)
/* `json`: an object. `from`: where it stands, or NULL. A second one of a name is NAME#2. */
void mon_items_add(MonItems *items, const char *what, const char *name, const char *from,
                   const char *json);
/* The object at the pointer, as it is added, but for the member `without` (NULL: all of it). NULL:
 * there is none. (transfer full) */
char *mon_item_text(WgDoc *doc, const char *pointer, const char *without);
/* One JSON array, in the order of what and name: {what, name, change, from, details}, change is
 * added, removed or changed, details are {place, before, after}. (transfer full) */
char *mon_items_diff(const MonItems *before, const MonItems *after);

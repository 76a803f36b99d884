/* hold.h: a person's word that nothing is to be typed, until a time or until it is taken back.
 *
 * It outlives the service and the boot: it stands in the file "hold" of the state directory, with
 * its end as lasting time (common/clock.h). A file that cannot be understood is a hold without end,
 * because that is the side on which nobody is disturbed. */
#pragma once

#include <glib.h>

typedef struct TypHold TypHold;

/* Held or not, and why, is another now (its end has come). */
typedef void (*TypHoldChanged)(gpointer data);
/* The change is on the disk, or `error` says that it is not; it is in force either way. */
typedef void (*TypHoldStored)(const GError *error, gpointer data);

TypHold *typ_hold_new(const char *state_dir, TypHoldChanged changed, gpointer data, GError **error);
void typ_hold_free(TypHold *hold);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TypHold, typ_hold_free)

/* In force at once, in the place of an earlier one; `stored` runs later, unless the hold is freed
 * before. `usec`: how long; 0: until typ_hold_release(). */
void typ_hold_set(TypHold *hold, const char *reason, guint64 usec, TypHoldStored stored,
                  gpointer data);
void typ_hold_release(TypHold *hold, TypHoldStored stored, gpointer data);

/* NULL: nothing is held; else the reason, maybe "". */
const char *typ_hold_reason(TypHold *hold);
/* CLOCK_REALTIME us; 0: none or without end. */
guint64 typ_hold_until(TypHold *hold);
/* us until its end; 0: without end. */
guint64 typ_hold_left(TypHold *hold);

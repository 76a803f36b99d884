/* silence.h: silences: alerts that somebody does not want to hear of for a time, and says why.
 *
 * A silence is never changed but for its end, and never deleted before it has ended for a while, so
 * that it can be seen who silenced what. Its times are of the wall clock, since people give them.
 * This is the set in memory and its records; who stores them is notify-ask.c. */
#pragma once

#include "monitoring/matchers.h"

#define MON_SILENCES_MAX 10000
#define MON_SILENCE_KEEP (5 * G_TIME_SPAN_DAY) /* after its end */

typedef struct {
  gint64 id;
  GPtrArray *matchers; /* of MonMatcher; at least one that an absent label does not fulfil */
  gint64 starts, ends, created; /* CLOCK_REALTIME us */
  char *who;                    /* "uid:1000" */
  char *comment;
} MonSilence;

typedef struct MonSilences MonSilences;

MonSilences *mon_silences_new(void);
void mon_silences_free(MonSilences *silences);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonSilences, mon_silences_free)

/* INVALID_ARGUMENT: no matchers, ones that hold for everything, times that cannot be. */
MonSilence *mon_silence_new(gint64 id, const char *matchers, gint64 starts, gint64 ends, gint64 now,
                            const char *who, const char *comment, GError **error);
void mon_silence_free(MonSilence *silence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonSilence, mon_silence_free)
char *mon_silence_text(const MonSilence *silence); /* JSON in one line; (transfer full) */
MonSilence *mon_silence_from_text(gint64 id, const char *text, GError **error);
/* "pending", "active", "expired" */
const char *mon_silence_state(const MonSilence *silence, gint64 realtime);

/* Takes it; one of the same id is replaced. */
void mon_silences_put(MonSilences *silences, MonSilence *silence);
const MonSilence *mon_silences_get(MonSilences *silences, gint64 id);
void mon_silences_drop(MonSilences *silences, gint64 id);
/* One that is active and whose matchers hold, or NULL. */
const MonSilence *mon_silences_match(MonSilences *silences, const MonLabels *labels,
                                     gint64 realtime);
GPtrArray *mon_silences_all(MonSilences *silences); /* by id; (transfer container) */
guint mon_silences_n_active(MonSilences *silences, gint64 realtime);

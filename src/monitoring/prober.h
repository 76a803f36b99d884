/* prober.h: the daemon's side of waggle-prober: the process that looks.
 *
 * It is started for the first look and again, after a growing pause, when it has ended. Whatever
 * happens to it, each look is answered exactly once: by it, by our own deadline a little after the
 * look's, or by its end. When threads of it hang, or it says nothing while looks are overdue, it is
 * replaced; looks that were under way only because of that are begun once more. Loop's thread. */
#pragma once

#include "monitoring/daemon.h"

#include <json-glib/json-glib.h>

typedef enum { MON_PASS, MON_WARN, MON_FAIL, MON_ERROR, MON_SKIP } MonVerdict;

/* Borrowed for the call. */
typedef struct {
  MonVerdict verdict;
  const char *text;   /* why; "" */
  JsonObject *values; /* numbers, truths, short texts; NULL: none */
  guint64 duration;   /* us */
  gboolean refused;   /* it can never be looked at as it is written */
} MonProbeLook;
typedef void (*MonProbeLookFunc)(const MonProbeLook *look, gpointer user_data);

const char *mon_verdict_name(MonVerdict verdict);

typedef struct MonProber MonProber;

MonProber *mon_prober_new(MonDaemon *daemon);
void mon_prober_free(MonProber *prober);
/* `check`: one line of JSON; `after`: a cursor for its option "after-cursor", or NULL. Never
 * answers from inside. */
guint64 mon_prober_look(MonProber *prober, const char *check, const char *after, guint64 timeout,
                        MonProbeLookFunc func, gpointer user_data);
void mon_prober_forget(MonProber *prober, guint64 id);
guint mon_prober_n(const MonProber *prober); /* under way */

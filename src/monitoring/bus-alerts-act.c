/* bus-alerts-act.c: the methods of Alerts that do something.
 *
 * A reply is a promise: it comes when what was done is on the disk. Jobs of the store keep their
 * order. */
#include "monitoring/bus-alerts.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRILL_USEC ((guint64)60 * G_USEC_PER_SEC)
#define RULES_MAX ((gint64)4 * 1024 * 1024)

typedef struct {
  MonCall *call;
  GVariant *answer;
} Owed;

static void when_stored(const GError *error, gpointer user_data) {
  Owed *owed = user_data;

  if (error != NULL)
    wg_call_fail(owed->call, error);
  else
    wg_call_answer(owed->call, g_steal_pointer(&owed->answer));
  g_clear_pointer(&owed->answer, g_variant_unref);
  g_free(owed);
}

static void answer_when_stored(MonCall *call, GVariant *answer) {
  MonDaemon *daemon = call->owner;
  Owed *owed = g_new0(Owed, 1);

  owed->call = call;
  owed->answer = answer != NULL ? g_variant_ref_sink(answer) : NULL;
  mon_alerts_when_stored(daemon->alerts, when_stored, owed);
}

static void acknowledge(MonCall *call, gboolean is_on) {
  MonAlerts *alerts = ((MonDaemon *)call->owner)->alerts;
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;
  const char *text;

  g_variant_get_child(call->args, 0, "&s", &text);
  MonEntry *entry = mon_alerts_meant(alerts, text, &error);
  if (entry != NULL &&
      mon_alerts_acknowledge(alerts, entry, is_on, who, wg_call_text(call, "comment"), &error))
    answer_when_stored(call, NULL);
  else
    wg_call_fail(call, error);
}

void mon_handle_alerts_acknowledge(MonCall *call) {
  acknowledge(call, TRUE);
}

void mon_handle_alerts_unacknowledge(MonCall *call) {
  acknowledge(call, FALSE);
}

void mon_handle_alerts_drill(MonCall *call) {
  MonAlerts *alerts = ((MonDaemon *)call->owner)->alerts;
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;
  const char *rule;

  g_variant_get_child(call->args, 0, "&s", &rule);
  guint64 usec = wg_call_has(call, "duration") ? wg_call_number(call, "duration") : DRILL_USEC;
  const MonTransition *is = mon_alerts_drill(alerts, rule, (gint64)MIN(usec, (guint64)G_MAXINT64),
                                             who, wg_call_text(call, WG_TRACEPARENT), &error);
  if (is != NULL)
    answer_when_stored(call, g_variant_new("(s)", is->fingerprint));
  else
    wg_call_fail(call, error);
}

/* ---- Test ---- */
/* A sealed memfd only: reading it cannot wait, and nobody changes it meanwhile. */
char *mon_call_document(MonCall *call, gsize *ret_size, GError **error) {
  const int seals = F_SEAL_WRITE | F_SEAL_SHRINK;
  int fd = call->fd, has = fcntl(fd, F_GET_SEALS);
  struct stat st;

  if (has < 0 || (has & seals) != seals || fstat(fd, &st) < 0 || st.st_size > RULES_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "rules come as a memfd of at most 4M that is sealed against writing and shrinking");
    return NULL;
  }
  g_autofree char *bytes = g_malloc((gsize)st.st_size + 1);
  gssize n = pread(fd, bytes, (gsize)st.st_size, 0);
  if (n != st.st_size) {
    wg_error_set_errno(error, n < 0 ? -errno : -EIO, "the rules cannot be read");
    return NULL;
  }
  bytes[n] = '\0';
  *ret_size = (gsize)n;
  return g_steal_pointer(&bytes);
}

void mon_handle_alerts_test(MonCall *call) {
  g_autoptr(GError) error = NULL;
  gsize size = 0;
  g_autofree char *rules = mon_call_document(call, &size, &error);
  g_autoptr(GVariant) more =
      g_variant_lookup_value(call->options, "rules", G_VARIANT_TYPE("a{ss}"));

  if (rules != NULL)
    mon_call_answer_json(call, mon_rules_try(rules, size, wg_call_text(call, "tests"), more));
  else
    wg_call_fail(call, error);
}

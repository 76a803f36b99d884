/* type-settle.c: the settle window: for a time the units stay as they are.
 *
 * By signals, not by polling: a unit's changes come from its manager, its lines from the journal,
 * and the first breach ends the window in milliseconds. At the end every unit is asked once more,
 * so that a signal that was lost, or a bus that died meanwhile, is no pass. */
#include "checks/journal-open.h"
#include "checks/local.h"
#include "checks/pending.h"
#include "checks/settle-journal.h"
#include "checks/settle-unit.h"
#include "checks/settle-watch.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/unit-ask.h"
#include "checks/world.h"

#include <string.h>

#define FOR_DEFAULT (10 * G_USEC_PER_SEC)

static const ChkKey options[] = {
    {"for", CHK_USEC, "how long they have to stay well (10s)"},
    {"journal", CHK_BOOL, "whether their lines in the journal count (yes)"},
    {"severity", CHK_TEXT, "lines of this severity and worse are a breach (err)"},
    {"directory", CHK_TEXT, "the journal files of this directory instead of the machine's"},
    {NULL},
};

static const ChkKey values[] = {
    {"settled", CHK_BOOL, "no restart, no end, no core dump, no error line, watchdog fed"},
    {"breach", CHK_TEXT, "the first thing that was not so; absent when there was none"},
    {"after", CHK_USEC, "how long the window was watched"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  GPtrArray *units; /* (element-type ChkSettled) */
  ChkSettleWatch *watch;
  ChkSettleJournal *journal;
  gint64 began; /* CLOCK_MONOTONIC */
  guint timer;
  gboolean last; /* the window is over, each is asked once more */
} SettleLook;

static void finish(SettleLook *s, ChkSight *sight) {
  g_clear_handle_id(&s->timer, g_source_remove);
  g_clear_pointer(&s->watch, chk_settle_watch_free);
  g_clear_pointer(&s->journal, chk_settle_journal_stop);
  chk_pending_end(&s->pending, sight);
  g_ptr_array_unref(s->units);
  g_free(s);
}

static void fail(SettleLook *s, const char *why) {
  ChkSight sight = {0};

  chk_unknown(&sight, "%s", why);
  finish(s, &sight);
}

static void stop(gpointer owner) {
  fail(owner, "the time was over before the window was: let \"timeout\" be longer than \"for\"");
}

/* `breach` NULL: all stayed well. */
static void tell(SettleLook *s, const char *breach) {
  JsonObject *seen = json_object_new();
  ChkSight sight = {0};

  json_object_set_boolean_member(seen, "settled", breach == NULL);
  chk_set_text(seen, "breach", breach);
  json_object_set_int_member(seen, "after", g_get_monotonic_time() - s->began);
  chk_observed(&sight, seen);
  sight.text = g_strdup(breach);
  finish(s, &sight);
}

static void on_journal(const char *text, gboolean failed, gpointer user_data) {
  SettleLook *s = user_data;

  if (failed) {
    g_autofree char *why = g_strdup_printf("%s (\"journal\": false looks at states alone)", text);
    fail(s, why);
    return;
  }
  tell(s, text);
}

static gboolean on_over(gpointer user_data) {
  SettleLook *s = user_data;

  s->timer = 0;
  s->last = TRUE;
  chk_settle_watch_ask(s->watch);
  return G_SOURCE_REMOVE;
}

static void follow_journal(SettleLook *s) {
  ChkLook *look = s->pending.look;
  int priority = chk_journal_priority(chk_option_text(look, "severity", "err"));
  g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(ChkSettleUnit));
  guint64 since = chk_world_since(look->world);

  if (!chk_option_bool(look, "journal", TRUE))
    return;
  for (guint i = 0; i < s->units->len; i++) {
    const ChkSettled *unit = s->units->pdata[i];
    ChkSettleUnit each = {unit->unit, unit->invocation};
    g_array_append_val(units, each);
  }
  s->journal = chk_settle_journal_start(look->world, (const ChkSettleUnit *)units->data, units->len,
                                        since ? since : (guint64)g_get_real_time(), priority,
                                        chk_option_text(look, "directory", NULL), on_journal, s);
}

/* All units answered: the window begins, or ends. */
static void on_all(gpointer user_data) {
  SettleLook *s = user_data;

  if (s->last) {
    tell(s, NULL);
    return;
  }
  guint64 span = chk_option_usec(s->pending.look, "for", FOR_DEFAULT);
  s->timer = g_timeout_add((guint)MIN(span / 1000, G_MAXINT), on_over, s);
  follow_journal(s);
}

static gboolean on_unit(guint i, JsonObject *properties, gpointer user_data) {
  SettleLook *s = user_data;
  ChkWorld *world = s->pending.look->world;
  ChkSettled *unit = s->units->pdata[i];
  g_autofree char *why =
      unit->begun ? chk_settled_change(unit, properties)
                  : chk_settled_begin(unit, properties, chk_world_invocation(world, unit->unit),
                                      chk_world_n_restarts(world, unit->unit));

  if (why == NULL)
    return TRUE;
  g_autofree char *text = g_strdup_printf("%s: %s", unit->unit, why);
  tell(s, text);
  return FALSE;
}

static void on_lost(const char *why, gpointer user_data) {
  fail(user_data, why);
}

static void read_units(SettleLook *s, const char *subject) {
  g_auto(GStrv) names = g_strsplit_set(subject, " ,", -1);

  for (guint i = 0; names[i]; i++)
    if (*names[i]) {
      ChkSettled *unit = g_new0(ChkSettled, 1);
      unit->unit = chk_unit_name(names[i]);
      g_ptr_array_add(s->units, unit);
    }
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  static const ChkSettleWatchFuncs funcs = {on_unit, on_all, on_lost};
  SettleLook *s = g_new0(SettleLook, 1);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_autoptr(GError) error = NULL;

  chk_pending_begin(&s->pending, look, seen, user_data, stop, s);
  s->began = g_get_monotonic_time();
  s->units = g_ptr_array_new_with_free_func((GDestroyNotify)chk_settled_free);
  read_units(s, look->subject);
  for (guint i = 0; i < s->units->len; i++)
    g_strv_builder_add(names, ((ChkSettled *)s->units->pdata[i])->unit);
  g_auto(GStrv) units = g_strv_builder_end(names);
  s->watch = chk_settle_watch_new(look->world, (const char *const *)units, &funcs, s, &error);
  if (s->watch == NULL)
    fail(s, error->message);
}

const ChkType chk_type_settle = {
    .name = "settle",
    .subject_help = "names of units",
    .options = options,
    .values = values,
    .default_value = "{\"settled\": true}",
    .start = start,
    .validate = chk_subject_settle,
};

/* rehearse-run.c: services of a release, started in isolation one after the other: up, watched,
 * stopped, forgotten; see rehearse.h. Whatever becomes of one, it is stopped before the next. */
#include "deployment/rehearse-private.h"

#include "deployment/redact.h"
#include "deployment/units-private.h"

#include <glib/gstdio.h>
#include <string.h>

/* A stop is waited for longer than systemd needs to kill (TimeoutStopSec= of the unit). */
#define STOP_LIMIT (15 * G_TIME_SPAN_SECOND)

static DplPlayer *player_of(DplRehearsal *r) {
  return r->players->pdata[r->at];
}

static const char *const *names_of(DplRehearsal *r) {
  return (const char *const *)player_of(r)->names->pdata;
}

static gboolean has_sockets(DplRehearsal *r) {
  return player_of(r)->names->len > 2;
}

static void next(DplRehearsal *r) {
  g_clear_pointer(&r->trouble, g_free);
  g_clear_pointer(&r->invocation, g_free);
  r->is_error = r->ended = FALSE;
  r->at++;
  dpl_rehearsal_play(r);
}

static JsonArray *texts_array(const GPtrArray *texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < texts->len; i++)
    json_array_add_string_element(array, texts->pdata[i]);
  return array;
}

static void note(DplRehearsal *r, const char *verdict, const char *text, const char *journal) {
  const DplPlayer *player = player_of(r);
  g_autofree char *step = g_strdup_printf("start %s", player->unit);
  JsonObject *one = dpl_rehearsal_note(r, step, verdict, text);

  if (journal && *journal) {
    g_autofree char *masked = dpl_redact_text(journal, r->secrets);
    json_object_set_string_member(one, "journal", masked);
  }
  if (player->left && player->left->len > 0)
    json_object_set_array_member(one, "left-out", texts_array(player->left));
}

/* ---- the end of one ---- */
static void told(char *lines, char *said, gpointer data) {
  DplRehearsal *r = data;
  g_autofree char *own_lines = lines, *own_said = said;

  note(r, r->is_error ? "error" : "fail", r->trouble, lines);
  next(r);
}

static void judge(DplRehearsal *r) {
  g_autofree char *observed =
      r->ended ? g_strdup("it came to its end and that was good, without a network")
               : g_strdup_printf("it came up and stayed up for %.1f s, without a network",
                                 (double)r->o.observe / 1e6);

  if (player_of(r)->why_not) {
    note(r, "skip", player_of(r)->why_not, NULL);
    next(r);
  } else if (!r->trouble) {
    note(r, "pass", observed, NULL);
    next(r);
  } else if (r->invocation && *r->invocation) {
    dpl_units_journal(r->invocation, told, r);
  } else {
    told(NULL, NULL, r);
  }
}

static void stopped(const GPtrArray *ends, const GError *error, gpointer data) {
  DplRehearsal *r = data;
  DplPlayer *player = player_of(r);

  for (guint i = 0; names_of(r)[i]; i++)
    dpl_units_tell(r->o.units, "ResetFailedUnit", "s", names_of(r)[i]);
  g_ptr_array_set_size(player->paths, 0);
  if (error && !r->trouble) {
    r->trouble = g_strdup_printf("it cannot be stopped: %s", error->message);
    r->is_error = TRUE;
  }
  judge(r);
}

static void stop(DplRehearsal *r) {
  g_clear_pointer(&r->watch, wg_unit_watch_free);
  g_clear_handle_id(&r->timer, g_source_remove);
  dpl_units_run(r->o.units, DPL_UNITS_STOP, names_of(r), STOP_LIMIT, NULL, stopped, r);
}

/* ---- watching ---- */
static gboolean seen_long_enough(gpointer data) {
  DplRehearsal *r = data;

  r->timer = 0;
  stop(r);
  return G_SOURCE_REMOVE;
}

static gboolean stop_later(gpointer data) {
  stop(data);
  return G_SOURCE_REMOVE;
}

static void stop_soon(DplRehearsal *r) {
  g_clear_handle_id(&r->timer, g_source_remove);
  r->timer = g_idle_add_full(G_PRIORITY_DEFAULT, stop_later, r, NULL); /* not from inside its own */
}

/* Who reloads is up, too. */
static gboolean is_inactive(const WgUnitState *state) {
  return strcmp(state->active, "inactive") == 0;
}

/* Who is handed sockets may end when there is nothing to do: the next who calls has it started. */
static gboolean may_end(DplRehearsal *r, const WgUnitState *state) {
  gboolean over = state && is_inactive(state);
  gboolean ending = state && strcmp(state->active, "deactivating") == 0;

  if (!has_sockets(r) || (!over && !ending) || strcmp(state->result, "success") != 0)
    return FALSE;
  r->ended = over;
  if (over)
    stop_soon(r);
  return TRUE;
}

static void changed(WgUnitWatch *watch, const WgUnitState *state, const GError *lost,
                    gpointer data) {
  DplRehearsal *r = data;

  if (r->trouble || r->ended || may_end(r, state) ||
      (state && wg_unit_state_is_up(state) && !is_inactive(state)))
    return;
  g_autofree char *text = state ? wg_unit_state_text(state) : NULL;
  r->trouble = state ? g_strdup_printf("it came up and did not stay: it is %s", text)
                     : g_strdup_printf("it was lost sight of: %s", lost->message);
  r->is_error = state == NULL;
  stop_soon(r);
}

static void note_cancel(DplRehearsal *r) {
  if (!r->trouble && g_cancellable_is_cancelled(r->cancel)) {
    r->trouble = g_strdup("the rehearsal was ended");
    r->is_error = TRUE;
  }
}

void dpl_rehearsal_stop_watching(DplRehearsal *r) {
  note_cancel(r);
  if (r->watch)
    stop(r);
}

static void watch(DplRehearsal *r) {
  const char *const names[] = {names_of(r)[0], NULL};

  if (dpl_units_bus(r->o.units) == NULL) {
    r->trouble = g_strdup("systemd went away");
    r->is_error = TRUE;
    stop(r);
    return;
  }
  guint64 time = MIN(r->o.observe, dpl_rehearsal_left(r));

  r->watch = wg_unit_watch_new(dpl_units_bus(r->o.units), names, changed, r);
  r->timer = g_timeout_add((guint)MAX(time / 1000, 1), seen_long_enough, r);
}

/* ---- starting ---- */
/* systemd.exec(5), "Process Exit Codes": systemd could not do what was asked, the program never
 * ran; but 203 is the program's own fault. */
static gboolean is_isolations_fault(const WgUnitState *state) {
  return state && state->status >= 200 && state->status <= 245 && state->status != 203;
}

static void started(const GPtrArray *ends, const GError *error, gpointer data) {
  DplRehearsal *r = data;
  const DplUnitEnd *end = ends && ends->len > 0 ? ends->pdata[0] : NULL;
  const WgUnitState *state = end ? end->state : NULL;

  if (state)
    r->invocation = g_strdup(state->invocation);
  if (error && has_sockets(r) && end && g_strcmp0(end->job, "dependency") == 0) {
    /* there was nothing else that it needs: its sockets, where they mean nothing to the live one */
    player_of(r)->why_not = g_strdup("its sockets cannot be opened in isolation");
  } else if (error) {
    gboolean isolation = is_isolations_fault(state);
    r->trouble = g_strdup_printf("%s%s", end && end->text ? end->text : error->message,
                                 isolation ? "; the isolation could not be made" : "");
    r->is_error = isolation || !end || g_cancellable_is_cancelled(r->cancel);
  }
  note_cancel(r);
  r->ended = !error && state && is_inactive(state); /* a oneshot that went well */
  if (r->trouble || player_of(r)->why_not || r->ended)
    stop(r);
  else
    watch(r);
}

void dpl_rehearsal_play(DplRehearsal *r) {
  while (r->at < r->players->len && player_of(r)->why_not) {
    note(r, "skip", player_of(r)->why_not, NULL);
    r->at++;
  }
  if (r->at == r->players->len || g_cancellable_is_cancelled(r->cancel)) {
    dpl_rehearsal_end(r);
    return;
  }
  const char *const names[] = {names_of(r)[0], NULL}; /* which has its sockets started */
  dpl_units_run(r->o.units, DPL_UNITS_START, names, dpl_rehearsal_left(r), r->cancel, started, r);
}

/* probes.c: who is looked at when; see probes.h. One timer and one sorted list for all. */
#include "monitoring/probe-latencies.h"
#include "monitoring/probes-private.h"

#include "common/error.h"
#include "common/timer-source.h"

#include <string.h>

/* First looks are spread over so much at most, so that a start is no storm. */
#define SPREAD (2 * (guint64)G_USEC_PER_SEC)
/* In a quiet time it is looked after again when it may be over. */
#define QUIET_STEP (30 * (gint64)G_USEC_PER_SEC)

struct MonProbes {
  MonDaemon *daemon;
  MonProber *prober;
  GSequence *due; /* of MonProbe, by due */
  GQueue waiting; /* of MonProbe: due, no slot */
  GSource *timer;
  guint n_running, idle;
};

typedef struct {
  MonProbeDone done;
  gpointer user_data;
} Waiter;

static gint compare_due(gconstpointer a, gconstpointer b, gpointer data) {
  gint64 x = ((const MonProbe *)a)->due, y = ((const MonProbe *)b)->due;

  return x < y ? -1 : x > y;
}

static void arm(MonProbes *probes) {
  GSequenceIter *first = g_sequence_get_begin_iter(probes->due);

  wg_timer_source_arm(probes->timer, g_sequence_iter_is_end(first)
                                         ? G_MAXINT64
                                         : ((MonProbe *)g_sequence_get(first))->due);
}

static void unplan(MonProbe *probe) {
  if (probe->place != NULL)
    g_sequence_remove(probe->place);
  probe->place = NULL;
  if (probe->is_queued)
    g_queue_remove(&probe->probes->waiting, probe);
  probe->is_queued = FALSE;
}

static gboolean is_running(const MonProbe *probe) {
  return probe->look != 0 || probe->call != NULL;
}

static void plan_at(MonProbe *probe, gint64 when) {
  unplan(probe);
  probe->due = when;
  probe->place = g_sequence_insert_sorted(probe->probes->due, probe, compare_due, NULL);
  arm(probe->probes);
}

/* Of a push what is due is its absence. */
static gint64 push_due(const MonProbe *probe) {
  const WgClock *clock = wg_records_clock(probe->probes->daemon->store);
  gint64 last = probe->pushed ? wg_clock_to_boottime(clock, probe->pushed) : probe->began;

  return last + (gint64)probe->spec->every;
}

/* The next look, from the beginning of the last one. */
static void plan_next(MonProbe *probe) {
  gint64 now = wg_time_boottime();

  if (probe->holds != 0 || probe->spec->how == MON_PROBE_UNIT) {
    unplan(probe);
    arm(probe->probes);
  } else if (probe->spec->how == MON_PROBE_PUSH) {
    gint64 due = push_due(probe);
    plan_at(probe, due > now ? due : now + (gint64)probe->spec->every);
  } else {
    guint64 wait = mon_probe_state_wait(&probe->state, probe->spec, g_random_double());
    plan_at(probe, MAX(probe->began + (gint64)wait, now));
  }
}

static void plan_first(MonProbe *probe) {
  guint64 spread = MIN(probe->spec->interval, SPREAD);

  probe->began = wg_time_boottime();
  if (probe->holds != 0 || probe->spec->how == MON_PROBE_UNIT)
    return;
  if (probe->spec->how == MON_PROBE_PUSH)
    plan_at(probe, push_due(probe));
  else
    plan_at(probe, probe->began + (gint64)probe->spec->delay +
                       (gint64)((double)spread * g_random_double()));
}

/* ---- results ---- */
static void tell_event(MonProbe *probe, const char *from) {
  g_autofree char *subject = g_strdup_printf("%s/%s", probe->service, probe->spec->name);
  g_autoptr(MonLabels) labels = mon_labels_new("service", probe->service, "probe",
                                               probe->spec->name, "type", probe->spec->type, NULL);
  const MonEvent event = {.kind = MON_EVENT_PROBE,
                          .subject = subject,
                          .from = from,
                          .to = mon_probe_state_text(probe),
                          .text = probe->text,
                          .time = g_get_real_time(),
                          .labels = labels};

  mon_events_emit(probe->probes->daemon->events, &event);
}

static void answer_waiters(MonProbe *probe, const GError *error) {
  g_autoptr(GPtrArray) waiters = g_steal_pointer(&probe->waiters);

  for (guint i = 0; waiters && i < waiters->len; i++) {
    const Waiter *waiter = waiters->pdata[i];
    waiter->done(probe, error, waiter->user_data);
  }
}

static void keep_result(MonProbe *probe, const MonProbeLook *look) {
  probe->has_result = TRUE;
  probe->verdict = look->verdict;
  g_free(probe->text);
  probe->text = g_strdup(look->text ? look->text : "");
  probe->time = g_get_real_time();
  probe->duration = look->duration;
  g_clear_pointer(&probe->values, json_object_unref);
  probe->values = look->values ? json_object_ref(look->values) : NULL;
  if (probe->spec->keeps_cursor && look->values) {
    const char *cursor = json_object_get_string_member_with_default(look->values, "read-to", NULL);
    if (cursor) {
      g_free(probe->cursor);
      probe->cursor = g_strdup(cursor);
    }
  }
}

/* Skip says nothing about it: it does not apply here. */
static void take_result(MonProbe *probe, const MonProbeLook *look) {
  gboolean good = (look->verdict == MON_PASS || look->verdict == MON_WARN) !=
                  (probe->spec->upside_down && look->verdict != MON_ERROR);
  const char *before = mon_probe_state_text(probe);
  gboolean changed = FALSE;

  keep_result(probe, look);
  if (look->verdict != MON_SKIP)
    changed = mon_probe_state_feed(&probe->state, probe->spec, good);
  mon_probe_series_result(probe->series, probe);
  mon_probe_latencies_add(probe->probes->daemon->latencies, probe->spec->type, look->duration);
  if (changed || probe->changed == 0) {
    probe->changed = probe->time;
    mon_probe_series_state(probe->series, probe);
  }
  if (strcmp(before, mon_probe_state_text(probe)) != 0)
    tell_event(probe, before);
  probe->func(probe, changed, probe->owner);
  answer_waiters(probe, NULL);
}

static void give_slots(MonProbes *probes);

void mon_probe_result(MonProbe *probe, const MonProbeLook *look) {
  MonProbes *probes = probe->probes;

  probe->look = 0;
  probes->n_running--;
  plan_next(probe);
  take_result(probe, look); /* the probe may be gone after it */
  give_slots(probes);
}

static void on_look(const MonProbeLook *look, gpointer data) {
  mon_probe_result(data, look);
}

/* ---- looking ---- */
static void begin(MonProbe *probe) {
  MonProbes *probes = probe->probes;
  const MonProbeSpec *spec = probe->spec;

  probe->began = wg_time_boottime();
  probes->n_running++;
  if (spec->how == MON_PROBE_QUEUE)
    mon_probe_ask_queue(probe, wg_service_bus(probes->daemon->service));
  else
    probe->look =
        mon_prober_look(probes->prober, spec->check, probe->cursor, spec->timeout, on_look, probe);
}

static void give_slots(MonProbes *probes) {
  while (probes->n_running < probes->daemon->settings.probes_max &&
         !g_queue_is_empty(&probes->waiting)) {
    MonProbe *probe = g_queue_pop_head(&probes->waiting);
    probe->is_queued = FALSE;
    begin(probe);
  }
}

static void want(MonProbe *probe) {
  unplan(probe);
  if (is_running(probe))
    return;
  probe->is_queued = TRUE;
  g_queue_push_tail(&probe->probes->waiting, probe);
}

static void come_due(MonProbe *probe) {
  const MonProbeLook missing = {.verdict = MON_FAIL, .text = "no push has come in time"};

  if (mon_probe_spec_is_quiet(probe->spec, g_get_real_time())) {
    plan_at(probe, wg_time_boottime() + MIN(QUIET_STEP, (gint64)probe->spec->interval));
  } else if (probe->spec->how == MON_PROBE_PUSH) {
    probe->place = NULL;
    plan_at(probe, wg_time_boottime() + (gint64)probe->spec->every);
    take_result(probe, &missing);
  } else {
    want(probe);
  }
}

static void on_timer(gboolean clock_was_set, gpointer data) {
  MonProbes *probes = data;
  gint64 now = wg_time_boottime();

  for (;;) {
    GSequenceIter *first = g_sequence_get_begin_iter(probes->due);
    if (g_sequence_iter_is_end(first))
      break;
    MonProbe *probe = g_sequence_get(first);
    if (probe->due > now)
      break;
    g_sequence_remove(g_steal_pointer(&probe->place));
    come_due(probe);
  }
  give_slots(probes);
  arm(probes);
}

/* ---- what others do with it ---- */
const char *mon_probe_state_text(const MonProbe *probe) {
  return probe->maintenance ? "maintenance" : mon_probe_state_name(&probe->state);
}

void mon_probe_tell(MonProbe *probe, MonVerdict verdict, const char *text) {
  const MonProbeLook look = {.verdict = verdict, .text = text};

  if (probe->spec->how == MON_PROBE_PUSH) {
    probe->began = wg_time_boottime();
    probe->pushed = wg_clock_now(wg_records_clock(probe->probes->daemon->store));
    plan_next(probe);
  }
  take_result(probe, &look);
}

gboolean mon_probe_run(MonProbe *probe, MonProbeDone done, gpointer user_data, GError **error) {
  if (probe->spec->how == MON_PROBE_PUSH || probe->spec->how == MON_PROBE_UNIT) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE, "nobody looks at %s/%s: its %s",
                probe->service, probe->spec->name,
                probe->spec->how == MON_PROBE_PUSH ? "service pushes it"
                                                   : "unit's signals tell it");
    return FALSE;
  }
  Waiter *waiter = g_new0(Waiter, 1);
  *waiter = (Waiter){done, user_data};
  if (probe->waiters == NULL)
    probe->waiters = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(probe->waiters, waiter);
  if (!is_running(probe) && !probe->is_queued)
    want(probe);
  give_slots(probe->probes);
  return TRUE;
}

static void stop_look(MonProbe *probe) {
  if (!is_running(probe))
    return;
  if (probe->look != 0)
    mon_prober_forget(probe->probes->prober, probe->look);
  probe->look = 0;
  probe->call = sd_bus_slot_unref(probe->call);
  probe->probes->n_running--;
}

void mon_probe_hold(MonProbe *probe, guint hold, gboolean set) {
  guint before = probe->holds;

  probe->holds = set ? before | hold : before & ~hold;
  if (probe->holds == before)
    return;
  if (probe->holds != 0) {
    stop_look(probe);
    unplan(probe);
    arm(probe->probes);
  } else if (!is_running(probe)) {
    plan_first(probe);
  }
  mon_probe_series_state(probe->series, probe);
  give_slots(probe->probes);
}

void mon_probe_set_maintenance(MonProbe *probe, gboolean set) {
  const char *before = mon_probe_state_text(probe);

  if (probe->maintenance == set)
    return;
  probe->maintenance = set;
  mon_probe_series_state(probe->series, probe);
  if (strcmp(before, mon_probe_state_text(probe)) != 0)
    tell_event(probe, before);
}

void mon_probe_reset(MonProbe *probe) {
  const char *before = mon_probe_state_text(probe);

  stop_look(probe);
  probe->state = (MonProbeState){0};
  probe->changed = g_get_real_time();
  mon_probe_series_state(probe->series, probe);
  if (strcmp(before, mon_probe_state_text(probe)) != 0)
    tell_event(probe, before);
  unplan(probe);
  plan_first(probe);
  give_slots(probe->probes);
}

void mon_probe_restore(MonProbe *probe, const char *cursor, gint64 pushed) {
  g_free(probe->cursor);
  probe->cursor = g_strdup(cursor);
  probe->pushed = pushed;
  if (probe->spec->how == MON_PROBE_PUSH && probe->holds == 0)
    plan_first(probe);
}

MonProbe *mon_probe_new(MonProbes *probes, const char *service, MonProbeSpec *spec, guint holds,
                        MonProbeFunc func, gpointer owner) {
  MonProbe *probe = g_new0(MonProbe, 1);

  probe->probes = probes;
  probe->spec = mon_probe_spec_ref(spec);
  probe->service = g_strdup(service);
  probe->func = func;
  probe->owner = owner;
  probe->holds = holds;
  probe->text = g_strdup("");
  probe->series = mon_probe_series_new(probes->daemon->board, probe);
  plan_first(probe);
  return probe;
}

void mon_probe_free(MonProbe *probe) {
  g_autoptr(GError) error =
      g_error_new(WG_ERROR, WG_ERROR_INVALID_STATE, "%s/%s is no longer there", probe->service,
                  probe->spec->name);
  MonProbes *probes = probe->probes;

  stop_look(probe);
  unplan(probe);
  answer_waiters(probe, error);
  mon_probe_series_free(probe->series);
  mon_probe_spec_unref(probe->spec);
  g_clear_pointer(&probe->values, json_object_unref);
  g_free(probe->service);
  g_free(probe->cursor);
  g_free(probe->text);
  g_free(probe);
  arm(probes);
}

void mon_probes_reload(MonProbes *probes) {
  give_slots(probes);
}

MonProbes *mon_probes_new(MonDaemon *daemon) {
  MonProbes *probes = g_new0(MonProbes, 1);

  probes->daemon = daemon;
  probes->prober = mon_prober_new(daemon);
  probes->due = g_sequence_new(NULL);
  probes->timer = wg_timer_source_new(CLOCK_BOOTTIME, on_timer, probes, NULL);
  g_queue_init(&probes->waiting);
  return probes;
}

void mon_probes_free(MonProbes *probes) {
  if (probes == NULL)
    return;
  mon_prober_free(probes->prober);
  wg_timer_source_destroy(probes->timer);
  g_sequence_free(probes->due);
  g_queue_clear(&probes->waiting);
  g_free(probes);
}

/* daemon-notes.c: see daemon-notes.h.
 *
 * Two timers: one on BOOTTIME for stored deadlines, one on REALTIME for calendar times, which also
 * rings when somebody sets the clock. Both only wake the engine, which alone knows what is due. */
#include "messaging/daemon-notes.h"

#include "messaging/bus-agents.h"
#include "messaging/bus-log.h"
#include "messaging/bus-push.h"
#include "messaging/daemon-wake.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timer-source.h"

/* What is due stays due when the store could not take it. */
#define AGAIN_USEC (2 * G_USEC_PER_SEC)

static void arm(MsgDaemon *daemon) {
  const WgClock *clock = msg_engine_clock(daemon->engine);

  wg_timer_source_arm(daemon->wake_boot, daemon->wake_at == G_MAXINT64
                                             ? G_MAXINT64
                                             : wg_clock_to_boottime(clock, daemon->wake_at));
  wg_timer_source_arm(daemon->wake_real, daemon->wake_calendar);
}

static void tick_done(WgJob *job) {
  MsgDaemon *daemon = ((MsgJob *)job)->owner;
  gint64 again = wg_clock_now(msg_engine_clock(daemon->engine)) + AGAIN_USEC;

  if (job->error != NULL && again < daemon->wake_at) {
    daemon->wake_at = again;
    arm(daemon);
  }
  msg_job_free(job, sizeof(MsgJob));
}

static void rang(gboolean clock_was_set, gpointer user_data) {
  MsgDaemon *daemon = user_data;

  if (clock_was_set)
    arm(daemon);
  msg_job_submit(
      msg_job_new_own(daemon, /* actor= */ NULL, sizeof(MsgJob), msg_run_tick, tick_done));
}

static void rang_boot(gboolean clock_was_set, gpointer user_data) {
  MsgDaemon *daemon = user_data;

  daemon->wake_at = G_MAXINT64;
  rang(clock_was_set, user_data);
}

static void rang_real(gboolean clock_was_set, gpointer user_data) {
  MsgDaemon *daemon = user_data;

  if (!clock_was_set)
    daemon->wake_calendar = G_MAXINT64;
  rang(clock_was_set, user_data);
}

gboolean msg_wake_init(MsgDaemon *daemon, GError **error) {
  daemon->wake_at = daemon->wake_calendar = G_MAXINT64;
  daemon->wake_boot = wg_timer_source_new(CLOCK_BOOTTIME, rang_boot, daemon, error);
  if (daemon->wake_boot == NULL)
    return FALSE;
  daemon->wake_real = wg_timer_source_new(CLOCK_REALTIME, rang_real, daemon, error);
  return daemon->wake_real != NULL;
}

void msg_wake_clear(MsgDaemon *daemon) {
  g_clear_pointer(&daemon->wake_boot, wg_timer_source_destroy);
  g_clear_pointer(&daemon->wake_real, wg_timer_source_destroy);
}

gboolean msg_wake_armed(MsgDaemon *daemon) {
  if (daemon->wake_at == G_MAXINT64 && daemon->wake_calendar == G_MAXINT64)
    return FALSE;
  daemon->wake_at = daemon->wake_calendar = G_MAXINT64;
  rang(/* clock_was_set= */ TRUE, daemon);
  return TRUE;
}

static void note_wake(MsgDaemon *daemon, const MsgNote *note) {
  daemon->wake_at = note->time;
  daemon->wake_calendar = note->calendar;
  arm(daemon);
}

static void note_dead(MsgDaemon *daemon, const MsgNote *note) {
  sd_bus *bus = wg_service_bus(daemon->service);

  msg_log_dead(note);
  if (bus != NULL)
    sd_bus_emit_signal(bus, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "MessageDead", "tss", note->seq,
                       note->name != NULL ? note->name : "",
                       note->cause != NULL ? note->cause : "");
}

static void note_log(const MsgNote *note) {
  g_autofree char *seq = g_strdup_printf("%" G_GUINT64_FORMAT, note->seq);
  const char *fields[5] = {NULL};
  guint n = 0;

  if (note->name != NULL) {
    fields[n++] = WG_FIELD_AGENT;
    fields[n++] = note->name;
  }
  if (note->seq != 0) {
    fields[n++] = WG_FIELD_MESSAGE;
    fields[n++] = seq;
  }
  wg_log(note->log_level, note->log_id, fields, "%s", note->cause != NULL ? note->cause : "");
}

static void take_note(MsgDaemon *daemon, MsgNote *note) {
  switch (note->kind) {
  case MSG_NOTE_AGENT:
  case MSG_NOTE_COUNTS:
  case MSG_NOTE_REMOVED:
    msg_agents_note(daemon, note);
    break;
  case MSG_NOTE_PUSH:
  case MSG_NOTE_EVENT:
  case MSG_NOTE_ATTEMPTS:
    msg_push_note(daemon, note);
    break;
  case MSG_NOTE_DEAD:
    note_dead(daemon, note);
    break;
  case MSG_NOTE_COURIER_WANTED:
    msg_waker_want(daemon, note->uid);
    break;
  case MSG_NOTE_WAKE:
    note_wake(daemon, note);
    break;
  case MSG_NOTE_RECORDS:
    wg_service_set_degraded(daemon->service, "records", note->cause);
    break;
  case MSG_NOTE_LOG:
    note_log(note);
    break;
  }
}

void msg_notes(GPtrArray *notes, gpointer user_data) {
  for (guint i = 0; i < notes->len; i++)
    take_note(user_data, g_ptr_array_index(notes, i));
}

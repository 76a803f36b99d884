/* timers.c: what happens by itself, and when the loop has to wake the engine for it.
 *
 * Leases and parked calls are timed by a heap in memory, rows of the store by their indexes on
 * `due` (lasting time) and `calendar` (CLOCK_REALTIME). The loop is told a time only when it is
 * earlier than what it has armed; a tick that comes for something that no longer waits just finds
 * nothing and tells the next. */
#include "messaging/engine-private.h"

static MsgTimer *heap_at(MsgEngine *e, guint i) {
  return e->heap->pdata[i];
}

static void heap_put(MsgEngine *e, guint i, MsgTimer *t) {
  e->heap->pdata[i] = t;
  t->index = i;
}

static void sift_up(MsgEngine *e, guint i, MsgTimer *t) {
  while (i > 0 && heap_at(e, (i - 1) / 2)->when > t->when) {
    heap_put(e, i, heap_at(e, (i - 1) / 2));
    i = (i - 1) / 2;
  }
  heap_put(e, i, t);
}

static void sift_down(MsgEngine *e, guint i, MsgTimer *t) {
  for (;;) {
    guint child = 2 * i + 1;
    if (child >= e->heap->len)
      break;
    if (child + 1 < e->heap->len && heap_at(e, child + 1)->when < heap_at(e, child)->when)
      child++;
    if (heap_at(e, child)->when >= t->when)
      break;
    heap_put(e, i, heap_at(e, child));
    i = child;
  }
  heap_put(e, i, t);
}

void msg_timer_add(MsgEngine *e, MsgTimer *t, gint64 when) {
  t->when = when;
  g_ptr_array_add(e->heap, t);
  sift_up(e, e->heap->len - 1, t);
}

void msg_timer_remove(MsgEngine *e, MsgTimer *t) {
  guint i = t->index;

  if (i == G_MAXUINT || i >= e->heap->len || e->heap->pdata[i] != t)
    return;
  MsgTimer *last = g_ptr_array_steal_index_fast(e->heap, e->heap->len - 1);
  t->index = G_MAXUINT;
  if (last == t)
    return;
  if (i > 0 && heap_at(e, (i - 1) / 2)->when > last->when)
    sift_up(e, i, last);
  else
    sift_down(e, i, last);
}

/* While nothing can be written whoever only reads must not fail for what is due. */
#define UNWRITABLE_WAIT (2 * G_USEC_PER_SEC)

gboolean msg_may_write(MsgEngine *e) {
  return !e->writer || wg_writer_may_write(e->writer);
}

static void timer_fire(MsgEngine *e, MsgTimer *t) {
  if (t->kind != MSG_TIMER_RECEIVE && t->kind != MSG_TIMER_CALL && !msg_may_write(e)) {
    msg_timer_add(e, t, e->now + UNWRITABLE_WAIT);
    return;
  }
  switch (t->kind) {
  case MSG_TIMER_LEASE:
    msg_lease_timeout(e, t->what);
    break;
  case MSG_TIMER_RECEIVE:
    msg_receive_finish(e, t->what);
    break;
  case MSG_TIMER_CALL:
    msg_call_finish(e, t->what);
    break;
  case MSG_TIMER_ATTEMPT:
    msg_attempt_timeout(e, t->what);
    break;
  case MSG_TIMER_ABSENCE:
    msg_absence_timeout(e, t->what);
    break;
  }
}

/* A row's time has come: a scheduled delivery is queued, one whose time to live ran out expires.
 * FALSE: neither, the row says what the delivery does not. */
static gboolean row_due(MsgEngine *e, guint64 place) {
  MsgLive *live = msg_live_get(e, place);
  MsgAgent *agent = msg_agent_by_id(e, msg_place_agent(place));

  if (!live || !agent || live->state == MSG_STATE_LEASED)
    return FALSE;
  if (live->expires && live->expires <= e->now) {
    e->stat.expired++;
    msg_live_move(e, agent, live, MSG_STATE_EXPIRED, NULL, "its time to live ran out");
    return TRUE;
  }
  gboolean come =
      live->calendar ? live->calendar <= e->now_real : live->ready_at && live->ready_at <= e->now;
  if (live->state != MSG_STATE_SCHEDULED || !come)
    return FALSE;
  live->ready_at = live->calendar = 0;
  live->flags &= ~MSG_LIVE_FIRST_WAIT;
  msg_live_move(e, agent, live, MSG_STATE_QUEUED, NULL, "its time has come");
  return TRUE;
}

static void rows_run(MsgEngine *e, MsgSql which, gint64 until) {
  for (guint v = 0; v < 2; v++) {
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint64));
    sqlite3_stmt *stmt = msg_sql(e, v == 1, which);
    sqlite3_bind_int64(stmt, 1, until);
    int r;
    while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
      guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (v ? MSG_PLACE_VOLATILE : 0);
      g_array_append_val(places, place);
    }
    sqlite3_reset(stmt);
    if (r != SQLITE_DONE)
      msg_fail(e, "looking for what is due");
    for (guint i = 0; i < places->len && !e->failed; i++) {
      guint64 place = g_array_index(places, guint64, i);
      /* damage may leave such a row; it would be due for ever */
      if (!row_due(e, place))
        msg_live_time_row(e, place, which == MSG_SQL_CALENDAR_ROWS);
    }
    if (places->len == 512)
      e->again = TRUE;
    if (places->len > 0)
      e->due_changed = TRUE;
  }
}

static gint64 rows_next(MsgEngine *e, MsgSql which) {
  gint64 next = 0;

  for (guint v = 0; v < 2; v++) {
    sqlite3_stmt *stmt = msg_sql(e, v == 1, which);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
      gint64 t = sqlite3_column_int64(stmt, 0);
      next = next && next < t ? next : t;
    }
    sqlite3_reset(stmt);
  }
  return next;
}

/* Pauses end by the wall clock; there are few, so they are looked at one by one. Ends those whose
 * time has come when `resume`; the next end of the others, 0: none. */
static gint64 pauses_look(MsgEngine *e, gboolean resume) {
  gint64 next = 0;

  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || agent->removed || !agent->paused || !agent->paused_until)
      continue;
    if (resume && agent->paused_until <= e->now_real) {
      msg_agent_resume(e, agent);
      continue;
    }
    next = next && next < agent->paused_until ? next : agent->paused_until;
  }
  return next;
}

static void due_look(MsgEngine *e, gboolean resume) {
  e->due_changed = FALSE;
  e->next_due = rows_next(e, MSG_SQL_DUE_NEXT);
  e->next_calendar = rows_next(e, MSG_SQL_CALENDAR_NEXT);
  gint64 pause = pauses_look(e, resume);
  if (pause && (!e->next_calendar || pause < e->next_calendar))
    e->next_calendar = pause;
  gint64 reply = msg_replies_next(e);
  if (reply && (!e->next_due || reply < e->next_due))
    e->next_due = reply;
}

void msg_timers_run(MsgEngine *e) {
  if (e->due_changed)
    due_look(e, TRUE);
  while (e->heap->len > 0 && heap_at(e, 0)->when <= e->now && !e->failed) {
    MsgTimer *t = heap_at(e, 0);
    msg_timer_remove(e, t);
    timer_fire(e, t);
  }
  if (!msg_may_write(e))
    return;
  if (e->next_due && e->next_due <= e->now && !e->failed) {
    rows_run(e, MSG_SQL_DUE_ROWS, e->now);
    msg_replies_run(e);
    e->due_changed = TRUE;
  }
  if (e->next_calendar && e->next_calendar <= e->now_real && !e->failed) {
    rows_run(e, MSG_SQL_CALENDAR_ROWS, e->now_real);
    e->due_changed = TRUE;
  }
}

void msg_wake_now(MsgEngine *e) {
  e->again = TRUE;
}

void msg_timers_tell(MsgEngine *e) {
  gint64 wake = G_MAXINT64, calendar;

  if (e->due_changed)
    due_look(e, FALSE);
  calendar = e->next_calendar ? e->next_calendar : G_MAXINT64;
  if (e->heap->len > 0)
    wake = heap_at(e, 0)->when;
  if (e->next_due)
    wake = MIN(wake, e->next_due);
  if (e->again)
    wake = e->now;
  if (!msg_may_write(e)) {
    wake = MAX(wake, e->now + UNWRITABLE_WAIT);
    calendar = G_MAXINT64;
  }
  e->again = FALSE;
  if (!e->tell && wake >= e->told_wake && calendar == e->told_calendar)
    return;
  e->tell = FALSE;
  e->told_wake = MIN(wake, e->told_wake);
  e->told_calendar = calendar;
  MsgNote *note = msg_note_add(e, MSG_NOTE_WAKE);
  note->time = e->told_wake;
  note->calendar = e->told_calendar;
}

WgJobResult msg_run_tick(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;

  e->told_wake = e->told_calendar =
      G_MAXINT64; /* armed no longer; the end of the batch tells anew */
  e->due_changed = e->tell = TRUE;
  msg_timers_run(e);
  if (!msg_may_write(e))
    return WG_JOB_DONE;
  msg_recover_step(e);
  msg_attempts_look_on(e);
  msg_sweep_step(e);
  msg_retention_step(e);
  msg_slices_step(e);
  return WG_JOB_DONE;
}

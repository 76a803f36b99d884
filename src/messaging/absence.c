/* absence.c: mail of agents with a policy waits, and no courier of their user is there.
 *
 * Then the loop is asked to wake one (a note), again after a pause that doubles, for as long as
 * mail waits; a courier that registers ends it, and the next absence begins anew. Only when none
 * came within NoSessionSec do the messages get their receipt "no session", each once. All of this
 * is memory: a roll-back forgets what its batch changed and looks at the agents again. */
#include "messaging/courier.h"

#define PAUSE_FIRST G_USEC_PER_SEC
#define PAUSE_MAX (5 * G_TIME_SPAN_MINUTE)
#define NOTED_MAX 256 /* receipts of an agent in one batch */
#define NEVER G_MAXINT64

typedef struct {
  uid_t uid;
  gint64 noted_at;       /* lasting time: from then on messages get their receipt */
  gint64 wake_at, pause; /* the next wake, and what follows it; NEVER */
  guint64 changed;       /* the batch that changed it last */
  MsgTimer timer;
} Absence;

static void absence_free(gpointer absence) {
  g_free(absence);
}

void msg_absence_init(MsgEngine *e) {
  e->absences = g_hash_table_new_full(NULL, NULL, NULL, absence_free);
}

static void absence_end(MsgEngine *e, Absence *a) {
  msg_timer_remove(e, &a->timer);
  g_hash_table_remove(e->absences, GUINT_TO_POINTER(a->uid));
}

static void arm(MsgEngine *e, Absence *a, gboolean more) {
  gint64 when = MIN(a->wake_at, a->noted_at > e->now ? a->noted_at : NEVER);

  msg_timer_remove(e, &a->timer);
  if (more)
    when = e->now + 1000;
  if (when != NEVER)
    msg_timer_add(e, &a->timer, when);
}

static void want_courier(MsgEngine *e, Absence *a) {
  MsgNote *note = msg_note_add(e, MSG_NOTE_COURIER_WANTED);

  note->uid = a->uid;
  a->wake_at = e->now + a->pause;
  a->pause = MIN(a->pause * 2, PAUSE_MAX);
}

static Absence *absence_new(MsgEngine *e, uid_t uid) {
  Absence *a = g_new0(Absence, 1);
  guint64 patience = MIN(e->settings.no_session_usec, G_MAXINT64 / 4);

  a->uid = uid;
  a->noted_at = e->now + (gint64)patience;
  a->wake_at = NEVER;
  a->pause = PAUSE_FIRST;
  a->changed = e->batch;
  a->timer = (MsgTimer){.kind = MSG_TIMER_ABSENCE, .index = G_MAXUINT, .what = a};
  g_hash_table_insert(e->absences, GUINT_TO_POINTER(uid), a);
  if (e->settings.wake_couriers)
    want_courier(e, a);
  arm(e, a, FALSE);
  return a;
}

/* TRUE: there may be more. */
static gboolean note_agent(MsgEngine *e, MsgAgent *agent) {
  MsgLive *live;

  for (guint n = 0; n < NOTED_MAX; n++) {
    if (e->failed || !(live = msg_attempt_unnoted(e, agent)))
      return FALSE;
    if (live->flags & MSG_LIVE_NO_SESSION)
      continue;
    live->flags |= MSG_LIVE_NO_SESSION;
    msg_live_note(e, agent, live, MSG_EVENT_ATTEMPT_HELD, NULL, "no session");
  }
  return TRUE;
}

static gboolean is_of(const MsgAgent *agent, uid_t uid) {
  return agent && !agent->removed && agent->policy && agent->uid == uid;
}

static gboolean still_waits(MsgEngine *e, uid_t uid) {
  for (guint i = 0; i < e->agents->len; i++)
    if (is_of(e->agents->pdata[i], uid) && msg_attempt_waits(e, e->agents->pdata[i]))
      return TRUE;
  return FALSE;
}

void msg_absence_timeout(MsgEngine *e, gpointer absence) {
  Absence *a = absence;
  gboolean more = FALSE;

  if (e->draining || !still_waits(e, a->uid)) {
    absence_end(e, a);
    return;
  }
  a->changed = e->batch;
  for (guint i = 0; a->noted_at <= e->now && i < e->agents->len; i++)
    if (is_of(e->agents->pdata[i], a->uid))
      more = note_agent(e, e->agents->pdata[i]) || more;
  if (a->wake_at <= e->now)
    want_courier(e, a);
  arm(e, a, more);
}

void msg_absence_look(MsgEngine *e, MsgAgent *agent) {
  if (!agent->policy || e->draining || !msg_attempt_waits(e, agent))
    return;
  Absence *a = g_hash_table_lookup(e->absences, GUINT_TO_POINTER(agent->uid));
  if (!a)
    a = absence_new(e, agent->uid);
  if (a->noted_at <= e->now && note_agent(e, agent)) {
    a->changed = e->batch;
    arm(e, a, TRUE);
  }
}

void msg_absence_over(MsgEngine *e, uid_t uid) {
  Absence *a = g_hash_table_lookup(e->absences, GUINT_TO_POINTER(uid));

  if (a)
    absence_end(e, a);
}

void msg_absences_undo(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->absences);

  for (GList *l = all; l; l = l->next)
    if (((Absence *)l->data)->changed == e->batch)
      absence_end(e, l->data);
}

void msg_absences_look_again(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->absences);
  gboolean any = FALSE;

  for (GList *l = all; l; l = l->next)
    absence_end(e, l->data);
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || agent->removed || !agent->policy || agent->counts.queued == 0)
      continue;
    msg_touch(e, agent);
    any = TRUE;
  }
  if (any)
    msg_wake_now(e);
}

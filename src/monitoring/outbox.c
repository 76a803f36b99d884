/* outbox.c: see outbox.h. */
#include "monitoring/outbox-private.h"

#define LANE_PAUSE_MAX (30 * G_USEC_PER_SEC)
#define ENTRY_PAUSE_MAX (5 * G_TIME_SPAN_MINUTE)

void mon_entry_free(gpointer data) {
  MonAttempt *entry = data;

  mon_notice_free(entry->notice);
  g_free(entry);
}

static void lane_free(gpointer data) {
  MonLane *lane = data;

  g_queue_clear_full(&lane->entries, mon_entry_free);
  g_array_unref(lane->told);
  g_free(lane->integration);
  g_free(lane->error);
  g_free(lane);
}

MonOutbox *mon_outbox_new(const MonOutboxFuncs *funcs, gpointer user_data) {
  MonOutbox *outbox = g_new0(MonOutbox, 1);

  outbox->funcs = funcs;
  outbox->user_data = user_data;
  outbox->lanes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, lane_free);
  return outbox;
}

void mon_outbox_free(MonOutbox *outbox) {
  if (outbox == NULL)
    return;
  g_hash_table_unref(outbox->lanes);
  g_free(outbox);
}

MonLane *mon_lane_get(MonOutbox *outbox, const char *integration) {
  MonLane *lane = g_hash_table_lookup(outbox->lanes, integration);

  if (lane)
    return lane;
  lane = g_new0(MonLane, 1);
  lane->outbox = outbox;
  lane->integration = g_strdup(integration);
  lane->told = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_queue_init(&lane->entries);
  g_hash_table_insert(outbox->lanes, lane->integration, lane);
  return lane;
}

/* The entry is over and gone. */
static void entry_end(MonAttempt *entry, const char *error) {
  MonLane *lane = entry->lane;

  g_queue_remove(&lane->entries, entry);
  lane->n_held -= entry->held;
  lane->outbox->funcs->ended(entry->notice, entry->attempts, error, lane->outbox->user_data);
  mon_entry_free(entry);
}

void mon_outbox_bound(MonOutbox *outbox, guint max) {
  outbox->max = max;
}

/* The oldest that waits and has a later one of its group in the queue. */
static GList *find_pair(MonLane *lane, GList **ret_later) {
  g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);

  for (GList *l = lane->entries.head; l; l = l->next) {
    const MonAttempt *entry = l->data;
    GList *older = g_hash_table_lookup(first, entry->notice->group);
    if (older) {
      *ret_later = l;
      return older;
    }
    if (!entry->in_flight)
      g_hash_table_insert(first, entry->notice->group, l);
  }
  return NULL;
}

static MonAttempt *oldest_waiting(MonLane *lane) {
  for (GList *l = lane->entries.head; l; l = l->next)
    if (!((MonAttempt *)l->data)->in_flight)
      return l->data;
  return NULL;
}

/* What `into` says now is not what is stored: it is not sent before that is. */
void mon_entry_hold(MonAttempt *into) {
  const MonOutbox *outbox = into->lane->outbox;

  into->held++;
  into->lane->n_held++;
  outbox->funcs->again(into->notice, outbox->user_data);
}

void mon_outbox_stored(MonOutbox *outbox, const char *integration, gint64 id) {
  MonLane *lane = g_hash_table_lookup(outbox->lanes, integration);

  for (GList *l = lane ? lane->entries.head : NULL; l; l = l->next) {
    MonAttempt *entry = l->data;
    if (entry->notice->id != id || entry->held == 0)
      continue;
    entry->held--;
    lane->n_held--;
    lane->is_dirty = TRUE;
  }
}

void mon_entry_merge(MonAttempt *older, MonAttempt *into, const char *why) {
  MonLane *lane = older->lane;

  g_queue_remove(&lane->entries, older);
  lane->n_held -= older->held;
  lane->outbox->funcs->merged(older->notice, into->notice, why, lane->outbox->user_data);
  mon_entry_free(older);
}

/* FALSE: all are under way. */
static gboolean make_room(MonLane *lane) {
  GList *later = NULL, *older;
  MonAttempt *entry, *into;

  if (lane->is_limited && mon_lane_summarise(lane))
    return TRUE;
  older = find_pair(lane, &later);
  entry = older ? older->data : oldest_waiting(lane);
  if (entry == NULL)
    return FALSE;
  if (older == NULL) {
    entry_end(entry, "too many wait for this receiver (QueueMax=)");
    return TRUE;
  }
  into = later->data;
  if (entry->notice->suppressed > 0)
    mon_notice_absorb(into->notice, entry->notice);
  else
    mon_notice_merge(into->notice, entry->notice);
  mon_entry_merge(entry, into, "more waited for this receiver than QueueMax=");
  mon_entry_hold(into);
  return TRUE;
}

void mon_outbox_add(MonOutbox *outbox, MonNotice *notice) {
  MonAttempt *entry = g_new0(MonAttempt, 1);

  entry->lane = mon_lane_get(outbox, notice->integration);
  entry->notice = notice;
  g_queue_push_tail(&entry->lane->entries, entry);
  entry->lane->is_dirty = TRUE;
  while (outbox->max > 0 && entry->lane->entries.length > outbox->max && make_room(entry->lane))
    continue;
}

static gint64 doubled(guint n, gint64 max) {
  gint64 pause = n > 20 ? max : MIN((gint64)G_USEC_PER_SEC << (n - 1), max);

  /* up to a tenth less: those that failed together do not come together again */
  return pause - (gint64)(g_random_double() * (double)pause / 10);
}

static void set_error(MonLane *lane, const char *error) {
  gboolean was = lane->error != NULL;

  g_free(lane->error);
  lane->error = g_strdup(error);
  if (was != (error != NULL))
    lane->outbox->funcs->lane(lane->integration, error, lane->outbox->user_data);
}

static void lane_failed(MonLane *lane, const char *text) {
  lane->failures++;
  lane->pause = lane->outbox->now + doubled(lane->failures, LANE_PAUSE_MAX);
  set_error(lane, text);
}

static gboolean is_given_up(MonAttempt *entry) {
  const MonOutbox *outbox = entry->lane->outbox;
  const MonIntegration *it =
      outbox->funcs->integration(entry->lane->integration, outbox->user_data);

  return it && outbox->now - entry->notice->created >= (gint64)it->retry_for;
}

void mon_attempt_end(MonAttempt *entry, MonToldHow how, const char *text) {
  MonLane *lane = entry->lane;

  entry->in_flight = FALSE;
  lane->n_in_flight--;
  lane->is_dirty = TRUE;
  lane->outbox->funcs->wake(lane->outbox->user_data);
  if (how == MON_TELL_AGAIN) {
    entry->own += lane->failures == 0; /* where all fail, it says nothing about this one */
    lane_failed(lane, text);
    entry->next = lane->outbox->now + doubled(MAX(entry->own, 1), ENTRY_PAUSE_MAX);
    if (is_given_up(entry))
      entry_end(entry, text);
    return;
  }
  if (how == MON_TOLD)
    mon_lane_told(lane, lane->outbox->now);
  lane->failures = 0; /* whoever refuses one is there */
  lane->pause = 0;
  set_error(lane, NULL);
  entry_end(entry, how == MON_TOLD ? NULL : text);
}

typedef gboolean (*EntryFunc)(MonAttempt *entry, gpointer user_data); /* TRUE: enough */

/* Of none of its groups anything is before it. A summary is of several. */
static gboolean is_first(GHashTable *seen, const MonNotice *notice) {
  gboolean is_first = g_hash_table_add(seen, notice->group);

  for (guint i = 0; notice->groups && notice->groups[i]; i++)
    is_first = g_hash_table_add(seen, notice->groups[i]) && is_first;
  return is_first;
}

/* The first of each group, in order: later ones of a group wait for it. */
static void each_first(const MonLane *lane, EntryFunc func, gpointer user_data) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

  for (GList *l = lane->entries.head; l; l = l->next) {
    MonAttempt *entry = l->data;
    if (is_first(seen, entry->notice) && !entry->in_flight && entry->held == 0 &&
        func(entry, user_data))
      return;
  }
}

typedef struct {
  const MonLane *lane;
  gint64 now, due;
  MonAttempt *found;
} Search;

static gboolean take_ready(MonAttempt *entry, gpointer user_data) {
  Search *search = user_data;

  if (entry->next <= search->now)
    search->found = entry;
  return search->found != NULL;
}

/* In a lane that fails, the one that has waited longest finds out whether it works again. */
static gboolean take_longest(MonAttempt *entry, gpointer user_data) {
  Search *search = user_data;

  if (search->found == NULL || entry->next < search->found->next)
    search->found = entry;
  return FALSE;
}

static gboolean take_due(MonAttempt *entry, gpointer user_data) {
  Search *search = user_data;
  gint64 pause = search->lane->pause;

  search->due = search->lane->failures > 0 ? pause : MIN(search->due, MAX(entry->next, pause));
  return search->due <= pause; /* it cannot get earlier */
}

static gboolean is_crowded(const MonLane *lane) {
  return lane->n_in_flight >= (lane->failures > 0 ? 1 : MON_LANE_PARALLEL);
}

static MonAttempt *next_entry(const MonLane *lane, gint64 now) {
  Search search = {lane, now, 0, NULL};

  if (!is_crowded(lane) && lane->pause <= now)
    each_first(lane, lane->failures > 0 ? take_longest : take_ready, &search);
  return search.found;
}

static void lane_run(MonLane *lane, gint64 now) {
  MonOutbox *outbox = lane->outbox;
  MonAttempt *entry;

  lane->opens = 0;
  while ((entry = next_entry(lane, now))) {
    const MonIntegration *it = outbox->funcs->integration(lane->integration, outbox->user_data);
    if (it == NULL) {
      entry_end(entry, "this receiver is not in the configuration any more");
      continue;
    }
    if (!mon_lane_admits(lane, it, now))
      break;
    gboolean was_limited = lane->is_limited;
    lane->is_limited = FALSE;
    if (was_limited && mon_lane_summarise(lane))
      continue;
    entry->in_flight = TRUE;
    entry->attempts++;
    lane->n_in_flight++;
    outbox->funcs->send(it, entry->notice, entry, outbox->user_data);
  }
  lane->is_dirty = FALSE;
}

void mon_outbox_run(MonOutbox *outbox, gint64 now) {
  g_autoptr(GPtrArray) lanes = g_ptr_array_new();
  GHashTableIter iter;
  gpointer lane;

  outbox->now = now;
  g_hash_table_iter_init(&iter, outbox->lanes);
  while (g_hash_table_iter_next(&iter, NULL, &lane))
    g_ptr_array_add(lanes, lane);
  for (guint i = 0; i < lanes->len; i++)
    lane_run(g_ptr_array_index(lanes, i), now);
}

static gint64 lane_due(const MonLane *lane) {
  Search search = {lane, 0, G_MAXINT64, NULL};

  if (lane->is_dirty)
    return 0;
  if (!is_crowded(lane))
    each_first(lane, take_due, &search);
  return MAX(search.due, lane->opens);
}

gint64 mon_outbox_due(MonOutbox *outbox) {
  gint64 due = G_MAXINT64;
  GHashTableIter iter;
  gpointer lane;

  g_hash_table_iter_init(&iter, outbox->lanes);
  while (g_hash_table_iter_next(&iter, NULL, &lane))
    due = MIN(due, lane_due(lane));
  return due;
}

guint mon_outbox_n(MonOutbox *outbox) {
  guint n = 0;
  GHashTableIter iter;
  gpointer lane;

  g_hash_table_iter_init(&iter, outbox->lanes);
  while (g_hash_table_iter_next(&iter, NULL, &lane))
    n += ((MonLane *)lane)->entries.length;
  return n;
}

const char *mon_outbox_error(MonOutbox *outbox, const char *integration, guint *ret_waiting) {
  const MonLane *lane = g_hash_table_lookup(outbox->lanes, integration);

  *ret_waiting = lane ? lane->entries.length : 0;
  return lane ? lane->error : NULL;
}

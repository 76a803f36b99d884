/* outbox.c: see outbox.h. */
#include "monitoring/outbox.h"

#define LANE_PAUSE_MAX (30 * G_USEC_PER_SEC)
#define ENTRY_PAUSE_MAX (5 * G_TIME_SPAN_MINUTE)

typedef struct Lane Lane;

/* One notification; in the lane's queue until it is over with it. */
struct MonAttempt {
  Lane *lane;
  MonNotice *notice;
  guint attempts;
  guint own;   /* of them those that failed while the lane worked */
  gint64 next; /* lasting time; not before, while the lane works */
  gboolean in_flight;
};

struct Lane {
  MonOutbox *outbox;
  char *integration;
  GQueue entries; /* of MonAttempt, by id */
  guint n_in_flight;
  guint failures; /* in a row */
  gint64 pause;   /* not before */
  char *error;
  gboolean is_dirty; /* something ended since the last run */
};

struct MonOutbox {
  const MonOutboxFuncs *funcs;
  gpointer user_data;
  GHashTable *lanes; /* integration -> Lane */
  gint64 now;        /* of the last run */
  guint max;         /* in a lane; 0: no bound */
};

static void entry_free(gpointer data) {
  MonAttempt *entry = data;

  mon_notice_free(entry->notice);
  g_free(entry);
}

static void lane_free(gpointer data) {
  Lane *lane = data;

  g_queue_clear_full(&lane->entries, entry_free);
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

static Lane *lane_get(MonOutbox *outbox, const char *integration) {
  Lane *lane = g_hash_table_lookup(outbox->lanes, integration);

  if (lane)
    return lane;
  lane = g_new0(Lane, 1);
  lane->outbox = outbox;
  lane->integration = g_strdup(integration);
  g_queue_init(&lane->entries);
  g_hash_table_insert(outbox->lanes, lane->integration, lane);
  return lane;
}

/* The entry is over and gone. */
static void entry_end(MonAttempt *entry, const char *error) {
  Lane *lane = entry->lane;

  g_queue_remove(&lane->entries, entry);
  lane->outbox->funcs->ended(entry->notice, entry->attempts, error, lane->outbox->user_data);
  entry_free(entry);
}

void mon_outbox_bound(MonOutbox *outbox, guint max) {
  outbox->max = max;
}

/* The oldest that waits and has a later one of its group in the queue. */
static GList *find_pair(Lane *lane, GList **ret_later) {
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

static MonAttempt *oldest_waiting(Lane *lane) {
  for (GList *l = lane->entries.head; l; l = l->next)
    if (!((MonAttempt *)l->data)->in_flight)
      return l->data;
  return NULL;
}

/* FALSE: all are under way. */
static gboolean make_room(Lane *lane) {
  GList *later = NULL, *older = find_pair(lane, &later);
  MonAttempt *entry = older ? older->data : oldest_waiting(lane);

  if (entry == NULL)
    return FALSE;
  if (older == NULL) {
    entry_end(entry, "too many wait for this receiver (QueueMax=)");
    return TRUE;
  }
  const MonOutbox *outbox = lane->outbox;
  MonNotice *into = ((MonAttempt *)later->data)->notice;
  mon_notice_merge(into, entry->notice);
  g_queue_delete_link(&lane->entries, older);
  outbox->funcs->merged(entry->notice, into, outbox->user_data);
  entry_free(entry);
  return TRUE;
}

void mon_outbox_add(MonOutbox *outbox, MonNotice *notice) {
  MonAttempt *entry = g_new0(MonAttempt, 1);

  entry->lane = lane_get(outbox, notice->integration);
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

static void set_error(Lane *lane, const char *error) {
  gboolean was = lane->error != NULL;

  g_free(lane->error);
  lane->error = g_strdup(error);
  if (was != (error != NULL))
    lane->outbox->funcs->lane(lane->integration, error, lane->outbox->user_data);
}

static void lane_failed(Lane *lane, const char *text) {
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
  Lane *lane = entry->lane;

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
  lane->failures = 0; /* whoever refuses one is there */
  lane->pause = 0;
  set_error(lane, NULL);
  entry_end(entry, how == MON_TOLD ? NULL : text);
}

typedef gboolean (*EntryFunc)(MonAttempt *entry, gpointer user_data); /* TRUE: enough */

/* The first of each group, in order: later ones of a group wait for it. */
static void each_first(const Lane *lane, EntryFunc func, gpointer user_data) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

  for (GList *l = lane->entries.head; l; l = l->next) {
    MonAttempt *entry = l->data;
    if (g_hash_table_add(seen, entry->notice->group) && !entry->in_flight && func(entry, user_data))
      return;
  }
}

typedef struct {
  const Lane *lane;
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

static gboolean is_crowded(const Lane *lane) {
  return lane->n_in_flight >= (lane->failures > 0 ? 1 : MON_LANE_PARALLEL);
}

static MonAttempt *next_entry(const Lane *lane, gint64 now) {
  Search search = {lane, now, 0, NULL};

  if (!is_crowded(lane) && lane->pause <= now)
    each_first(lane, lane->failures > 0 ? take_longest : take_ready, &search);
  return search.found;
}

static void lane_run(Lane *lane, gint64 now) {
  MonOutbox *outbox = lane->outbox;
  MonAttempt *entry;

  while ((entry = next_entry(lane, now))) {
    const MonIntegration *it = outbox->funcs->integration(lane->integration, outbox->user_data);
    if (it == NULL) {
      entry_end(entry, "this receiver is not in the configuration any more");
      continue;
    }
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

static gint64 lane_due(const Lane *lane) {
  Search search = {lane, 0, G_MAXINT64, NULL};

  if (lane->is_dirty)
    return 0;
  if (!is_crowded(lane))
    each_first(lane, take_due, &search);
  return search.due;
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
    n += ((Lane *)lane)->entries.length;
  return n;
}

const char *mon_outbox_error(MonOutbox *outbox, const char *integration, guint *ret_waiting) {
  const Lane *lane = g_hash_table_lookup(outbox->lanes, integration);

  *ret_waiting = lane ? lane->entries.length : 0;
  return lane ? lane->error : NULL;
}

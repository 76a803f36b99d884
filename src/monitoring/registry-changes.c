/* registry-changes.c: revisions: each change is numbered, written, and told after its commit, in
 * that order. The newest ones stay in memory for whoever resumes; older ones are forgotten, and a
 * watcher that comes so late looks at everything once. */
#include "monitoring/registry-private.h"

#include "common/error.h"

#include <string.h>

typedef struct {
  MonChange change;
  char *service, *state, *reason, *what;
} Kept;

typedef struct {
  guint id;
  MonChangeFunc func;
  gpointer user_data;
} Listener;

struct MonChanges {
  GQueue kept;          /* of Kept, oldest first */
  GPtrArray *listeners; /* of Listener */
  guint next_id;
};

typedef struct {
  MonRegistry *registry;
  Kept *kept;
  GArray *writes;
  MonRegistryDone done;
  gpointer user_data;
  gboolean new_work;
} Job;

static void kept_free(Kept *kept) {
  g_free(kept->service);
  g_free(kept->state);
  g_free(kept->reason);
  g_free(kept->what);
  g_free(kept);
}

static Kept *kept_new(guint64 revision, gint64 time, const char *service, const char *what,
                      const char *state, const char *reason) {
  Kept *kept = g_new0(Kept, 1);

  kept->service = g_strdup(service);
  kept->what = g_strdup(what);
  kept->state = g_strdup(state);
  kept->reason = g_strdup(reason ? reason : "");
  kept->change = (MonChange){revision, time, kept->service, kept->what, kept->state, kept->reason};
  return kept;
}

MonChanges *mon_changes_new(void) {
  MonChanges *changes = g_new0(MonChanges, 1);

  g_queue_init(&changes->kept);
  changes->listeners = g_ptr_array_new_with_free_func(g_free);
  return changes;
}

void mon_changes_free(MonChanges *changes) {
  g_queue_clear_full(&changes->kept, (GDestroyNotify)kept_free);
  g_ptr_array_unref(changes->listeners);
  g_free(changes);
}

static void keep(MonChanges *changes, Kept *kept) {
  g_queue_push_tail(&changes->kept, kept);
  while (changes->kept.length > MON_CHANGES_KEPT)
    kept_free(g_queue_pop_head(&changes->kept));
}

void mon_changes_add_loaded(MonRegistry *registry, const MonChange *c) {
  keep(registry->changes, kept_new(c->revision, c->time, c->service, c->what, c->state, c->reason));
}

static void tell(MonChanges *changes, const MonChange *change) {
  for (guint i = 0; i < changes->listeners->len; i++) {
    const Listener *listener = changes->listeners->pdata[i];
    listener->func(change, listener->user_data);
  }
}

static gboolean run(MonStore *store, gpointer data, GError **error) {
  Job *job = data;
  const MonChange *c = &job->kept->change;
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO registry_change VALUES(?1, ?2, ?3, ?4, ?5, ?6)");

  if (stmt == NULL)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, (gint64)c->revision);
  sqlite3_bind_int64(stmt, 2, c->time);
  sqlite3_bind_text(stmt, 3, c->service, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 4, c->what, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 5, c->state, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 6, c->reason, -1, SQLITE_STATIC);
  gboolean ok = wg_records_run(store, stmt);
  if (ok && c->revision > MON_CHANGES_KEPT) {
    stmt = wg_records_statement(store, "DELETE FROM registry_change WHERE revision <= ?1");
    if (stmt == NULL)
      return TRUE;
    sqlite3_bind_int64(stmt, 1, (gint64)(c->revision - MON_CHANGES_KEPT));
    ok = wg_records_run(store, stmt);
  }
  if (ok && job->writes)
    mon_writes_run(store, job->writes);
  return TRUE;
}

/* What cannot be written for want of space is told all the same, unless it is a promise: then
 * nobody is told anything, and the caller hears the error. */
static void committed(const GError *error, gpointer data) {
  Job *job = data;
  MonRegistry *registry = job->registry;

  if (registry->closing) {
    kept_free(job->kept);
  } else if (error == NULL || job->done == NULL) {
    keep(registry->changes, job->kept);
    if (job->done)
      job->done(job->kept->change.revision, NULL, job->user_data);
    tell(registry->changes, &job->kept->change);
  } else {
    kept_free(job->kept);
    job->done(0, error, job->user_data);
  }
  g_clear_pointer(&job->writes, g_array_unref);
  g_free(job);
}

void mon_change_write(MonServiceEntry *entry, const char *name, const char *what, GArray *writes,
                      gboolean new_work, MonRegistryDone done, gpointer user_data) {
  MonRegistry *registry = entry->registry;
  Job *job = g_new0(Job, 1);

  entry->revision = ++registry->revision;
  *job = (Job){.registry = registry,
               .kept = kept_new(entry->revision, g_get_real_time(), name, what,
                                mon_service_state_name(entry->state), entry->reason),
               .writes = writes,
               .done = done,
               .user_data = user_data,
               .new_work = new_work};
  mon_store_do(registry->daemon->store, run, committed, job, new_work);
}

void mon_change_note(MonServiceEntry *entry, const char *what) {
  mon_change_write(entry, entry->spec->name, what, NULL, FALSE, NULL, NULL);
}

guint64 mon_registry_revision(const MonRegistry *registry) {
  const Kept *newest = g_queue_peek_tail(&registry->changes->kept);

  return newest ? newest->change.revision : 0;
}

guint mon_registry_listen(MonRegistry *registry, MonChangeFunc func, gpointer user_data) {
  Listener *listener = g_new0(Listener, 1);

  *listener = (Listener){++registry->changes->next_id, func, user_data};
  g_ptr_array_add(registry->changes->listeners, listener);
  return listener->id;
}

void mon_registry_unlisten(MonRegistry *registry, guint id) {
  GPtrArray *listeners = registry->changes->listeners;

  for (guint i = 0; i < listeners->len; i++)
    if (((Listener *)listeners->pdata[i])->id == id) {
      g_ptr_array_remove_index(listeners, i);
      return;
    }
}

gboolean mon_registry_changes(MonRegistry *registry, guint64 from, guint max, MonChangeFunc func,
                              gpointer user_data, guint64 *ret_least) {
  const Kept *oldest = g_queue_peek_head(&registry->changes->kept);
  guint n = 0;

  *ret_least = oldest ? oldest->change.revision - 1 : registry->revision;
  if (from < *ret_least || from > registry->revision)
    return FALSE;
  for (const GList *l = registry->changes->kept.head; l && n < max; l = l->next) {
    const Kept *kept = l->data;
    if (kept->change.revision <= from)
      continue;
    func(&kept->change, user_data);
    n++;
  }
  return TRUE;
}

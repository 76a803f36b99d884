/* store-writer-state.c: what the writer knows about its store, and the way back; see
 * store-writer.h.
 *
 * A failed transaction is judged by its cause. Full: the reserve is given up so that the rest goes
 * on. Read-only: only reading goes on. Damaged: salvaged at once. I/O error: tried once more, then
 * broken. In every state but OK the thread probes by itself, and only a write that has really
 * been synced, with the reserve restored, makes the store OK again. */
#include "common/error.h"
#include "common/store-internal.h"
#include "common/store-writer-internal.h"

#include <unistd.h>

#define PROBE_MAX_USEC (64 * G_USEC_PER_SEC) /* for salvages, which are expensive */
#define SPACE_USEC (G_USEC_PER_SEC / 5)
#define SALVAGE_USEC (10 * G_USEC_PER_SEC) /* damage again within that time is not repairable */

void wg_writer_stamp(WgWriter *w, gint64 when) {
  __atomic_store_n(&w->busy_since, when, __ATOMIC_RELAXED);
}

void wg_writer_set_state(WgWriter *w, WgStoreState state, const char *text, WgSalvage *take) {
  if (state == w->state && !take)
    return;
  if (state != w->state) {
    w->probe_wait = w->store->probe_usec;
    w->next_probe = g_get_monotonic_time() + w->probe_wait;
  }
  w->state = state;
  WgWriterEvent *event = g_new0(WgWriterEvent, 1);
  event->state = state;
  event->text = g_strdup(text);
  if (take)
    event->salvage = *take;
  wg_writer_push_event(w, event);
}

static gboolean on_new_connection(WgWriter *w, WgSalvage *salvage, GError **error) {
  return wg_writer_prepare(w, error) &&
         (!w->funcs.reopened || w->funcs.reopened(w->engine, salvage, error));
}

/* `damaged`: salvage it; else only open it again. Any failure makes the store unusable. */
static gboolean reopen(WgWriter *w, gboolean damaged, GError **error) {
  WgSalvage salvage = {0};
  wg_writer_sync_wait(w);
  wg_writer_unprepare(w);
  w->salvaged_at = g_get_monotonic_time();
  gboolean ok = damaged ? wg_store_reopen_damaged(w->store, &salvage, error)
                        : wg_store_reopen(w->store, error);
  ok = ok && on_new_connection(w, &salvage, error);
  w->unusable = !ok;
  w->damaged = damaged;
  if (ok && damaged)
    wg_writer_set_state(w, WG_STORE_OK, salvage.detail, &salvage);
  else
    wg_salvage_clear(&salvage);
  return ok;
}

static gboolean repair(WgWriter *w, const GError *cause) {
  g_autoptr(GError) error = NULL;
  gint64 now = g_get_monotonic_time();
  if (w->salvaged_at != 0 && now - w->salvaged_at < SALVAGE_USEC) {
    wg_writer_set_state(w, WG_STORE_BROKEN, cause->message, NULL);
    return FALSE;
  }
  if (reopen(w, TRUE, &error))
    return TRUE;
  wg_writer_set_state(w, WG_STORE_BROKEN, error->message, NULL);
  return FALSE;
}

static gboolean make_room(WgWriter *w, const GError *cause) {
  if (wg_store_release_reserve(w->store)) {
    wg_writer_set_state(w, WG_STORE_NEARLY_FULL, cause->message, NULL);
    return TRUE;
  }
  wg_writer_set_state(w, WG_STORE_FULL, cause->message, NULL);
  return FALSE;
}

gboolean wg_writer_judge(WgWriter *w, const GError *error, int rc, gboolean retried) {
  if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
    return repair(w, error);
  if (g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL))
    return make_room(w, error);
  if (g_error_matches(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY)) {
    wg_writer_set_state(w, WG_STORE_READ_ONLY, error->message, NULL);
    return FALSE;
  }
  if (retried && (rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN))
    wg_writer_set_state(w, WG_STORE_BROKEN, error->message, NULL);
  return FALSE;
}

void wg_writer_look_at_space(WgWriter *w) {
  gint64 now = g_get_monotonic_time();
  if (w->state != WG_STORE_OK || now - w->space_checked < SPACE_USEC)
    return;
  w->space_checked = now;
  if (wg_store_low_on_space(w->store))
    wg_writer_set_state(w, WG_STORE_NEARLY_FULL, "Store: the file system is nearly full", NULL);
}

gboolean wg_writer_may_write(WgWriter *w) {
  return !w->unusable && w->state < WG_STORE_FULL;
}

gboolean wg_writer_refuses(WgWriter *w, WgJob *job) {
  if (!job->new_work || (w->state != WG_STORE_NEARLY_FULL && w->state != WG_STORE_FULL))
    return FALSE;
  job->error = g_error_new_literal(WG_ERROR, WG_ERROR_STORE_FULL,
                                   "The disk is full or nearly so: nothing new is taken until "
                                   "there is room; what is stored is kept and worked off");
  return TRUE;
}

static gboolean can_be_written(WgWriter *w) {
  if (wg_store_is_read_only(w->store)) {
    g_autoptr(GError) error = NULL;
    if (!wg_store_may_write(w->store))
      return FALSE;
    if (!reopen(w, FALSE, &error)) {
      wg_writer_set_state(w, WG_STORE_BROKEN, error->message, NULL);
      return FALSE;
    }
  }
  wg_writer_sync_wait(w);
  return wg_store_try_write(w->store, NULL) && wg_writer_sync_now(w);
}

static void probe_unusable(WgWriter *w) {
  g_autoptr(GError) error = NULL;
  if (reopen(w, w->damaged, &error))
    wg_writer_set_state(w, WG_STORE_OK, "Store: it could be opened again", NULL);
  w->probe_wait = MIN(w->probe_wait * 2, PROBE_MAX_USEC);
}

void wg_writer_probe(WgWriter *w) {
  wg_writer_stamp(w, g_get_monotonic_time());
  if (w->unusable) {
    probe_unusable(w);
  } else if (can_be_written(w)) {
    gboolean full = w->state == WG_STORE_NEARLY_FULL || w->state == WG_STORE_FULL;
    if (!full || (wg_store_restore_reserve(w->store) && !wg_store_low_on_space(w->store)))
      wg_writer_set_state(w, WG_STORE_OK, "Store: it can be written again", NULL);
    else if (w->state == WG_STORE_FULL)
      wg_writer_set_state(w, WG_STORE_NEARLY_FULL, "Store: there is a little room again", NULL);
  }
  w->next_probe = g_get_monotonic_time() + w->probe_wait;
  wg_writer_stamp(w, 0);
}

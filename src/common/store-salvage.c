/* store-salvage.c: makes a sound store out of a damaged one; see store.h.
 *
 * Order, so that a crash at any point loses nothing:
 *   1. NAME.new is built from the old files, which are only read, and synced;
 *   2. it becomes NAME.salvaged: from here on it is complete;
 *   3. NAME-wal, NAME-shm and NAME become NAME.damaged-TIME...: kept, never deleted by us;
 *   4. NAME.salvaged becomes NAME.
 * A crash before 2 begins anew, one after 2 goes on with 3. An old WAL never lies beside a new
 * file under its name. The old store is read page by page and not through SQLite, which
 * gives up a whole page, or tree, for one wrong bit. */
#include "common/error.h"
#include "common/store-salvage-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *with_suffix(WgStore *store, const char *suffix) {
  return g_strconcat(store->path, suffix, NULL);
}

/* A name that nothing has yet, also when two salvages fall into one second. */
static char *damaged_name(WgStore *store) {
  char stamp[32];
  time_t now = time(NULL);
  struct tm tm;
  strftime(stamp, sizeof stamp, ".damaged-%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
  char *name = with_suffix(store, stamp);
  for (guint i = 2; access(name, F_OK) == 0; i++) {
    g_free(name);
    name = g_strdup_printf("%s%s.%u", store->path, stamp, i);
  }
  return name;
}

/* Steps 3 and 4. */
static gboolean exchange(WgStore *store, char **ret_kept_as, GError **error) {
  static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};
  g_autofree char *salvaged = with_suffix(store, WG_STORE_SUFFIX_SALVAGED);
  g_autofree char *kept = damaged_name(store);
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *from = with_suffix(store, suffixes[i]);
    g_autofree char *to = g_strconcat(kept, suffixes[i], NULL);
    if (access(from, F_OK) == 0 && !wg_store_rename(from, to, error))
      return FALSE;
  }
  if (!wg_store_rename(salvaged, store->path, error))
    return FALSE;
  *ret_kept_as = g_steal_pointer(&kept);
  return TRUE;
}

gboolean wg_store_finish_salvage(WgStore *store, WgSalvage *ret, GError **error) {
  g_autofree char *salvaged = with_suffix(store, WG_STORE_SUFFIX_SALVAGED);
  if (access(salvaged, F_OK) != 0)
    return TRUE;
  if (!exchange(store, &ret->kept_as, error))
    return FALSE;
  ret->happened = TRUE;
  ret->detail = g_strdup("a salvage that was interrupted has been finished");
  return TRUE;
}

static void read_all(Salvage *s) {
  wg_salvage_read_free_list(s);
  wg_salvage_find_roots(s);
  for (guint i = 0; i < s->tables->len; i++)
    wg_salvage_walk(s, s->tables->pdata[i]);
  wg_salvage_orphans(s);
  wg_salvage_insert_doubtful(s);
}

/* A refused page that no orphan makes up for had at least one row. A lost interior page leaves
 * several orphans for one refused; without rowids it had a row between each two of its children. */
static guint lost_with_pages(const SalvageTable *t) {
  if (t->refused >= t->orphans)
    return t->refused - t->orphans;
  return t->tree == WG_TREE_INDEX ? t->orphans - t->refused : 0;
}

static void sum_up(Salvage *s, const char *why, WgSalvage *ret) {
  g_autoptr(GString) text = g_string_new(why);
  for (guint i = 0; i < s->tables->len; i++) {
    SalvageTable *t = s->tables->pdata[i];
    t->lost += lost_with_pages(t);
    ret->rows_salvaged += t->salvaged;
    ret->rows_lost += t->lost;
    if (t->salvaged > 0 || t->lost > 0)
      g_string_append_printf(text,
                             "; %s %" G_GUINT64_FORMAT " salvaged, %" G_GUINT64_FORMAT " lost",
                             t->name, t->salvaged, t->lost);
  }
  /* Somebody's rows: a page is written when one of them has changed. */
  ret->rows_lost += s->pages->homeless;
  if (s->pages->homeless > 0 || s->pages->unsure > 0)
    g_string_append_printf(text, "; pages of the write-ahead log: %u lost, %u perhaps mistaken",
                           s->pages->homeless, s->pages->unsure);
  ret->detail = g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean copy_rows(WgStore *store, sqlite3 *to, const char *why, WgSalvage *ret,
                          GError **error) {
  g_autoptr(WgPages) pages = wg_pages_open(store->path);
  Salvage s = {.store = store, .pages = pages, .to = to};
  s.tables = g_ptr_array_new_with_free_func((GDestroyNotify)wg_salvage_table_free);
  s.free = g_hash_table_new(NULL, NULL);
  s.overflow = g_hash_table_new(NULL, NULL);
  s.claimed = g_new0(guint8, (gsize)pages->n_pages + 1);
  s.covered = g_malloc0(pages->page_size);
  /* Nothing relies on the new file before it is synced whole. */
  gboolean ok = wg_store_exec(to, "PRAGMA synchronous=OFF", error) &&
                wg_salvage_load_schema(&s, error) && wg_store_exec(to, "BEGIN", error);
  if (ok) {
    sqlite3_wal_autocheckpoint(to, 1000);
    read_all(&s);
    sum_up(&s, why, ret);
  }
  if (s.error)
    g_propagate_error(error, s.error);
  ok = ok && !s.error;
  g_ptr_array_unref(s.tables); /* with their statements, before the commit */
  ok = ok && wg_store_exec(to, "COMMIT", error);
  g_hash_table_unref(s.free);
  g_hash_table_unref(s.overflow);
  g_free(s.claimed);
  g_free(s.covered);
  return ok;
}

/* The version that the damaged file had, if its header can be believed; else 0: the newest. A newer
 * program's file is not ours to rewrite. */
static gboolean old_version(WgStore *store, guint *ret, GError **error) {
  guint newest = 0;
  g_autoptr(WgPages) pages = wg_pages_open(store->path);
  const guint8 *first = wg_pages_get(pages, 1);
  guint32 version = first ? wg_be32(first + 60) : 0, id = first ? wg_be32(first + 68) : 0;
  *ret = wg_store_application_id(version) == id ? version : 0;
  for (const WgMigration *m = store->migrations; m->version > 0; m++)
    newest = m->version;
  if (*ret <= newest)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
              "Store: it is damaged, and its schema is version %u while this program knows only up "
              "to version %u: only the newer program can salvage it",
              *ret, newest);
  return FALSE;
}

gboolean wg_store_salvage(WgStore *store, const char *why, WgSalvage *ret, GError **error) {
  g_autofree char *path = with_suffix(store, WG_STORE_SUFFIX_NEW);
  g_autofree char *salvaged = with_suffix(store, WG_STORE_SUFFIX_SALVAGED);
  guint version = 0;
  if (!old_version(store, &version, error))
    return FALSE;
  sqlite3 *to = wg_store_build(store, path, version, error);
  if (!to)
    return FALSE;
  gboolean ok = copy_rows(store, to, why, ret, error) &&
                wg_store_migrate(to, store->migrations, FALSE, 0, &store->version, error);
  if (ok)
    ok = sqlite3_close(to) == SQLITE_OK ||
         wg_store_set_error(to, error, "closing the salvaged store");
  else
    wg_store_abandon(to);
  ok = ok && wg_store_fsync_path(path, error) && wg_store_rename(path, salvaged, error) &&
       exchange(store, &ret->kept_as, error);
  if (ok)
    ret->happened = TRUE;
  else
    g_prefix_error(error, "Salvage (%s): ", why);
  return ok;
}

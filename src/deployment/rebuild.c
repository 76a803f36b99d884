/* rebuild.c: see rebuild.h. */
#include "deployment/rebuild.h"

#include "deployment/layout.h"
#include "deployment/record-audit.h"
#include "deployment/record-private.h"
#include "deployment/switch.h"
#include "deployment/tree.h"

#include "common/error.h"
#include "common/log.h"

#include <string.h>
#include <unistd.h>

/* What the chain says about one target. */
typedef struct {
  char *committed, *digest; /* the last release that was */
  guint64 committed_by;
  guint64 last;      /* the newest transaction */
  gboolean last_end; /* it has ended */
} Told;

static void told_free(gpointer data) {
  Told *told = data;

  g_free(told->committed);
  g_free(told->digest);
  g_free(told);
}

static void hear(GHashTable *all, const char *text) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  DplState state;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return;
  JsonObject *what = json_node_get_object(node);
  const char *target = json_object_get_string_member_with_default(what, "target", NULL);
  const char *release = json_object_get_string_member_with_default(what, "release", NULL);
  if (target == NULL ||
      !dpl_state_parse(json_object_get_string_member_with_default(what, "to", ""), &state))
    return;
  Told *told = g_hash_table_lookup(all, target);
  if (told == NULL) {
    told = g_new0(Told, 1);
    g_hash_table_insert(all, g_strdup(target), told);
  }
  told->last = (guint64)json_object_get_int_member_with_default(what, "deployment", 0);
  told->last_end = dpl_states[state].is_end && state != DPL_STATE_ROLLBACK_FAILED;
  if (state != DPL_STATE_COMMITTED || release == NULL)
    return;
  dpl_record_set(&told->committed, release);
  dpl_record_set(&told->digest, json_object_get_string_member_with_default(what, "digest", NULL));
  told->committed_by = told->last;
}

/* Only entries whose hash follows from the one before are believed. */
static GHashTable *listen(DplStore *store) {
  GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, told_free);
  guint8 before[DPL_AUDIT_HASH_SIZE] = {0}, hash[DPL_AUDIT_HASH_SIZE];
  guint64 expected = 1;
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT n, time, what, hash FROM audit ORDER BY n");

  while (stmt != NULL && wg_records_row(store, stmt)) {
    guint64 n = (guint64)sqlite3_column_int64(stmt, 0);
    const char *what = (const char *)sqlite3_column_text(stmt, 2);
    gboolean whole = what != NULL && sqlite3_column_bytes(stmt, 3) == DPL_AUDIT_HASH_SIZE;
    if (!whole)
      continue;
    const void *stored = sqlite3_column_blob(stmt, 3);
    dpl_audit_hash(before, n, sqlite3_column_int64(stmt, 1), what, hash);
    if (n == expected && memcmp(hash, stored, sizeof hash) == 0)
      hear(all, what);
    memcpy(before, stored, sizeof before);
    expected = n + 1;
  }
  return all;
}

static gboolean keep(DplStore *store, const DplTarget *t) {
  g_autofree char *text = dpl_target_text(t->name, t->root, t->good, t->good_txn, t->frozen);
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO target VALUES(?1, ?2, ?3, ?4, ?5, ?6)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text(stmt, 1, t->name, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, t->root, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 3, t->good, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, (sqlite3_int64)t->good_txn);
  sqlite3_bind_int64(stmt, 5, (sqlite3_int64)t->frozen);
  sqlite3_bind_int64(stmt, 6, wg_records_crc(0, text));
  return wg_records_run(store, stmt);
}

static gboolean is_live(const DplLoaded *loaded, const char *target) {
  for (guint i = 0; i < loaded->records->len; i++)
    if (g_str_equal(((const DplRecord *)loaded->records->pdata[i])->target, target))
      return TRUE;
  return FALSE;
}

/* The release that the chain calls good, if it is there and whole as far as a quick look tells. */
static gboolean is_there(int root, const Told *told) {
  return told != NULL && told->committed != NULL &&
         dpl_release_prove(root, told->committed, told->digest, DPL_PROOF_QUICK, NULL, NULL);
}

static void judge(DplTarget *t, const Told *told, gboolean live) {
  g_autoptr(GError) error = NULL;
  g_autofree char *current = NULL;
  int root = dpl_layout_open(t->root, t->name, FALSE, &error);

  if (root < 0 || !dpl_current_read(root, &current, &error)) {
    t->good_txn = 0;
    g_clear_pointer(&t->good, g_free);
    if (root >= 0)
      close(root);
    return;
  }
  gboolean good = told != NULL && is_there(root, told);
  close(root);
  dpl_record_set(&t->good, good ? told->committed : NULL);
  t->good_txn = good ? told->committed_by : 0;
  /* a transaction that goes on brings it to its end */
  gboolean known = current == NULL || (good && g_str_equal(current, t->good));
  if (live || (known && (told == NULL || told->last_end)))
    return;
  t->frozen = told != NULL && told->last != 0 ? told->last : 1;
  wg_log(LOG_ERR, WG_MSG_TARGET_UNKNOWN, WG_FIELDS(WG_FIELD_TARGET, t->name),
         "The store was damaged and nobody knows whether release %s of target %s is good; it is "
         "left as it is, and the next deployment there needs force",
         current != NULL ? current : "(none)", t->name);
}

static void add_sites(DplLoaded *loaded, const DplSites *sites) {
  for (guint i = 0; sites != NULL && i < dpl_sites_n(sites); i++) {
    const DplSite *site = dpl_sites_at(sites, i);
    if (g_hash_table_contains(loaded->targets, site->name))
      continue;
    DplTarget *target = dpl_target_new(site->name, site->root);
    g_hash_table_insert(loaded->targets, target->name, target);
  }
}

gboolean dpl_rebuild(DplStore *store, DplLoaded *loaded, const DplSites *sites, GError **error) {
  g_autoptr(GHashTable) all = listen(store);
  GHashTableIter iter;
  gpointer name, value;
  gboolean ok = TRUE;

  add_sites(loaded, sites);
  g_hash_table_iter_init(&iter, loaded->targets);
  while (ok && g_hash_table_iter_next(&iter, &name, &value)) {
    const Told *told = g_hash_table_lookup(all, name);
    judge(value, told, is_live(loaded, name));
    loaded->next_id = MAX(loaded->next_id, told != NULL ? told->last + 1 : 1);
    ok = keep(store, value);
  }
  return ok || wg_records_good(store, error);
}

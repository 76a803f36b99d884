/* test-record.c: records on a real disk: written and read again, damaged, lost; the audit chain;
 * targets of a store that was damaged; the recovery at boot. */
#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/layout.h"
#include "deployment/rebuild.h"
#include "deployment/record-audit.h"
#include "deployment/record-query.h"
#include "deployment/record-store.h"
#include "deployment/recover-offline.h"
#include "deployment/switch.h"
#include "deployment/tree.h"

#include "common/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define A "0123456789abcdef-20260101T000000Z"
#define B "fedcba9876543210-20260102T000000Z"

static char *dir;

static void setup(void) {
  dir = g_dir_make_tmp("waggle-record-XXXXXX", NULL);
  g_assert_nonnull(dir);
}

static void teardown(void) {
  char *argv[] = {(char *)"rm", (char *)"-rf", dir, NULL};

  g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_clear_pointer(&dir, g_free);
}

static DplStore *open_store(DplLoaded *loaded) {
  WgSalvage salvage = {0};
  g_autoptr(GError) error = NULL;
  DplStore *store = dpl_store_open(dir, &salvage, &error);

  g_assert_no_error(error);
  g_assert_true(dpl_store_load(store, loaded, &error));
  g_assert_no_error(error);
  wg_salvage_clear(&salvage);
  return store;
}

static DplRecord *make(guint64 id, const char *target, DplState state) {
  DplRecord *r = g_new0(DplRecord, 1);

  r->id = id;
  r->job = 7;
  r->target = g_strdup(target);
  r->root = g_build_filename(dir, target, NULL);
  r->state = state;
  r->created = 1000 + (gint64)id;
  r->to = g_strdup(B);
  r->digest = g_strdup("d1");
  r->writes = 1;
  return r;
}

static void put(DplStore *store, DplRecord *r, DplState state) {
  g_autoptr(GError) error = NULL;
  DplWrite write = {.record = r, .from = r->state, .is_new = r->writes == 1};

  write.good = state == DPL_STATE_COMMITTED;
  r->state = state;
  r->writes++;
  dpl_store_put_now(store, &write, 1, &error);
  g_assert_no_error(error);
}

static void run_sql(const char *sql) {
  g_autofree char *path = g_build_filename(dir, "deployments.db", NULL);
  sqlite3 *db = NULL;

  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close(db);
}

/* ---- the record as a text ---- */
static void test_text(void) {
  g_autoptr(DplRecord) r = make(1, "shop", DPL_STATE_STAGED);
  g_autoptr(GError) error = NULL;

  r->manifest = g_strdup("{\"name\":\"shop \\u00e9\"}");
  r->hold = TRUE;
  r->confirm_until = G_MAXINT64;
  r->kind = DPL_KIND_ROLLBACK;
  g_autofree char *text = dpl_record_to_text(r);
  g_autoptr(DplRecord) again = dpl_record_from_text(text, &error);
  g_assert_no_error(error);
  g_autofree char *second = dpl_record_to_text(again);
  g_assert_cmpstr(text, ==, second);
  g_assert_cmpint(again->confirm_until, ==, G_MAXINT64);
  g_assert_cmpint(again->kind, ==, DPL_KIND_ROLLBACK);
  g_autoptr(DplRecord) copy = dpl_record_copy(again);
  g_autofree char *third = dpl_record_to_text(copy);
  g_assert_cmpstr(text, ==, third);
}

static void test_bad_text(void) {
  static const char *const texts[] = {
      "",
      "[]",
      "{}",
      "{\"id\":1,\"kind\":\"deploy\",\"state\":\"staged\",\"target\":\"t\"}",
      "{\"id\":1,\"kind\":\"deploy\",\"state\":\"bogus\",\"target\":\"t\",\"root\":\"/r\"}",
      "{\"id\":\"1\",\"kind\":\"deploy\",\"state\":\"staged\",\"target\":\"t\",\"root\":\"/r\"}",
      "{\"id\":1,\"kind\":\"deploy\",\"state\":\"staged\",\"target\":5,\"root\":\"/r\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(dpl_record_from_text(texts[i], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  }
}

/* ---- the store ---- */
static void test_again(void) {
  g_auto(DplLoaded) first = {0}, second = {0};
  DplStore *store = open_store(&first);
  g_autoptr(DplRecord) r = make(first.next_id, "shop", DPL_STATE_VALIDATED);
  g_autoptr(DplRecord) other = make(first.next_id + 1, "other", DPL_STATE_VALIDATED);

  put(store, r, DPL_STATE_VALIDATED);
  put(store, r, DPL_STATE_BACKING_UP);
  put(store, other, DPL_STATE_VALIDATED);
  put(store, other, DPL_STATE_ABORTED);
  wg_records_free(store);
  store = open_store(&second);
  g_assert_false(second.rebuilt);
  g_assert_cmpuint(second.records->len, ==, 1); /* ends are history */
  const DplRecord *found = second.records->pdata[0];
  g_assert_cmpint(found->state, ==, DPL_STATE_BACKING_UP);
  g_assert_cmpuint(second.next_id, ==, 3);
  wg_records_free(store);
}

/* A damaged record is put aside and costs no other. */
static void test_damaged_record(void) {
  g_auto(DplLoaded) first = {0}, second = {0}, third = {0};
  DplStore *store = open_store(&first);

  for (guint64 id = 1; id <= 3; id++) {
    g_autofree char *name = g_strdup_printf("t%" G_GUINT64_FORMAT, id);
    g_autoptr(DplRecord) r = make(id, name, DPL_STATE_VALIDATED);
    put(store, r, DPL_STATE_VALIDATED);
  }
  wg_records_free(store);
  run_sql("UPDATE txn SET record = replace(record, 'shop', 'ship') || ' ' WHERE id = 2");
  store = open_store(&second);
  g_assert_true(second.rebuilt);
  g_assert_cmpuint(second.records->len, ==, 2);
  g_assert_cmpuint(second.next_id, ==, 4);
  wg_records_free(store);
  store = open_store(&third);
  sqlite3_stmt *stmt = wg_records_statement(store, "SELECT count(*) FROM quarantine");
  g_assert_true(wg_records_row(store, stmt));
  g_assert_cmpint(sqlite3_column_int(stmt, 0), ==, 1); /* kept once, however often it is met */
  sqlite3_finalize(stmt);
  wg_records_free(store);
}

static void count_audit(const char *sql, int expected) {
  g_autofree char *path = g_build_filename(dir, "deployments.db", NULL);
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;

  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
  guint8 before[DPL_AUDIT_HASH_SIZE] = {0}, hash[DPL_AUDIT_HASH_SIZE];
  int n = 0;
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    dpl_audit_hash(before, (guint64)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                   (const char *)sqlite3_column_text(stmt, 2), hash);
    g_assert_cmpmem(hash, sizeof hash, sqlite3_column_blob(stmt, 3), sqlite3_column_bytes(stmt, 3));
    memcpy(before, hash, sizeof before);
    n++;
  }
  g_assert_cmpint(n, ==, expected);
  sqlite3_finalize(stmt);
  sqlite3_close(db);
}

/* Each transition is one entry, and each hash follows from the one before. */
static void test_audit(void) {
  g_auto(DplLoaded) loaded = {0};
  DplStore *store = open_store(&loaded);
  g_autoptr(DplRecord) r = make(1, "shop", DPL_STATE_VALIDATED);

  put(store, r, DPL_STATE_VALIDATED);
  put(store, r, DPL_STATE_BACKING_UP);
  put(store, r, DPL_STATE_ABORTED);
  wg_records_free(store);
  count_audit("SELECT n, time, what, hash FROM audit ORDER BY n", 3);
}

/* ---- targets of a damaged store ---- */
static int make_target(const char *name) {
  g_autofree char *root = g_build_filename(dir, name, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint(g_mkdir(root, 0755), ==, 0);
  int fd = dpl_layout_open(root, name, TRUE, &error);
  g_assert_no_error(error);
  return fd;
}

/* A release with nothing in it, of the digest that its tree file has; `id` gets its name. */
static char *make_release(int root, const char *time, char **ret_digest) {
  g_autoptr(DplTree) tree = dpl_tree_new();
  DplEntry top = {.kind = DPL_ENTRY_DIRECTORY,
                  .mode = 0755,
                  .uid = DPL_TREE_OURS,
                  .gid = DPL_TREE_OURS,
                  .path = g_strdup(".")};
  gsize size;

  g_assert_true(dpl_tree_add(tree, &top));
  *ret_digest = dpl_tree_digest(tree);
  g_autofree char *text = dpl_tree_text(tree, &size);
  char *id = g_strdup_printf("%.16s-%s", *ret_digest, time);
  g_autofree char *path = g_build_filename(DPL_DIR_RELEASES, id, NULL);
  g_autofree char *file = g_strconcat(path, DPL_SUFFIX_TREE, NULL);
  g_assert_cmpint(mkdirat(root, path, 0755), ==, 0);
  g_assert_true(dpl_within_write(root, file, text, size, 0644, NULL));
  return id;
}

static void commit(DplStore *store, guint64 id, const char *release, const char *digest) {
  g_autoptr(DplRecord) r = make(id, "shop", DPL_STATE_VALIDATED);

  dpl_record_set(&r->to, release);
  dpl_record_set(&r->digest, digest);
  put(store, r, DPL_STATE_VALIDATED);
  put(store, r, DPL_STATE_COMMITTED);
  put(store, r, DPL_STATE_DONE);
}

static const DplTarget *rebuild(void) {
  static DplLoaded loaded;
  g_autoptr(GError) error = NULL;
  DplStore *store = open_store(&loaded);

  g_assert_true(dpl_rebuild(store, &loaded, NULL, &error));
  g_assert_no_error(error);
  wg_records_free(store);
  dpl_loaded_clear(&loaded);
  store = open_store(&loaded); /* it has been written */
  wg_records_free(store);
  return g_hash_table_lookup(loaded.targets, "shop");
}

static void test_rebuild(void) {
  g_auto(DplLoaded) loaded = {0};
  g_autofree char *digest = NULL, *again = NULL;
  int root = make_target("shop");
  g_autofree char *good = make_release(root, "20260101T000000Z", &digest);
  g_autofree char *unknown = make_release(root, "20260102T000000Z", &again);
  DplStore *store = open_store(&loaded);

  commit(store, 1, good, digest);
  g_assert_true(dpl_current_set(root, good, NULL));
  wg_records_free(store);
  run_sql("UPDATE target SET good = NULL, good_txn = 0, frozen = 0");
  const DplTarget *target = rebuild();
  g_assert_cmpstr(target->good, ==, good);
  g_assert_cmpuint(target->good_txn, ==, 1);
  g_assert_cmpuint(target->frozen, ==, 0);
  /* what nobody committed is not good, whatever the link says */
  g_assert_true(dpl_current_set(root, unknown, NULL));
  target = rebuild();
  g_assert_cmpstr(target->good, ==, good);
  g_assert_cmpuint(target->frozen, !=, 0);
  close(root);
}

/* An entry that was changed is not believed, nor is one whose release is not whole. */
static void test_rebuild_forged(void) {
  g_auto(DplLoaded) loaded = {0};
  g_autofree char *digest = NULL, *again = NULL;
  int root = make_target("shop");
  g_autofree char *good = make_release(root, "20260101T000000Z", &digest);
  g_autofree char *forged = make_release(root, "20260102T000000Z", &again);
  DplStore *store = open_store(&loaded);

  commit(store, 1, good, digest);
  wg_records_free(store);
  g_autofree char *sql =
      g_strdup_printf("UPDATE audit SET what = replace(what, '%s', '%s')", good, forged);
  run_sql(sql);
  g_assert_true(dpl_current_set(root, forged, NULL));
  const DplTarget *target = rebuild();
  g_assert_null(target->good);
  g_assert_cmpuint(target->frozen, !=, 0);
  close(root);
}

/* ---- the recovery at boot ---- */
static void offline(DplState state, gint64 confirm_until, gboolean back) {
  g_auto(DplLoaded) loaded = {0}, after = {0};
  g_autofree char *digest = NULL, *again = NULL, *units = g_build_filename(dir, "units", NULL);
  g_autoptr(GError) error = NULL;
  int root = make_target("shop");
  g_autofree char *old = make_release(root, "20260101T000000Z", &digest);
  g_autofree char *new = make_release(root, "20260102T000000Z", &again);
  DplStore *store = open_store(&loaded);
  g_autoptr(DplRecord) r = make(1, "shop", DPL_STATE_VALIDATED);
  DplOffline done;

  dpl_record_set(&r->from, old);
  dpl_record_set(&r->to, new);
  r->confirm_until = confirm_until;
  put(store, r, DPL_STATE_VALIDATED);
  put(store, r, state);
  wg_records_free(store);
  g_assert_true(dpl_current_set(root, new, NULL));
  g_assert_true(dpl_recover_offline(dir, units, NULL, &done, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(done.found, ==, dpl_states[state].is_end ? 0 : 1);
  g_assert_cmpuint(done.undone, ==, back);
  g_autofree char *current = NULL;
  g_assert_true(dpl_current_read(root, &current, NULL));
  g_assert_cmpstr(current, ==, back ? old : new);
  store = open_store(&after);
  if (!dpl_states[state].is_end)
    g_assert_cmpint(((DplRecord *)after.records->pdata[0])->state, ==,
                    back ? DPL_STATE_ROLLING_BACK : state);
  wg_records_free(store);
  close(root);
}

static void test_offline(void) {
  for (guint i = 0; i < _DPL_STATE_MAX; i++) {
    DplCrash crash = dpl_states[i].crash;
    if (i > 0) {
      teardown();
      setup();
    }
    offline((DplState)i, G_MAXINT64,
            crash == DPL_CRASH_ROLL_BACK || crash == DPL_CRASH_FINISH_OR_UNDO ||
                i == DPL_STATE_ROLLING_BACK);
  }
}

static void test_offline_late(void) {
  offline(DPL_STATE_VERIFIED, 1, TRUE);
}

static void test_offline_none(void) {
  DplOffline done;

  g_assert_true(dpl_recover_offline(dir, dir, NULL, &done, NULL));
  g_assert_cmpuint(done.found, ==, 0);
}

typedef struct {
  int unused;
} None;

static void set_up(None *none, gconstpointer func) {
  setup();
}

static void run(None *none, gconstpointer func) {
  ((void (*)(void))func)();
}

static void tear_down(None *none, gconstpointer func) {
  teardown();
}

static void add(const char *path, void (*func)(void)) {
  g_test_add(path, None, func, set_up, run, tear_down);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  add("/deployment/record/text", test_text);
  add("/deployment/record/bad-text", test_bad_text);
  add("/deployment/record/again", test_again);
  add("/deployment/record/damaged", test_damaged_record);
  add("/deployment/record/audit", test_audit);
  add("/deployment/rebuild/current", test_rebuild);
  add("/deployment/rebuild/forged", test_rebuild_forged);
  add("/deployment/offline/states", test_offline);
  add("/deployment/offline/late", test_offline_late);
  add("/deployment/offline/none", test_offline_none);
  return g_test_run();
}

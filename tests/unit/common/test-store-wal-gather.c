/* test-store-wal-gather.c: a commit is one write, seen by others at once, and whole or not at all.
 */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/store-internal.h"
#include "common/store-wal-gather.h"
#include "fault-vfs.h"
#include "store-fixture.h"

typedef struct {
  Fixture fx;
  WgStore *store;
  sqlite3 *db, *other;
} Test;

static void set_up(Test *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.vfs = "fault";
  t->store = fixture_open(&t->fx);
  t->db = wg_store_db(t->store);
  t->other = wg_store_connect_helper(t->store);
  g_assert_nonnull(t->other);
  wg_wal_gather(t->db);
  wg_wal_gather(t->db); /* once is enough */
  g_assert_true(wg_store_exec(t->db, "PRAGMA synchronous=NORMAL", NULL));
}

static void tear_down(Test *t, gconstpointer data) {
  wg_store_abandon(t->other);
  wg_store_close(t->store);
  fixture_clear(&t->fx);
}

static gboolean insert(Test *t, guint n, guint size) {
  g_autofree char *text = g_strdup_printf(
      "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %u) "
      "INSERT INTO message(sender, body, crc) SELECT 'a', randomblob(%u), 0 FROM c",
      n, size);
  return wg_store_exec(t->db, text, NULL);
}

static void assert_rows(sqlite3 *db, gint64 n) {
  g_assert_cmpint(fixture_int(db, "SELECT count(*) FROM message"), ==, n);
  g_assert_cmpint(fixture_int(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), ==,
                  1);
}

static void test_one_write(Test *t, gconstpointer data) {
  g_assert_true(insert(t, 1, 10)); /* begins the WAL */
  fault_set(0, 0, EIO);
  g_assert_true(insert(t, 20, 3000));
  g_assert_cmpint(g_atomic_int_get(&fault.ops), ==, 1);
  assert_rows(t->other, 21);
}

/* More than is kept, and pages that go on beside the row. */
static void test_large(Test *t, gconstpointer data) {
  g_assert_true(insert(t, 3, 300000));
  assert_rows(t->other, 3);
  g_assert_true(insert(t, 500, 1000));
  assert_rows(t->other, 503);
  g_assert_true(wg_store_exec(t->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL));
  g_assert_true(insert(t, 1, 1));
  assert_rows(t->other, 504);
}

/* Whichever of its writes fails, by a torn one: others do not see it, and the next is sound. */
static void test_fails(Test *t, gconstpointer data) {
  g_assert_true(insert(t, 1, 10));
  for (gint i = 1; i <= 4; i++) {
    fault_set(i, 1, ENOSPC);
    g_assert_false(insert(t, 3, 150000));
    fault_set(0, 0, EIO);
    assert_rows(t->other, i);
    g_assert_true(insert(t, 1, 100));
    assert_rows(t->other, i + 1);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  Fixture f; /* opening configures SQLite; a VFS can be registered only after that */
  fixture_init(&f);
  wg_store_close(fixture_open(&f));
  fixture_clear(&f);
  fault_vfs_register();
#define ADD(path, func) g_test_add("/store-wal-gather/" path, Test, NULL, set_up, func, tear_down)
  ADD("one-write", test_one_write);
  ADD("large", test_large);
  ADD("fails", test_fails);
  return g_test_run();
}

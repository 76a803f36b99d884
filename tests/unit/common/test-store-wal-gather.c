/* test-store-wal-gather.c: a commit is one write, seen by others at once, and whole or not at all.
 */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/store-internal.h"
#include "common/store-wal-gather.h"
#include "common/store-wal.h"
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

static gint64 wal_size(Test *t) {
  g_autofree char *path = g_strconcat(t->fx.path, "-wal", NULL);
  GStatBuf st;

  g_assert_cmpint(g_stat(path, &st), ==, 0);
  return st.st_size;
}

/* What a power cut would leave is sound, zeros and all. */
static void assert_survives(Test *t, gint64 n) {
  g_autofree char *path = g_build_filename(t->fx.dir, "cut.db", NULL), *why = NULL;
  const WgStoreOptions options = {.path = path, .migrations = fixture_migrations};
  g_autoptr(GError) error = NULL;

  for (const char *const *suffix = (const char *const[]){"", "-wal", NULL}; *suffix; suffix++) {
    g_autofree char *from = g_strconcat(t->fx.path, *suffix, NULL);
    g_autofree char *to = g_strconcat(path, *suffix, NULL), *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(from, &bytes, &size, NULL));
    g_assert_true(g_file_set_contents(to, bytes, (gssize)size, NULL));
  }
  g_assert_false(wg_store_wal_is_damaged(path, &why));
  WgStore *cut = wg_store_open(&options, NULL, &error);
  g_assert_no_error(error);
  g_assert_false(wg_store_was_salvaged(cut));
  assert_rows(wg_store_db(cut), n);
  wg_store_close(cut);
}

/* In steady use it is longer than what is in it, so that a commit does not make it grow; one that
 * is hardly used is not. */
static void test_ahead(Test *t, gconstpointer data) {
  g_assert_true(insert(t, 1, 10));
  g_assert_cmpint(wal_size(t), <, 64 * 1024);
  g_assert_true(insert(t, 100, 2000));
  gint64 size = wal_size(t);
  g_assert_cmpint(size, >, 2 * 200000);
  for (gint i = 0; i < 10; i++)
    g_assert_true(insert(t, 1, 1000));
  g_assert_cmpint(wal_size(t), ==, size);
  assert_rows(t->other, 111);
  assert_survives(t, 111);
  for (gint i = 0; i < 100; i++)
    g_assert_true(insert(t, 1, 20000));
  g_assert_cmpint(wal_size(t), >, 2000000);
  assert_rows(t->other, 211);
  assert_survives(t, 211);
  g_assert_true(wg_store_exec(t->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL));
  g_assert_cmpint(wal_size(t), ==, 0);
  g_assert_true(insert(t, 100, 2000));
  g_assert_cmpint(wal_size(t), >, 2 * 200000);
  assert_rows(t->other, 311);
}

/* No room for zeros is no failure of the commit before them. */
static void test_no_room_ahead(Test *t, gconstpointer data) {
  g_assert_true(insert(t, 5, 3000));
  g_assert_true(insert(t, 15, 3000));
  g_assert_cmpint(wal_size(t), <, 128 * 1024);
  fault_set(2, 1, ENOSPC); /* the first is the commit's */
  g_assert_true(insert(t, 25, 3000));
  g_assert_cmpint(g_atomic_int_get(&fault.hits), ==, 1);
  fault_set(0, 0, EIO);
  gint64 size = wal_size(t);
  g_assert_true(insert(t, 25, 3000));
  g_assert_cmpint(wal_size(t), >, size);
  assert_rows(t->other, 70);
  assert_survives(t, 70);
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
  ADD("ahead", test_ahead);
  ADD("no-room-ahead", test_no_room_ahead);
  return g_test_run();
}

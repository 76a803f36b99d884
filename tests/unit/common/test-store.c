/* test-store.c: opening, migrations, errors, quarantine, checking, space. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "store-fixture.h"

#include <sys/stat.h>

static const WgMigration three[] = {
    {1, "CREATE TABLE a(x)"},
    {2, "CREATE TABLE b(x); INSERT INTO b SELECT x FROM a"},
    {3, "ALTER TABLE b ADD COLUMN y DEFAULT 5"},
    {0},
};
static const WgMigration upto1[] = {{1, "CREATE TABLE a(x)"}, {0}};
static const WgMigration upto2[] = {
    {1, "CREATE TABLE a(x)"}, {2, "CREATE TABLE b(x); INSERT INTO b SELECT x FROM a"}, {0}};
static const WgMigration broken2[] = {
    {1, "CREATE TABLE a(x)"}, {2, "CREATE TABLE b(x); INSERT INTO nowhere VALUES(1)"}, {0}};

static void test_fresh(Fixture *f, gconstpointer data) {
  WgStore *store = fixture_open(f);
  g_assert_cmpuint(wg_store_version(store), ==, 1);
  g_assert_false(wg_store_is_read_only(store));
  struct stat st;
  g_assert_cmpint(stat(f->path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 0777, ==, 0600);
  wg_store_close(store);
  /* At rest a store is one file. */
  g_autofree char *wal = g_strconcat(f->path, "-wal", NULL);
  g_assert_false(g_file_test(wal, G_FILE_TEST_EXISTS));
}

static void test_migrate_from_each(Fixture *f, gconstpointer data) {
  const WgMigration *from[] = {upto1, upto2, three};
  for (guint i = 0; i < G_N_ELEMENTS(from); i++) {
    f->options.migrations = from[i];
    WgStore *store = fixture_open(f);
    g_assert_cmpuint(wg_store_version(store), ==, i + 1);
    if (i == 0)
      g_assert_true(wg_store_exec(wg_store_db(store), "INSERT INTO a VALUES(42)", NULL));
    wg_store_close(store);
    f->options.migrations = three;
    store = fixture_open(f);
    g_assert_cmpuint(wg_store_version(store), ==, 3);
    if (i == 0)
      g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT x * y FROM b"), ==, 210);
    wg_store_close(store);
    g_unlink(f->path);
  }
}

static void test_newer_refused(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  f->options.migrations = three;
  wg_store_close(fixture_open(f));
  f->options.migrations = upto1;
  g_assert_null(wg_store_open(&f->options, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "version 3"));
  g_assert_nonnull(strstr(error->message, "version 1"));
  f->options.migrations = three; /* it was not touched */
  WgStore *store = fixture_open(f);
  g_assert_cmpuint(wg_store_version(store), ==, 3);
  wg_store_close(store);
}

static void test_failed_migration(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  f->options.migrations = upto1;
  wg_store_close(fixture_open(f));
  f->options.migrations = broken2;
  g_assert_null(wg_store_open(&f->options, NULL, &error));
  g_assert_nonnull(strstr(error->message, "version 2"));
  f->options.migrations = upto1;
  WgStore *store = fixture_open(f);
  g_assert_cmpuint(wg_store_version(store), ==, 1);
  g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT count(*) FROM sqlite_schema "
                                                  "WHERE name = 'b'"),
                  ==, 0);
  wg_store_close(store);
}

static void test_quarantine(Fixture *f, gconstpointer data) {
  WgStore *store = fixture_open(f);
  g_autoptr(GError) error = NULL;
  sqlite3 *db = wg_store_db(store);
  g_assert_true(wg_store_quarantine(db, "message", 17, "checksum", "ab\0cd", 5, &error));
  g_assert_true(wg_store_quarantine(db, "message", 18, "empty", NULL, 0, &error));
  g_assert_cmpint(fixture_int(db, "SELECT count(*) FROM quarantine WHERE source = 'message' AND "
                                  "key = 17 AND bytes = x'6162006364' AND time > 0"),
                  ==, 1);
  g_assert_cmpint(fixture_int(db, "SELECT length(bytes) FROM quarantine WHERE key = 18"), ==, 0);
  wg_store_close(store);
}

static void test_crc(void) {
  /* A value that is stored must never change; each piece and its order count, and so does every
   * bit. */
  guint8 bytes[300] = {0};
  guint32 whole = wg_store_crc(0, bytes, sizeof bytes);
  g_assert_cmphex(wg_store_crc(0, "123456789", 9), ==, 0x157dcc74);
  g_assert_cmphex(wg_store_crc(wg_store_crc(0, "1234", 4), "56789", 5), !=,
                  wg_store_crc(wg_store_crc(0, "56789", 5), "1234", 4));
  for (gsize bit = 0; bit < 8 * sizeof bytes; bit++) {
    bytes[bit / 8] ^= 1 << bit % 8;
    g_assert_cmphex(wg_store_crc(0, bytes, sizeof bytes), !=, whole);
    bytes[bit / 8] ^= 1 << bit % 8;
  }
}

static void test_errors(Fixture *f, gconstpointer data) {
  WgStore *store = fixture_open(f);
  g_autoptr(GError) error = NULL;
  g_assert_null(wg_store_prepare(wg_store_db(store), "SELECT nothing FROM nowhere", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "nowhere"));
  wg_store_close(store);
}

static void test_check_sound(Fixture *f, gconstpointer data) {
  WgStore *store = fixture_open(f);
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) found = wg_store_check(wg_store_db(store), 10, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_strv_length(found), ==, 0);
  wg_store_close(store);
}

static void test_reserve(Fixture *f, gconstpointer data) {
  f->options.reserve_bytes = 1 << 20;
  WgStore *store = fixture_open(f);
  g_autofree char *reserve = g_strconcat(f->path, ".reserve", NULL);
  struct stat st;
  g_assert_cmpint(stat(reserve, &st), ==, 0);
  g_assert_cmpint(st.st_blocks * 512, >=, 1 << 20); /* space, not a hole */
  g_assert_true(wg_store_release_reserve(store));
  g_assert_false(wg_store_release_reserve(store));
  g_assert_cmpint(stat(reserve, &st), !=, 0);
  g_assert_true(wg_store_restore_reserve(store));
  g_assert_cmpint(stat(reserve, &st), ==, 0);
  wg_store_close(store);
}

static void test_low_water(Fixture *f, gconstpointer data) {
  WgStore *store = fixture_open(f);
  g_assert_false(wg_store_low_on_space(store));
  wg_store_close(store);
  f->options.low_water_bytes = 1;
  store = fixture_open(f);
  g_assert_false(wg_store_low_on_space(store));
  wg_store_close(store);
  f->options.low_water_bytes = G_MAXUINT64 / 2;
  store = fixture_open(f);
  g_assert_true(wg_store_low_on_space(store));
  wg_store_close(store);
}

static void set_up(Fixture *f, gconstpointer data) {
  fixture_init(f);
}

static void tear_down(Fixture *f, gconstpointer data) {
  fixture_clear(f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/store/" path, Fixture, NULL, set_up, func, tear_down)
  ADD("fresh", test_fresh);
  ADD("migrate-from-each", test_migrate_from_each);
  ADD("newer-refused", test_newer_refused);
  ADD("failed-migration", test_failed_migration);
  ADD("quarantine", test_quarantine);
  g_test_add_func("/store/crc", test_crc);
  ADD("errors", test_errors);
  ADD("check-sound", test_check_sound);
  ADD("reserve", test_reserve);
  ADD("low-water", test_low_water);
  return g_test_run();
}

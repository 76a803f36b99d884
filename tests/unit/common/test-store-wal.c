/* test-store-wal.c: a damaged or missing write-ahead log, and salvages that were cut short.
 *
 * What a commit promised must survive a wrong bit anywhere in the log but its very last commit,
 * and a log that a power cut has torn must not be called damaged. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "salvage-fixture.h"

#include "common/store-wal.h"

typedef struct {
  Fixture fx;
  char *wal_path, *file, *wal;
  gsize size, wal_size;
} Test;

/* The files as a killed process leaves them: all the rows are in the WAL. */
static void set_up(Test *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.migrations = salvage_migrations;
  t->wal_path = g_strconcat(t->fx.path, "-wal", NULL);
  wg_store_close(fixture_open(&t->fx));
  WgStore *store = fixture_open(&t->fx);
  salvage_fill(wg_store_db(store), 20);
  g_assert_true(g_file_get_contents(t->fx.path, &t->file, &t->size, NULL));
  g_assert_true(g_file_get_contents(t->wal_path, &t->wal, &t->wal_size, NULL));
  wg_store_close(store);
}

static void tear_down(Test *t, gconstpointer data) {
  g_free(t->file);
  g_free(t->wal);
  g_free(t->wal_path);
  fixture_clear(&t->fx);
}

static Count reopen(Test *t, const char *wal, gsize wal_size, WgSalvage *ret) {
  g_autoptr(GError) error = NULL;
  fixture_remove_dir(t->fx.dir);
  g_assert_cmpint(g_mkdir(t->fx.dir, 0700), ==, 0);
  g_assert_true(g_file_set_contents(t->fx.path, t->file, t->size, NULL));
  g_assert_true(g_file_set_contents(t->wal_path, wal, wal_size, NULL));
  WgStore *store = wg_store_open(&t->fx.options, ret, &error);
  g_assert_no_error(error);
  Count count = salvage_count(wg_store_db(store));
  g_auto(GStrv) found = wg_store_check(wg_store_db(store), 5, NULL);
  if (g_strv_length(found) > 0) {
    g_assert_true(wg_store_reopen_damaged(store, ret, NULL));
    count = salvage_count(wg_store_db(store));
  }
  wg_store_close(store);
  return count;
}

static void test_sound(Test *t, gconstpointer data) {
  WgSalvage salvage = {0};
  Count c = reopen(t, t->wal, t->wal_size, &salvage);
  g_assert_false(salvage.happened);
  g_assert_cmpuint(c.messages, ==, ROWS);
  g_assert_cmpuint(c.receipts, ==, RECEIPTS);
  g_assert_cmpuint(c.raised + c.wrong, ==, 0);
}

static void test_flips(Test *t, gconstpointer data) {
  WgWal wal;
  wg_wal_scan((const guint8 *)t->wal, t->wal_size, 0, &wal);
  g_assert_false(wg_wal_lost_commits(&wal));
  wg_wal_clear(&wal);
  guint n = g_test_slow() ? 2000 : 150;
  for (guint i = 0; i < n; i++) {
    WgSalvage salvage = {0};
    g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
    /* The last commit (the removal) is the one that cannot be told from a torn end. */
    gsize limit = (wal.n_frames - 120) * (gsize)(4096 + WG_WAL_FRAME_HEADER);
    gsize at = (gsize)g_test_rand_int_range(0, (gint32)(i % 2 ? limit : 200));
    if (i % 4 == 1) /* the header of a frame */
      at = WG_WAL_HEADER + at / (4096 + WG_WAL_FRAME_HEADER) * (4096 + WG_WAL_FRAME_HEADER) +
           at % 24;
    copy[at] ^= (char)(1 << g_test_rand_int_range(0, 8));
    Count c = reopen(t, copy, t->wal_size, &salvage);
    guint missing = ROWS - c.messages + RECEIPTS - c.receipts;
    if (missing > 4 || c.raised > 0)
      g_test_message("byte %d: %u missing, %u wrong, %u raised; %s", (int)at, missing, c.wrong,
                     c.raised, salvage.detail ? salvage.detail : "not noticed");
    g_assert_cmpuint(missing, <=, 4);
    g_assert_cmpuint(c.raised, ==, 0);
    g_assert_cmpuint(c.wrong, <=, 1);
    wg_salvage_clear(&salvage);
  }
}

/* However it is cut: no damage, and the rows are those of whole commits. */
static void test_torn(Test *t, gconstpointer data) {
  guint last = 0;
  for (gsize size = 0; size < t->wal_size; size += 4096 * 7 + 512) {
    WgSalvage salvage = {0};
    Count c = reopen(t, t->wal, size, &salvage);
    g_assert_false(salvage.happened);
    g_assert_cmpuint(c.wrong, ==, 0);
    g_assert_cmpuint((c.messages + c.raised) % 20, ==, 0);
    g_assert_cmpuint(c.messages, >=, last);
    last = c.messages;
  }
  g_assert_cmpuint(last, ==, ROWS);
}

/* The last commit is torn inside, its commit frame is there: what a power cut can leave. */
static void test_torn_inside(Test *t, gconstpointer data) {
  WgSalvage salvage = {0};
  const gsize step = 4096 + WG_WAL_FRAME_HEADER;
  guint frames = (guint)((t->wal_size - WG_WAL_HEADER) / step), commits = 0, end = 0;
  for (guint i = 0; i < frames && commits < 20; i++) {
    commits += memcmp(t->wal + WG_WAL_HEADER + i * step + 4, "\0\0\0", 4) != 0;
    end = i + 1;
  }
  g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
  memset(copy + WG_WAL_HEADER + (end - 2) * step + 1000, 0, 2000);
  Count c = reopen(t, copy, WG_WAL_HEADER + end * step, &salvage);
  g_assert_false(salvage.happened);
  g_assert_cmpuint(c.messages, ==, 19 * 20);
  g_assert_cmpuint(c.wrong, ==, 0);
}

static void test_file_missing(Test *t, gconstpointer data) {
  for (guint empty = 0; empty < 2; empty++) {
    WgSalvage salvage = {0};
    g_autoptr(GError) error = NULL;
    g_unlink(t->fx.path);
    if (empty)
      g_assert_true(g_file_set_contents(t->fx.path, "", 0, NULL));
    g_assert_true(g_file_set_contents(t->wal_path, t->wal, t->wal_size, NULL));
    WgStore *store = wg_store_open(&t->fx.options, &salvage, &error);
    g_assert_no_error(error);
    g_assert_true(salvage.happened);
    Count c = salvage_count(wg_store_db(store));
    g_assert_cmpuint(c.messages, ==, ROWS);
    g_assert_cmpuint(c.receipts, ==, RECEIPTS);
    g_assert_cmpuint(c.raised + c.wrong, ==, 0);
    wg_store_close(store);
    wg_salvage_clear(&salvage);
  }
}

/* A crash between any two renames of a salvage. */
static void test_interrupted(Test *t, gconstpointer data) {
  g_autofree char *done = g_strconcat(t->fx.path, ".salvaged", NULL);
  g_autofree char *begun = g_strconcat(t->fx.path, ".new", NULL);
  WgSalvage salvage = {0};
  Count c = reopen(t, t->wal, t->wal_size, &salvage);
  g_autofree char *sound = NULL;
  gsize size = 0;
  g_assert_true(g_file_get_contents(t->fx.path, &sound, &size, NULL));
  for (guint stage = 0; stage < 4; stage++) {
    fixture_remove_dir(t->fx.dir);
    g_assert_cmpint(g_mkdir(t->fx.dir, 0700), ==, 0);
    if (stage < 3) /* the old file, with and without its WAL */
      g_assert_true(g_file_set_contents(t->fx.path, t->file, t->size, NULL));
    if (stage < 2)
      g_assert_true(g_file_set_contents(t->wal_path, t->wal, t->wal_size, NULL));
    if (stage == 0) /* not complete: made anew, what is there does not count */
      g_assert_true(g_file_set_contents(begun, "half", 4, NULL));
    else
      g_assert_true(g_file_set_contents(done, sound, size, NULL));
    WgStore *store = wg_store_open(&t->fx.options, &salvage, NULL);
    g_assert_nonnull(store);
    g_assert_cmpint(salvage.happened, ==, stage > 0);
    c = salvage_count(wg_store_db(store));
    g_assert_cmpuint(c.messages, ==, ROWS);
    g_assert_cmpuint(c.raised + c.wrong, ==, 0);
    wg_store_close(store);
    wg_salvage_clear(&salvage);
    g_assert_false(g_file_test(done, G_FILE_TEST_EXISTS));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/store-wal/" path, Test, NULL, set_up, func, tear_down)
  ADD("sound", test_sound);
  ADD("flips", test_flips);
  ADD("torn", test_torn);
  ADD("torn-inside", test_torn_inside);
  ADD("file-missing", test_file_missing);
  ADD("interrupted", test_interrupted);
  return g_test_run();
}

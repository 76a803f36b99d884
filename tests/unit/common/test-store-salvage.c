/* test-store-salvage.c: what survives when bits flip, pages vanish and files end too early.
 *
 * The promise: a damaged place costs the records that lie in it and no other, no wrong row is
 * passed off as right, what is lost is reported, and nothing ever crashes. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "salvage-fixture.h"

typedef struct {
  Fixture fx;
  char *file;
  gsize size;
  guint worst;
} Test;

static void set_up(Test *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.migrations = salvage_migrations;
  WgStore *store = fixture_open(&t->fx);
  salvage_fill(wg_store_db(store), 100000);
  wg_store_close(store);
  g_assert_true(g_file_get_contents(t->fx.path, &t->file, &t->size, NULL));
}

static void tear_down(Test *t, gconstpointer data) {
  g_free(t->file);
  fixture_clear(&t->fx);
}

static void empty_dir(Test *t) {
  fixture_remove_dir(t->fx.dir);
  g_assert_cmpint(g_mkdir(t->fx.dir, 0700), ==, 0);
}

/* Opens a damaged copy as a service does, checks as `waggle fsck` does, salvages when either says
 * so, and counts what is there. */
static Count survive(Test *t, const char *bytes, gsize size, WgSalvage *ret) {
  g_autoptr(GError) error = NULL;
  empty_dir(t);
  g_assert_true(
      g_file_set_contents_full(t->fx.path, bytes, size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  WgStore *store = wg_store_open(&t->fx.options, ret, &error);
  g_assert_no_error(error);
  g_auto(GStrv) found = wg_store_check(wg_store_db(store), 5, &error);
  g_assert_no_error(error);
  if (g_strv_length(found) > 0) {
    g_assert_false(ret->happened); /* a salvaged store is sound */
    g_assert_true(wg_store_reopen_damaged(store, ret, &error));
    g_assert_no_error(error);
    g_auto(GStrv) again = wg_store_check(wg_store_db(store), 5, &error);
    g_assert_cmpuint(g_strv_length(again), ==, 0);
  }
  if (ret->happened) {
    g_assert_true(g_file_test(ret->kept_as, G_FILE_TEST_EXISTS));
    g_assert_nonnull(ret->detail);
  }
  Count count = salvage_count(wg_store_db(store));
  wg_store_close(store);
  return count;
}

static void count_sign(gpointer data) {
  ++*(guint *)data;
}

static void test_sound(Test *t, gconstpointer data) {
  WgSalvage salvage = {0};
  Count c = survive(t, t->file, t->size, &salvage);
  g_assert_false(salvage.happened);
  g_assert_cmpuint(c.messages, ==, ROWS);
  g_assert_cmpuint(c.receipts, ==, RECEIPTS);
  g_assert_cmpuint(c.wrong + c.raised, ==, 0);
  /* A salvage of what is sound takes all of it, and shows now and then that it is at work. */
  guint signs = 0;
  t->fx.options.progress = count_sign;
  t->fx.options.progress_data = &signs;
  WgStore *store = fixture_open(&t->fx);
  g_assert_true(wg_store_reopen_damaged(store, &salvage, NULL));
  g_assert_true(salvage.happened);
  g_assert_cmpuint(signs, >, 0);
  g_assert_cmpuint(salvage.rows_lost, ==, 0);
  g_assert_cmpuint(salvage.rows_salvaged, ==, ROWS + RECEIPTS);
  c = salvage_count(wg_store_db(store));
  g_assert_cmpuint(c.messages, ==, ROWS);
  g_assert_cmpuint(c.receipts, ==, RECEIPTS);
  g_assert_cmpuint(c.wrong + c.raised, ==, 0);
  wg_store_close(store);
  wg_salvage_clear(&salvage);
}

static void flip_at(Test *t, gsize byte, guint bit) {
  WgSalvage salvage = {0};
  g_autofree char *copy = g_memdup2(t->file, t->size);
  copy[byte] ^= (char)(1 << bit);
  Count c = survive(t, copy, t->size, &salvage);
  guint missing = ROWS - c.messages + RECEIPTS - c.receipts;
  if (g_test_verbose() || missing > 4 || c.raised > 0 ||
      (missing > c.wrong && salvage.rows_lost == 0))
    g_test_message("byte %" G_GSIZE_FORMAT " (page %d + %d) bit %u: %u missing, %u wrong, %u "
                   "raised; %s",
                   byte, (int)(byte / 4096) + 1, (int)(byte % 4096), bit, missing, c.wrong,
                   c.raised, salvage.detail ? salvage.detail : "not noticed");
  g_assert_cmpuint(c.raised, ==, 0);
  g_assert_cmpuint(missing, <=, 4);
  g_assert_cmpuint(c.wrong, <=, 1);
  if (missing > c.wrong)
    g_assert_cmpuint(salvage.rows_lost, >, 0);
  t->worst = MAX(t->worst, missing);
  wg_salvage_clear(&salvage);
}

static void test_flips_anywhere(Test *t, gconstpointer data) {
  guint n = g_test_slow() ? 5000 : 350;
  for (guint i = 0; i < n; i++)
    flip_at(t, (gsize)g_test_rand_int_range(0, (gint32)t->size), g_test_rand_int_range(0, 8));
  g_test_message("at most %u rows lost by one bit", t->worst);
}

/* A number of cells that is too small passes children over: whole pages of rows. Few pages have
 * any. */
static void test_flips_in_cell_counts(Test *t, gconstpointer data) {
  guint interior = 0;
  for (gsize page = 4096; page < t->size; page += 4096) {
    if (t->file[page] != 0x02 && t->file[page] != 0x05)
      continue;
    interior++;
    for (guint bit = 0; bit < 16; bit++)
      flip_at(t, page + 3 + bit / 8, bit % 8);
  }
  g_assert_cmpuint(interior, >, 0);
}

/* One in a child's number leads to another page: a free one with rows that were removed, one of
 * another table, a child that has been there already. Only the lowest byte leads into the file. */
static void test_flips_in_children(Test *t, gconstpointer data) {
  guint every = g_test_slow() ? 1 : 19, n = 0;
  for (gsize page = 4096; page < t->size; page += 4096) {
    const guint8 *p = (const guint8 *)t->file + page;
    if (*p != 0x02 && *p != 0x05)
      continue;
    for (guint bit = 0; bit < 8; bit++)
      flip_at(t, page + 11, bit);
    guint cells = (guint)p[3] << 8 | p[4];
    for (guint i = 0; i < cells; i++) {
      guint at = (guint)p[12 + 2 * i] << 8 | p[13 + 2 * i];
      for (guint bit = 0; bit < 8; bit++)
        if (n++ % every == 0)
          flip_at(t, page + at + 3, bit);
    }
  }
  g_assert_cmpuint(n, >, 0);
}

/* The list of free pages then names one that is not free, and misses one. */
static void test_flips_in_free_list(Test *t, gconstpointer data) {
  gsize trunk = ((gsize)(guint8)t->file[34] << 8 | (guint8)t->file[35]) - 1;
  guint n = (guint8)t->file[trunk * 4096 + 7];
  g_assert_cmpuint(n, >, 0);
  for (guint i = 0; i < n; i++)
    for (guint bit = 0; bit < 8; bit++)
      flip_at(t, trunk * 4096 + 8 + 4 * i + 3, bit);
}

/* Headers and pointers are a small part of the file: random places hardly meet them. */
static void test_flips_in_headers(Test *t, gconstpointer data) {
  guint pages = (guint)(t->size / 4096), n = g_test_slow() ? 5000 : 350;
  for (guint i = 0; i < n; i++) {
    gsize page = (gsize)g_test_rand_int_range(0, (gint32)pages) * 4096;
    flip_at(t, page + (gsize)g_test_rand_int_range(0, page == 0 ? 400 : 48),
            g_test_rand_int_range(0, 8));
  }
  g_test_message("at most %u rows lost by one bit", t->worst);
}

/* The version (60) and what says it again (68): a wrong one is no newer program's file. */
static void test_flips_in_version(Test *t, gconstpointer data) {
  for (guint bit = 0; bit < 32; bit++) {
    flip_at(t, 60 + bit / 8, bit % 8);
    flip_at(t, 68 + bit / 8, bit % 8);
  }
}

static void test_zeroed_page(Test *t, gconstpointer data) {
  for (gsize at = 0; at < t->size; at += 4096) {
    WgSalvage salvage = {0};
    g_autofree char *copy = g_memdup2(t->file, t->size);
    memset(copy + at, 0, 4096);
    Count c = survive(t, copy, t->size, &salvage);
    guint missing = ROWS - c.messages + RECEIPTS - c.receipts;
    g_assert_cmpuint(c.raised + c.wrong, <=, 1);
    if (missing > c.wrong && salvage.rows_lost == 0)
      g_test_message("page %d type %#x: %u missing (%u receipts); %s", (int)(at / 4096) + 1,
                     t->file[at], missing, RECEIPTS - c.receipts,
                     salvage.detail ? salvage.detail : "not noticed");
    /* A page of receipts holds many; a page of messages about a dozen. */
    g_assert_cmpuint(missing, <=, 200);
    if (missing > c.wrong)
      g_assert_cmpuint(salvage.rows_lost, >, 0);
    wg_salvage_clear(&salvage);
  }
}

static void test_truncated(Test *t, gconstpointer data) {
  guint last = 0;
  gsize step = g_test_slow() ? 512 : 512 * 37;
  for (gsize size = 0; size < t->size; size += step) {
    WgSalvage salvage = {0};
    Count c = survive(t, t->file, size, &salvage);
    g_assert_true(salvage.happened);
    g_assert_cmpuint(c.raised, ==, 0);
    g_assert_cmpuint(c.wrong, <=, 1);
    g_assert_cmpuint(c.messages + 2, >=, last); /* more file, more rows */
    last = c.messages;
    wg_salvage_clear(&salvage);
  }
  g_assert_cmpuint(last, >, ROWS / 2);
}

static void test_garbage(Test *t, gconstpointer data) {
  WgSalvage salvage = {0};
  g_autofree char *junk = g_malloc(100000);
  for (guint i = 0; i < 100000; i++)
    junk[i] = (char)g_test_rand_int_range(0, 256);
  Count c = survive(t, junk, 100000, &salvage);
  g_assert_true(salvage.happened);
  g_assert_cmpuint(c.messages + c.receipts + c.raised, ==, 0);
  g_autofree char *kept = NULL;
  gsize size = 0;
  g_assert_true(g_file_get_contents(salvage.kept_as, &kept, &size, NULL));
  g_assert_cmpmem(kept, size, junk, 100000);
  wg_salvage_clear(&salvage);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/store-salvage/" path, Test, NULL, set_up, func, tear_down)
  ADD("sound", test_sound);
  ADD("flips-anywhere", test_flips_anywhere);
  ADD("flips-in-cell-counts", test_flips_in_cell_counts);
  ADD("flips-in-children", test_flips_in_children);
  ADD("flips-in-free-list", test_flips_in_free_list);
  ADD("flips-in-headers", test_flips_in_headers);
  ADD("flips-in-version", test_flips_in_version);
  ADD("zeroed-page", test_zeroed_page);
  ADD("truncated", test_truncated);
  ADD("garbage", test_garbage);
  return g_test_run();
}

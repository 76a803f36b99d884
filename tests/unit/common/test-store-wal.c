/* test-store-wal.c: a damaged or missing write-ahead log, and salvages that were cut short.
 *
 * What a commit promised must survive a wrong bit anywhere in the log but its very last commit,
 * and a log that a power cut has torn must not be called damaged. What is lost is said. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "salvage-fixture.h"

#include "common/store-pages.h"
#include "common/store-wal.h"

#include <fcntl.h>
#include <unistd.h>

#define STEP ((gsize)(4096 + WG_WAL_FRAME_HEADER))

typedef struct {
  Fixture fx;
  char *wal_path, *file, *wal;
  gsize size, wal_size;
  guint last; /* frame that the last commit begins with: it cannot be told from a torn end */
} Test;

/* What is in the WAL. */
typedef struct {
  guint per_commit; /* rows, all of them; 0: 20 */
  guint used, seed; /* instead, so many commits in a store that is in the file */
} Content;

static guint8 *frame_of(const Test *t, guint i) {
  return (guint8 *)t->wal + WG_WAL_HEADER + i * STEP;
}

static gboolean is_commit(const Test *t, guint i) {
  return wg_be32(frame_of(t, i) + 4) != 0;
}

/* The files as a killed process leaves them. */
static void set_up(Test *t, gconstpointer data) {
  const Content *content = data;
  fixture_init(&t->fx);
  t->fx.options.migrations = salvage_migrations;
  t->wal_path = g_strconcat(t->fx.path, "-wal", NULL);
  wg_store_close(fixture_open(&t->fx));
  WgStore *store = fixture_open(&t->fx);
  salvage_fill(wg_store_db(store), content && content->per_commit ? content->per_commit : 20);
  if (content && content->used) {
    g_assert_true(wg_store_exec(wg_store_db(store), "PRAGMA wal_checkpoint(TRUNCATE)", NULL));
    salvage_use(wg_store_db(store), content->seed, content->used);
  }
  g_assert_true(g_file_get_contents(t->fx.path, &t->file, &t->size, NULL));
  g_assert_true(g_file_get_contents(t->wal_path, &t->wal, &t->wal_size, NULL));
  wg_store_close(store);
  t->last = (guint)((t->wal_size - WG_WAL_HEADER) / STEP) - 1;
  while (t->last > 0 && !is_commit(t, t->last - 1))
    t->last--;
}

static void tear_down(Test *t, gconstpointer data) {
  g_free(t->file);
  g_free(t->wal);
  g_free(t->wal_path);
  fixture_clear(&t->fx);
}

static void write_files(Test *t, const char *wal, gsize wal_size) {
  g_assert_true(
      g_file_set_contents_full(t->fx.path, t->file, t->size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_assert_true(
      g_file_set_contents_full(t->wal_path, wal, wal_size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static Count reopen(Test *t, const char *wal, gsize wal_size, WgSalvage *ret) {
  g_autoptr(GError) error = NULL;
  fixture_remove_dir(t->fx.dir);
  g_assert_cmpint(g_mkdir(t->fx.dir, 0700), ==, 0);
  write_files(t, wal, wal_size);
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

/* One wrong bit costs `most` rows, which are reported. */
static void flip_at(Test *t, gsize at, guint bit, guint most) {
  WgSalvage salvage = {0};
  g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
  copy[at] ^= (char)(1 << bit);
  Count c = reopen(t, copy, t->wal_size, &salvage);
  guint missing = ROWS - c.messages + RECEIPTS - c.receipts;
  gboolean honest = missing <= c.wrong || salvage.rows_lost > 0;
  if (missing > most || c.raised > 0 || c.wrong > 1 || !honest)
    g_test_message("byte %d (frame %d + %d) bit %u: %u missing, %u wrong, %u raised; %s", (int)at,
                   (int)((at - WG_WAL_HEADER) / STEP), (int)((at - WG_WAL_HEADER) % STEP), bit,
                   missing, c.wrong, c.raised, salvage.detail ? salvage.detail : "not noticed");
  g_assert_cmpuint(missing, <=, most);
  g_assert_cmpuint(c.raised, ==, 0);
  g_assert_cmpuint(c.wrong, <=, MIN(most, 1));
  g_assert_true(honest);
  if (most == 0)
    g_assert_cmpuint(salvage.rows_lost, ==, 0);
  wg_salvage_clear(&salvage);
}

static void test_flips(Test *t, gconstpointer data) {
  guint n = g_test_slow() ? 2000 : 40;
  gint32 limit = (gint32)(WG_WAL_HEADER + t->last * STEP);
  for (guint i = 0; i < n; i++)
    flip_at(t, (gsize)g_test_rand_int_range(0, i % 2 ? limit : 200), g_test_rand_int_range(0, 8),
            4);
}

/* Nothing that a frame's header says is lost with a bit of it. Content: the places of a b-tree's
 * page that tell how the rest is read, and some of the rest. */
static void test_flips_in_frames(Test *t, gconstpointer data) {
  guint salt = (guint)g_test_rand_int_range(0, 8), every = g_test_slow() ? 1 : 47 + salt;
  for (guint left = t->last; left > 0; left -= MIN(left, every)) {
    guint i = left - 1;
    const guint8 *page = frame_of(t, i) + WG_WAL_FRAME_HEADER;
    guint head = wg_be32(frame_of(t, i)) == 1 ? 100 : 0, interior = page[head] < 0x0a ? 4 : 0;
    guint n = wg_be16(page + head + 3), middle = (head + 8 + interior + n / 2 * 2) % 4090;
    guint cell = n > 0 && n < 1000 ? wg_be16(page + middle) % 4090 : 2000;
    const guint places[] = {head,       head + 1, head + 3,  head + 4, head + 5, head + 6,
                            head + 7,   head + 8, head + 11, middle,   cell,     cell + 1,
                            middle + 1, cell + 2, cell + 4,  cell + 5, 4095,     (i * 61) % 4096};
    for (guint k = 0; k < WG_WAL_FRAME_HEADER; k += g_test_slow() ? 1 : 11)
      flip_at(t, WG_WAL_HEADER + i * STEP + k, (i + k + salt) % 8, 0);
    for (guint k = i % 7; k < G_N_ELEMENTS(places); k += g_test_slow() ? 1 : 7)
      flip_at(t, WG_WAL_HEADER + i * STEP + WG_WAL_FRAME_HEADER + places[k], (i + k + salt) % 8, 4);
  }
}

static void flip_in_file(int fd, const Test *t, gsize at, guint bit, gboolean back) {
  guint8 byte = (guint8)t->wal[at] ^ (back ? 0 : (guint8)(1 << bit));
  g_assert_cmpint(pwrite(fd, &byte, 1, (off_t)at), ==, 1);
}

/* Each page is taken from where it is without the wrong bit. */
static void check_images(Test *t, const WgPages *sound, int fd, gsize at, guint bit) {
  g_autofree char *why = NULL;
  flip_in_file(fd, t, at, bit, FALSE);
  g_assert_true(wg_store_wal_is_damaged(t->fx.path, &why));
  g_autoptr(WgPages) pages = wg_pages_open(t->fx.path);
  g_assert_cmpuint(pages->n_pages, ==, sound->n_pages);
  g_assert_cmpuint(pages->homeless, ==, 0);
  for (guint i = 1; i <= sound->n_pages; i++) {
    if (pages->frame[i] != sound->frame[i])
      g_test_message("frame %d + %d bit %u: page %u", (int)((at - WG_WAL_HEADER) / STEP),
                     (int)((at - WG_WAL_HEADER) % STEP), bit, i);
    g_assert_cmpuint(pages->frame[i], ==, sound->frame[i]);
  }
  flip_in_file(fd, t, at, bit, TRUE);
}

/* A bit of each frame's header, and one of its content that the checksum takes for one of the page
 * number: no page is taken for another. */
static void test_images(Test *t, gconstpointer data) {
  write_files(t, t->wal, t->wal_size);
  g_autoptr(WgPages) sound = wg_pages_open(t->fx.path);
  int fd = open(t->wal_path, O_RDWR | O_CLOEXEC);
  for (guint i = 0; i < t->last; i++) {
    gsize at = WG_WAL_HEADER + i * STEP, word = WG_WAL_FRAME_HEADER + 8 * (2 + 3 * (i % 170));
    for (guint k = g_test_slow() ? 0 : i % 3; k < 8; k += g_test_slow() ? 1 : 3)
      check_images(t, sound, fd, at + 3, k); /* the lowest bits, which lead to pages that exist */
    for (guint k = g_test_slow() ? 0 : i * 37 % 192; k < 192; k += g_test_slow() ? 1 : 192)
      check_images(t, sound, fd, at + k / 8, k % 8);
    check_images(t, sound, fd, at + word + (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 3 : 0), 6 + i % 2);
  }
  close(fd);
}

/* The checksum of a frame, or of the log's header, may be what was hit: the next frame knows. */
static void test_flips_in_checksums(Test *t, gconstpointer data) {
  for (guint i = 0; i < 64; i++) {
    WgWal wal;
    guint frame = i % t->last;
    g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
    copy[WG_WAL_HEADER + frame * STEP + 16 + i / 8] ^= (char)(1 << i % 8);
    wg_wal_scan((const guint8 *)copy, t->wal_size, 0, &wal);
    g_assert_cmpuint(wal.first_bad, ==, frame);
    g_assert_true(wg_wal_lost_commits(&wal) && wal.good[frame] && wal.good[frame + 1]);
    wg_wal_clear(&wal);
    memcpy(copy, t->wal, t->wal_size);
    copy[24 + i / 8] ^= (char)(1 << i % 8);
    wg_wal_scan((const guint8 *)copy, t->wal_size, 0, &wal);
    g_assert_true(wal.header_bad && wg_wal_lost_commits(&wal) && wal.good[0]);
    wg_wal_clear(&wal);
  }
}

/* Writes that never reached the disk: there stand frames of an older log, sound in themselves. */
static void test_stale_frames(Test *t, gconstpointer data) {
  for (guint i = 100, n = 1; i + n < t->last; i += 61, n = n % 3 + 1) {
    WgSalvage salvage = {0};
    g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
    g_autofree char *lost = g_strdup_printf("pages of the write-ahead log: %u lost", n);
    guint8 *frame = (guint8 *)copy + WG_WAL_HEADER + i * STEP;
    memcpy(frame, frame_of(t, i / 2), n * STEP);
    for (guint k = 0; k < n; k++)
      memset(frame + k * STEP + 8, 0x5a, 8); /* the salt */
    Count c = reopen(t, copy, t->wal_size, &salvage);
    g_assert_true(salvage.happened);
    g_assert_cmpuint(salvage.rows_lost, >=, n);
    g_assert_nonnull(strstr(salvage.detail, lost));
    g_assert_cmpuint(c.raised + c.wrong, ==, 0);
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
  guint commits = 0, end = 0;
  for (; end < t->last && commits < 20; end++)
    commits += is_commit(t, end);
  for (guint stale = 0; stale < 2; stale++) {
    WgSalvage salvage = {0};
    g_autofree char *copy = g_memdup2(t->wal, t->wal_size);
    guint8 *frame = (guint8 *)copy + WG_WAL_HEADER + (end - 3) * STEP;
    if (stale) { /* what stood there before: the end of a commit in an older log */
      memset(frame + 1000, 0x5a, 2000);
      memset(frame + 4, 0x5a, 12);
    } else {
      memset(frame + 1000, 0, 2000);
    }
    Count c = reopen(t, copy, WG_WAL_HEADER + end * STEP, &salvage);
    g_assert_false(salvage.happened);
    g_assert_cmpuint(c.messages, ==, 19 * 20);
    g_assert_cmpuint(c.wrong, ==, 0);
  }
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
  static const Content many = {.per_commit = 100}, used = {.used = 20, .seed = 2};
#define ADD_WITH(path, func, content)                                                              \
  g_test_add("/store-wal/" path, Test, content, set_up, func, tear_down)
#define ADD(path, func) ADD_WITH(path, func, NULL)
  ADD("sound", test_sound);
  ADD("flips", test_flips);
  ADD("flips-in-frames", test_flips_in_frames);
  ADD_WITH("images", test_images, &many);
  ADD_WITH("images-used", test_images, &used);
  ADD_WITH("flips-in-checksums", test_flips_in_checksums, &many);
  ADD("stale-frames", test_stale_frames);
  ADD("torn", test_torn);
  ADD("torn-inside", test_torn_inside);
  ADD("file-missing", test_file_missing);
  ADD("interrupted", test_interrupted);
  return g_test_run();
}

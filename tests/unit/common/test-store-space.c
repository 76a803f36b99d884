/* test-store-space.c: a real file system that is full or read-only, and damage met while running.
 *
 * Needs root and a mount name space of its own; skipped with a reason elsewhere (the same paths are
 * tested by fault injection in test-store-faults.c). */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "writer-fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

static gboolean mount_at(const char *dir, unsigned long flags) {
  return mount("tmpfs", dir, "tmpfs", flags, "size=4m,mode=0700") == 0;
}

static gboolean enter(WriterTest *t) {
  static gboolean done;
  if (!done &&
      (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
    g_test_skip("needs the right to mount");
    return FALSE;
  }
  done = TRUE;
  if (mount_at(t->fx.dir, 0))
    return TRUE;
  g_test_skip("cannot mount a tmpfs");
  return FALSE;
}

static void leave(WriterTest *t) {
  g_assert_cmpint(umount2(t->fx.dir, MNT_DETACH), ==, 0);
}

/* Takes all the room there is; returns the file's name. */
static char *fill_up(WriterTest *t) {
  static const char block[65536];
  char *name = g_build_filename(t->fx.dir, "ballast", NULL);
  int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  for (gsize size = sizeof block; size > 0;)
    if (write(fd, block, size) <= 0)
      size /= 2;
  close(fd);
  return name;
}

static void test_full(WriterTest *t, gconstpointer data) {
  if (!enter(t))
    return;
  t->fx.options.reserve_bytes = 512 * 1024;
  g_assert_true(writer_start(t, NULL));
  for (gint64 id = 1; id <= 200; id++)
    g_assert_no_error(writer_one(t, id, TRUE));
  g_autofree char *ballast = fill_up(t);
  /* New work ends with a clear error, and nothing before that is lost. */
  gint64 id = 201;
  g_autoptr(GError) error = NULL;
  while (!(error = writer_one(t, id, TRUE)))
    g_assert_cmpint(id++, <, 100000);
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_NEARLY_FULL);
  /* What is not new goes on, from the reserve. */
  for (gint64 other = 200001; other <= 200030; other++)
    g_assert_no_error(writer_one(t, other, FALSE));
  g_assert_cmpint(g_unlink(ballast), ==, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 300000, TRUE));
  wg_writer_free(t->writer);
  WgStore *store = fixture_open(&t->fx);
  g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT count(*) FROM message"), ==,
                  id - 1 + 30 + 1);
  wg_store_close(store);
  leave(t);
}

static void test_low_water(WriterTest *t, gconstpointer data) {
  if (!enter(t))
    return;
  t->fx.options.low_water_bytes = 1024 * 1024;
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 1, TRUE));
  g_autofree char *ballast = fill_up(t);
  gint64 id = 2;
  g_autoptr(GError) error = NULL;
  while (!(error = writer_one(t, id, TRUE)))
    id++;
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_cmpint(g_unlink(ballast), ==, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, id, TRUE));
  wg_writer_free(t->writer);
  leave(t);
}

static void remount(WriterTest *t, unsigned long flags) {
  g_assert_cmpint(mount(NULL, t->fx.dir, NULL, MS_REMOUNT | MS_BIND | flags, NULL), ==, 0);
}

static void test_read_only(WriterTest *t, gconstpointer data) {
  g_autoptr(GError) none = NULL;
  if (!enter(t))
    return;
  remount(t, MS_RDONLY);
  g_assert_false(writer_start(t, &none)); /* nothing there, nothing can be made */
  g_assert_error(none, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
  g_assert_nonnull(strstr(none->message, t->fx.path));
  g_clear_error(&none);
  remount(t, 0);
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 1, TRUE));
  wg_writer_free(t->writer);
  remount(t, MS_RDONLY);
  g_assert_true(writer_start(t, &none) || (g_test_message("%s", none->message), FALSE));
  g_autoptr(GError) e = writer_one(t, 2, TRUE);
  g_assert_error(e, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_READ_ONLY);
  g_assert_no_error(writer_one(t, 0, FALSE));
  remount(t, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 2, TRUE));
  wg_writer_free(t->writer);
  leave(t);
}

/* A page goes bad under the running service: the job that meets it is run again on what was saved.
 */
static void test_damage_at_run_time(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  for (gint64 id = 1; id <= 100; id++)
    g_assert_no_error(writer_one(t, id, TRUE));
  wg_writer_free(t->writer);
  int fd = open(t->fx.path, O_RDWR | O_CLOEXEC);
  off_t end = lseek(fd, 0, SEEK_END);
  char junk[4096];
  memset(junk, 0xee, sizeof junk);
  g_assert_cmpint(pwrite(fd, junk, sizeof junk, end - 2 * (off_t)sizeof junk), ==, sizeof junk);
  close(fd);
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 0, FALSE));
  g_assert_true(t->salvaged);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 1000, TRUE));
  wg_writer_free(t->writer);
  WgStore *store = fixture_open(&t->fx);
  gint64 rows = fixture_int(wg_store_db(store), "SELECT count(*) FROM message");
  g_assert_cmpint(rows, >=, 90);
  g_assert_cmpint(rows, <=, 101);
  wg_store_close(store);
}

static void set_up(WriterTest *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.probe_msec = 20;
}

static void tear_down(WriterTest *t, gconstpointer data) {
  fixture_clear(&t->fx);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/store-space/" path, WriterTest, NULL, set_up, func, tear_down)
  ADD("full", test_full);
  ADD("low-water", test_low_water);
  ADD("read-only", test_read_only);
  ADD("damage-at-run-time", test_damage_at_run_time);
  return g_test_run();
}

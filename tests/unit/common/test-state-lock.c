/* test-state-lock.c: one holder at a time, named; no guess where state is kept. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/state-lock.h"

#include "common/error.h"
#include "common/names.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void test_one_holder(void) {
  g_autofree char *dir = g_dir_make_tmp("test-lock-XXXXXX", NULL);
  g_autofree char *note = g_build_filename(dir, WG_LOCK_FILE, NULL);
  g_autofree char *pid = g_strdup_printf("process %i", (int)getpid());
  g_autoptr(GError) error = NULL;
  WgStateLock *lock = wg_state_lock_new(dir, &error);

  g_assert_no_error(error);
  g_assert_null(wg_state_lock_new(dir, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LOCKED);
  g_assert_nonnull(strstr(error->message, dir));
  g_assert_nonnull(strstr(error->message, pid));
  g_clear_error(&error);

  /* Without the note the lock holds all the same, its holder only has no name. */
  g_assert_cmpint(g_unlink(note), ==, 0);
  g_assert_null(wg_state_lock_new(dir, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LOCKED);
  wg_state_lock_free(lock);

  lock = wg_state_lock_new(dir, NULL);
  g_assert_nonnull(lock);
  wg_state_lock_free(lock);
  g_assert_cmpint(g_rmdir(dir), ==, 0); /* nothing is left behind */
}

static void test_missing(void) {
  g_autoptr(GError) error = NULL;

  g_assert_null(wg_state_lock_new("/nonexistent/state", &error));
  g_assert_nonnull(strstr(error->message, "/nonexistent/state"));
}

static void test_state_dir(void) {
  g_autofree char *tmp = g_dir_make_tmp("test-lock-XXXXXX", NULL);
  g_autofree char *a = g_build_filename(tmp, "a", NULL), *b = g_build_filename(tmp, "b", NULL);
  g_autofree char *both = g_strconcat(b, ":/elsewhere", NULL);
  g_autoptr(GError) error = NULL;

  g_unsetenv("STATE_DIRECTORY");
  g_assert_null(wg_state_dir(NULL, "x", FALSE, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  g_setenv("STATE_DIRECTORY", both, TRUE);
  g_autofree char *from_systemd = wg_state_dir(NULL, "x", FALSE, NULL);
  g_assert_cmpstr(from_systemd, ==, b);
  g_autofree char *given = wg_state_dir(a, "x", FALSE, NULL);
  g_assert_cmpstr(given, ==, a);
  g_assert_true(g_file_test(a, G_FILE_TEST_IS_DIR) && g_file_test(b, G_FILE_TEST_IS_DIR));
  g_unsetenv("STATE_DIRECTORY");
  g_rmdir(a);
  g_rmdir(b);
  g_rmdir(tmp);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state-lock/one-holder", test_one_holder);
  g_test_add_func("/state-lock/missing", test_missing);
  g_test_add_func("/state-lock/state-dir", test_state_dir);
  return g_test_run();
}

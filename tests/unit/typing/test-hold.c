/* test-hold.c: a hold through restarts, reboots and damage, on clocks of the test's own. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/hold.h"

#include "common/clock.h"

#include <glib/gstdio.h>
#include <string.h>

#define SEC G_GINT64_CONSTANT(1000000)
#define BOOT_A "0123456789abcdef0123456789abcdef"
#define BOOT_B "fedcba9876543210fedcba9876543210"

typedef struct {
  char *dir, *path;
  guint n_changed, n_stored, n_failed;
} Rig;

/* The timer knows the real clock only: in a boot as long as this one it never fires. */
#define UPTIME (1000000000 * SEC)

static WgClockFake now;

static void rig_set_up(Rig *rig, gconstpointer data) {
  rig->dir = g_dir_make_tmp("waggle-hold-XXXXXX", NULL);
  rig->path = g_build_filename(rig->dir, "hold", NULL);
  now = (WgClockFake){BOOT_A, UPTIME, 1700000000 * SEC};
  wg_clock_set_fake(&now);
}

static void rig_tear_down(Rig *rig, gconstpointer data) {
  wg_clock_set_fake(NULL);
  (void)g_remove(rig->path);
  g_assert_cmpint(g_rmdir(rig->dir), ==, 0);
  g_free(rig->dir);
  g_free(rig->path);
}

static void changed(gpointer data) {
  ((Rig *)data)->n_changed++;
}

static void stored(const GError *error, gpointer data) {
  Rig *rig = data;

  rig->n_stored++;
  rig->n_failed += error != NULL;
}

static TypHold *open_hold(Rig *rig) {
  g_autoptr(GError) error = NULL;
  TypHold *hold = typ_hold_new(rig->dir, changed, rig, &error);

  g_assert_no_error(error);
  return hold;
}

static void wait_stored(Rig *rig, guint n) {
  while (rig->n_stored < n)
    g_main_context_iteration(NULL, TRUE);
}

static void set(Rig *rig, const char *reason, guint64 usec) {
  g_autoptr(TypHold) hold = open_hold(rig);
  guint n = rig->n_stored;

  typ_hold_set(hold, reason, usec, stored, rig);
  g_assert_cmpstr(typ_hold_reason(hold), ==, reason);
  wait_stored(rig, n + 1);
  g_assert_cmpuint(rig->n_failed, ==, 0);
}

static void assert_left(Rig *rig, guint64 left) {
  g_autoptr(TypHold) hold = open_hold(rig);

  g_assert_nonnull(typ_hold_reason(hold));
  g_assert_cmpuint(typ_hold_left(hold), ==, left);
}

static void assert_free(Rig *rig) {
  g_autoptr(TypHold) hold = open_hold(rig);

  g_assert_null(typ_hold_reason(hold));
}

static void test_restart(Rig *rig, gconstpointer data) {
  assert_free(rig);
  set(rig, "line\nbreak = \\ [Hold]", 0);
  g_autoptr(TypHold) hold = open_hold(rig);
  g_assert_cmpstr(typ_hold_reason(hold), ==, "line\nbreak = \\ [Hold]");
  g_assert_cmpuint(typ_hold_until(hold), ==, 0);
  typ_hold_release(hold, stored, rig);
  g_assert_null(typ_hold_reason(hold));
  wait_stored(rig, 2);
  assert_free(rig);
  g_assert_false(g_file_test(rig->path, G_FILE_TEST_EXISTS));
}

/* Within a boot the wall clock decides nothing. */
static void test_time_of_a_boot(Rig *rig, gconstpointer data) {
  set(rig, "a talk", 3600 * SEC);
  now.boottime += 600 * SEC;
  now.realtime += 99999 * SEC; /* somebody set it */
  assert_left(rig, 3000 * SEC);
  now.boottime += 3000 * SEC;
  assert_free(rig);
}

/* After another boot it does. */
static void test_time_over_a_reboot(Rig *rig, gconstpointer data) {
  set(rig, "a talk", 3600 * SEC);
  now = (WgClockFake){BOOT_B, UPTIME + 10 * SEC, now.realtime + 600 * SEC};
  assert_left(rig, 3000 * SEC);
  now = (WgClockFake){BOOT_B, UPTIME + 20 * SEC, now.realtime + 3001 * SEC};
  assert_free(rig);
}

static void test_damage(Rig *rig, gconstpointer data) {
  static const char *const texts[] = {
      "",
      "no key file",
      "[Hold]\nReason=x\n",
      "[Hold]\nReason=x\nBootId=short\nBase=1\nSet=1\nUntil=1\n",
      "[Hold]\nReason=x\nBootId=" BOOT_A "\nBase=x\nSet=1\nUntil=1\n",
      "[Hold]\nReason=x\nBootId=" BOOT_A "\nBase=1\nSet=1\nUntil=-5\n"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_assert_true(g_file_set_contents(rig->path, texts[i], -1, NULL));
    g_autoptr(TypHold) hold = open_hold(rig);
    g_assert_nonnull(strstr(typ_hold_reason(hold), "damaged"));
    g_assert_cmpuint(typ_hold_left(hold), ==, 0);
  }
}

static void test_last_change_wins(Rig *rig, gconstpointer data) {
  g_autoptr(TypHold) hold = open_hold(rig);

  for (guint i = 0; i < 50; i++) {
    g_autofree char *reason = g_strdup_printf("%u", i);
    typ_hold_set(hold, reason, 0, stored, rig);
    if (i % 7 == 3)
      typ_hold_release(hold, stored, rig);
  }
  wait_stored(rig, 57);
  g_autoptr(TypHold) again = open_hold(rig);
  g_assert_cmpstr(typ_hold_reason(again), ==, "49");
}

static void test_ends_by_itself(Rig *rig, gconstpointer data) {
  wg_clock_set_fake(NULL);
  g_autoptr(TypHold) hold = open_hold(rig);

  typ_hold_set(hold, "a moment", 50000, stored, rig);
  while (rig->n_changed == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_null(typ_hold_reason(hold));
  while (g_file_test(rig->path, G_FILE_TEST_EXISTS))
    g_main_context_iteration(NULL, FALSE);
}

static void test_freed_while_it_is_written(Rig *rig, gconstpointer data) {
  TypHold *hold = open_hold(rig);

  typ_hold_set(hold, "x", 0, stored, rig);
  typ_hold_free(hold);
  while (!g_file_test(rig->path, G_FILE_TEST_EXISTS))
    g_main_context_iteration(NULL, FALSE);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(rig->n_stored, ==, 0);
}

#define ADD(path, func) g_test_add(path, Rig, NULL, rig_set_up, func, rig_tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("/hold/restart", test_restart);
  ADD("/hold/boot", test_time_of_a_boot);
  ADD("/hold/reboot", test_time_over_a_reboot);
  ADD("/hold/damage", test_damage);
  ADD("/hold/last-change", test_last_change_wins);
  ADD("/hold/ends", test_ends_by_itself);
  ADD("/hold/freed", test_freed_while_it_is_written);
  return g_test_run();
}

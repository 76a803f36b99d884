/* test-idle.c: expiry needs silence and no business; activity and new limits move it. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/idle.h"

typedef struct {
  gboolean busy;
  guint n_asked, n_expired;
} Case;

static gboolean is_busy(gpointer user_data) {
  Case *c = user_data;

  c->n_asked++;
  return c->busy;
}

static void on_expired(gpointer user_data) {
  ((Case *)user_data)->n_expired++;
}

static void test_expires_once(void) {
  Case c = {0};
  WgIdle *idle = wg_idle_new(is_busy, on_expired, &c);
  gint64 begin = g_get_monotonic_time();

  wg_idle_set_limit(idle, 5000);
  while (c.n_expired == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 5000);
  g_assert_false(g_main_context_pending(NULL));
  g_assert_cmpuint(c.n_asked, ==, 1);
  wg_idle_free(idle);
}

static void test_busy(void) {
  Case c = {.busy = TRUE};
  WgIdle *idle = wg_idle_new(is_busy, on_expired, &c);

  wg_idle_set_limit(idle, 1000);
  while (c.n_asked < 3) /* asked again and again */
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpuint(c.n_expired, ==, 0);
  c.busy = FALSE;
  while (c.n_expired == 0)
    g_main_context_iteration(NULL, TRUE);
  wg_idle_free(idle);
}

/* The look that was planned comes, finds activity, and does not even ask. */
static void test_activity(void) {
  Case c = {0};
  WgIdle *idle = wg_idle_new(is_busy, on_expired, &c);

  wg_idle_set_limit(idle, 20000);
  g_usleep(10000);
  gint64 last = g_get_monotonic_time();
  wg_idle_activity(idle);
  while (c.n_expired == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(g_get_monotonic_time() - last, >=, 20000);
  g_assert_cmpuint(c.n_asked, ==, 1);
  wg_idle_free(idle);
}

static void test_never(void) {
  Case c = {0};
  WgIdle *idle = wg_idle_new(is_busy, on_expired, &c);

  wg_idle_set_limit(idle, 1);
  wg_idle_set_limit(idle, 0); /* takes back the one before */
  g_usleep(2000);
  g_assert_false(g_main_context_iteration(NULL, FALSE));
  wg_idle_set_limit(idle, G_MAXUINT64);
  g_assert_false(g_main_context_iteration(NULL, FALSE));
  g_assert_cmpuint(c.n_asked + c.n_expired, ==, 0);
  wg_idle_free(idle);
}

static void test_parse(void) {
  guint64 usec = 1;

  g_assert_true(wg_idle_parse("never", &usec, NULL));
  g_assert_cmpuint(usec, ==, 0);
  g_assert_true(wg_idle_parse("0", &usec, NULL));
  g_assert_cmpuint(usec, ==, 0);
  g_assert_true(wg_idle_parse("2min", &usec, NULL));
  g_assert_cmpuint(usec, ==, 120000000);
  g_assert_false(wg_idle_parse("Never!", &usec, NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/idle/expires-once", test_expires_once);
  g_test_add_func("/idle/busy", test_busy);
  g_test_add_func("/idle/activity", test_activity);
  g_test_add_func("/idle/never", test_never);
  g_test_add_func("/idle/parse", test_parse);
  return g_test_run();
}

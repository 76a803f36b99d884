/* test-timer-source.c: real timers, by events. Setting the machine's clock is no business of a
 * test, so the two system calls that would tell of it are played here. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/timer-source.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MSEC G_GINT64_CONSTANT(1000)

static gboolean cancel_next_read, cancel_next_settime;
static int last_fd, last_flags;

ssize_t read(int fd, void *buffer, size_t size) {
  ssize_t n = syscall(SYS_read, fd, buffer, size);

  if (!cancel_next_read || fd != last_fd || n < 0)
    return n;
  cancel_next_read = FALSE;
  errno = ECANCELED;
  return -1;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
  int r = syscall(SYS_timerfd_settime, fd, flags, value, old);

  last_fd = fd;
  last_flags = flags;
  if (!cancel_next_settime || r < 0)
    return r;
  cancel_next_settime = FALSE;
  errno = ECANCELED;
  return -1;
}

typedef struct {
  GSource *timer;
  guint n, n_set;
  gint64 rearm;
} Case;

static void on_timer(gboolean clock_was_set, gpointer user_data) {
  Case *c = user_data;

  c->n++;
  c->n_set += clock_was_set ? 1 : 0;
  if (c->rearm > 0)
    wg_timer_source_arm(c->timer, c->rearm);
  c->rearm = 0;
}

static void begin(Case *c, clockid_t clock) {
  *c = (Case){0};
  c->timer = wg_timer_source_new(clock, on_timer, c, NULL);
  g_assert_nonnull(c->timer);
}

static void wait_for(Case *c, guint n) {
  while (c->n < n)
    g_main_context_iteration(NULL, TRUE);
}

static void test_past(gconstpointer data) {
  Case c;

  begin(&c, GPOINTER_TO_INT(data));
  wg_timer_source_arm(c.timer, 1);
  wait_for(&c, 1);
  wg_timer_source_arm(c.timer, 0); /* not "disarm" */
  wait_for(&c, 2);
  wg_timer_source_arm(c.timer, G_MININT64);
  wait_for(&c, 3);
  g_assert_cmpuint(c.n_set, ==, 0);
  wg_timer_source_destroy(c.timer);
}

static void test_future(gconstpointer data) {
  clockid_t clock = GPOINTER_TO_INT(data);
  Case c;

  begin(&c, clock);
  gint64 (*now)(void) = clock == CLOCK_BOOTTIME ? wg_time_boottime : wg_time_realtime;
  gint64 when = now() + 20 * MSEC;
  wg_timer_source_arm(c.timer, when);
  wait_for(&c, 1);
  g_assert_cmpint(now(), >=, when);
  g_assert_cmpuint(c.n, ==, 1);
  wg_timer_source_destroy(c.timer);
}

/* Another timer that comes later is the proof that the first one did not come. */
static void test_disarm(void) {
  Case c, later;

  begin(&c, CLOCK_BOOTTIME);
  begin(&later, CLOCK_BOOTTIME);
  wg_timer_source_arm(c.timer, wg_time_boottime() + 2 * MSEC);
  wg_timer_source_arm(later.timer, wg_time_boottime() + 20 * MSEC);
  wg_timer_source_arm(c.timer, G_MAXINT64);
  wait_for(&later, 1);
  g_assert_cmpuint(c.n, ==, 0);
  wg_timer_source_destroy(c.timer);
  wg_timer_source_destroy(later.timer);
}

/* It has expired but was not dispatched when it is moved: the old time is forgotten. */
static void test_move_expired(void) {
  Case c, later;

  begin(&c, CLOCK_BOOTTIME);
  begin(&later, CLOCK_BOOTTIME);
  wg_timer_source_arm(c.timer, 1);
  wg_timer_source_arm(c.timer, wg_time_boottime() + 3600 * 1000 * MSEC);
  wg_timer_source_arm(later.timer, wg_time_boottime() + 5 * MSEC);
  wait_for(&later, 1);
  g_assert_cmpuint(c.n, ==, 0);
  wg_timer_source_destroy(c.timer);
  wg_timer_source_destroy(later.timer);
}

static void test_rearm_in_callback(void) {
  Case c;

  begin(&c, CLOCK_BOOTTIME);
  gint64 when = c.rearm = wg_time_boottime() + 10 * MSEC;
  wg_timer_source_arm(c.timer, 1);
  wait_for(&c, 2);
  g_assert_cmpint(wg_time_boottime(), >=, when);
  wg_timer_source_destroy(c.timer);
}

static void destroy_in_callback(gboolean clock_was_set, gpointer user_data) {
  Case *c = user_data;

  c->n++;
  wg_timer_source_destroy(c->timer);
}

static void test_destroy_in_callback(void) {
  Case c = {0};

  c.timer = wg_timer_source_new(CLOCK_BOOTTIME, destroy_in_callback, &c, NULL);
  wg_timer_source_arm(c.timer, 1);
  wait_for(&c, 1);
  g_assert_false(g_main_context_pending(NULL));
}

static void test_clock_set(void) {
  Case c;

  begin(&c, CLOCK_REALTIME);
  wg_timer_source_arm(c.timer, 1);
  g_assert_cmpint(last_flags, ==, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
  cancel_next_read = TRUE;
  wait_for(&c, 1);
  g_assert_cmpuint(c.n_set, ==, 1);
  wg_timer_source_destroy(c.timer);
}

static void test_clock_set_while_arming(void) {
  Case c;

  begin(&c, CLOCK_REALTIME);
  cancel_next_settime = TRUE;
  wg_timer_source_arm(c.timer, wg_time_realtime() + 5 * MSEC);
  wait_for(&c, 1);
  g_assert_cmpuint(c.n_set, ==, 1);
  wait_for(&c, 2); /* and the time itself still comes */
  g_assert_cmpuint(c.n_set, ==, 1);
  wg_timer_source_destroy(c.timer);
}

static void test_bad_clock(void) {
  g_autoptr(GError) error = NULL;

  g_assert_null(wg_timer_source_new(12345, on_timer, NULL, &error));
  g_assert_nonnull(error);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/timer-source/past/boottime", GINT_TO_POINTER(CLOCK_BOOTTIME), test_past);
  g_test_add_data_func("/timer-source/past/realtime", GINT_TO_POINTER(CLOCK_REALTIME), test_past);
  g_test_add_data_func("/timer-source/future/boottime", GINT_TO_POINTER(CLOCK_BOOTTIME),
                       test_future);
  g_test_add_data_func("/timer-source/future/realtime", GINT_TO_POINTER(CLOCK_REALTIME),
                       test_future);
  g_test_add_func("/timer-source/disarm", test_disarm);
  g_test_add_func("/timer-source/move-expired", test_move_expired);
  g_test_add_func("/timer-source/rearm-in-callback", test_rearm_in_callback);
  g_test_add_func("/timer-source/destroy-in-callback", test_destroy_in_callback);
  g_test_add_func("/timer-source/clock-set", test_clock_set);
  g_test_add_func("/timer-source/clock-set-while-arming", test_clock_set_while_arming);
  g_test_add_func("/timer-source/bad-clock", test_bad_clock);
  return g_test_run();
}

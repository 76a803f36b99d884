/* clock.c: see clock.h.
 *
 * Lasting time never goes back from one boot to the next, even where the machine has no
 * clock of its own and starts in 1970: the base of a boot is chosen so that its time begins
 * where the boot before was last seen. Within a boot the base is fixed, so nobody who sets
 * the clock moves a deadline. The only state of this file is the tests' fake. */
#include "common/clock.h"

#include "common/error.h"

#include <errno.h>
#include <systemd/sd-id128.h>
#include <time.h>

G_STATIC_ASSERT(sizeof((WgClock *)0)->boot_id == SD_ID128_STRING_MAX);

static const WgClockFake *clock_fake;

static gint64 read_clock(clockid_t id) {
  struct timespec ts;

  /* Both clocks exist on every kernel that systemd runs on. */
  if (clock_gettime(id, &ts) < 0)
    g_error("clock_gettime(%i): %s", (int)id, g_strerror(errno));
  return (gint64)ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
}

gint64 wg_time_realtime(void) {
  const WgClockFake *fake = g_atomic_pointer_get(&clock_fake);

  return fake ? fake->realtime : read_clock(CLOCK_REALTIME);
}

gint64 wg_time_boottime(void) {
  const WgClockFake *fake = g_atomic_pointer_get(&clock_fake);

  return fake ? fake->boottime : read_clock(CLOCK_BOOTTIME);
}

static gboolean read_boot_id(char ret[static SD_ID128_STRING_MAX], GError **error) {
  const WgClockFake *fake = g_atomic_pointer_get(&clock_fake);
  sd_id128_t id;

  if (fake) {
    g_strlcpy(ret, fake->boot_id, SD_ID128_STRING_MAX);
    return TRUE;
  }
  int r = sd_id128_get_boot(&id);
  if (r < 0)
    return wg_error_set_errno(error, r, "cannot read this boot's id");
  sd_id128_to_string(id, ret);
  return TRUE;
}

gboolean wg_clock_init(WgClock *clock, const char *stored_boot_id, gint64 stored_base,
                       gint64 last_seen, gboolean *ret_is_new, GError **error) {
  WgClock fresh = {0};

  if (!read_boot_id(fresh.boot_id, error))
    return FALSE;
  gboolean is_new = g_strcmp0(stored_boot_id, fresh.boot_id) != 0;
  if (is_new) {
    gint64 boottime = wg_time_boottime();
    fresh.base = MAX(wg_time_realtime(), last_seen) - boottime;
  } else {
    fresh.base = stored_base;
  }
  *clock = fresh;
  *ret_is_new = is_new;
  return TRUE;
}

gint64 wg_clock_now(const WgClock *clock) {
  return wg_time_boottime() + clock->base;
}

gint64 wg_clock_to_boottime(const WgClock *clock, gint64 lasting) {
  gint64 boottime;

  /* G_MAXINT64 stands for "never" and stays that. */
  if (lasting == G_MAXINT64 || __builtin_sub_overflow(lasting, clock->base, &boottime))
    return lasting > 0 ? G_MAXINT64 : G_MININT64;
  return boottime;
}

gint64 wg_clock_to_realtime(const WgClock *clock, gint64 lasting) {
  gint64 realtime;

  if (lasting == G_MAXINT64 ||
      __builtin_add_overflow(lasting, wg_time_realtime() - wg_clock_now(clock), &realtime))
    return lasting > 0 ? G_MAXINT64 : G_MININT64;
  return realtime;
}

void wg_clock_set_fake(const WgClockFake *fake) {
  g_atomic_pointer_set(&clock_fake, fake);
}

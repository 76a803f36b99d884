/* load-common.c: the options that every check has. The list here is the only one: the manual and
 * the tests of the types' tables compare with it. */
#include "checks/load-internal.h"

#include <string.h>

const char *const chk_common_options[] = {
    "name",     "expect",    "warn",    "requires",      "level", "attempts", "pause",
    "back-off", "successes", "timeout", "initial-delay", "tags",  "hint",     "priority",
    "secret",   "unit",      NULL};

const char *const chk_level_words[] = {"required", "wanted", NULL};
const char *const chk_priority_words[] = {"critical", "high", "normal", NULL};

gboolean chk_is_common_option(const char *name) {
  return g_strv_contains(chk_common_options, name);
}

void chk_load_common(WgReader *reader, ChkDefaults *d) {
  const guint64 hour = 3600 * (guint64)G_USEC_PER_SEC;

  d->level = (ChkLevel)wg_reader_word(reader, "level", chk_level_words, (int)d->level);
  d->priority =
      (ChkPriority)wg_reader_word(reader, "priority", chk_priority_words, (int)d->priority);
  d->attempts = (guint)wg_reader_int(reader, "attempts", 1, 1000, d->attempts);
  d->successes = (guint)wg_reader_int(reader, "successes", 1, 1000, d->successes);
  d->pause = wg_reader_usec(reader, "pause", 0, hour, d->pause);
  d->timeout = wg_reader_usec(reader, "timeout", 1000, hour, d->timeout);
  d->initial_delay = wg_reader_usec(reader, "initial-delay", 0, hour, d->initial_delay);
  d->back_off = wg_reader_number(reader, "back-off", d->back_off);
  if (d->back_off < 1 || d->back_off > 100) {
    wg_reader_problem(reader, "back-off", "the factor of the pauses is from 1 to 100");
    d->back_off = 1;
  }
}

/* fuzz-calendar.c: any bytes as a calendar expression. It is refused with a sentence; or it is told
 * back as it was written, its next instant lies ahead, and that one it names. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/calendar.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const gint64 moments[] = {0, 1700000000 * G_TIME_SPAN_SECOND,
                                   4102444799 * G_TIME_SPAN_SECOND};
  g_autofree char *text = g_strndup((const char *)data, MIN(size, 500));
  g_autoptr(GError) error = NULL;
  g_autoptr(WgCalendar) calendar = wg_calendar_parse(text, &error);

  g_assert_true((calendar == NULL) == (error != NULL));
  if (error) {
    g_assert_true(*error->message && g_utf8_validate(error->message, -1, NULL));
    return 0;
  }
  g_assert_cmpstr(wg_calendar_text(calendar), ==, text);
  for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
    gint64 next = wg_calendar_next(calendar, moments[i]);
    (void)wg_calendar_contains(calendar, moments[i]);
    g_assert_cmpint(next, >, moments[i]);
  }
  return 0;
}

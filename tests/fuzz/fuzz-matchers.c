/* fuzz-matchers.c: any bytes as matchers of alerts. They are refused with a sentence; or they read
 * the same again as they are written, and say yes or no to any alert. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/matchers.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) matchers = mon_matchers_parse(text, &error);
  g_autoptr(MonLabels) labels = mon_labels_new("alertname", "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                               "severity", "critical", "a", "b\nc", NULL);

  g_assert_true((matchers == NULL) == (error != NULL));
  if (error) {
    g_assert_true(*error->message && g_utf8_validate(error->message, -1, NULL));
    return 0;
  }
  g_assert_cmpuint(matchers->len, <=, MON_MATCHERS_MAX);
  (void)mon_matchers_all_hold(matchers, labels);
  g_autofree char *written = mon_matchers_text(matchers);
  if (strlen(written) > MON_MATCHERS_BYTES_MAX) /* escapes make it longer */
    return 0;
  g_autoptr(GPtrArray) again = mon_matchers_parse(written, &error);
  g_assert_no_error(error);
  g_autofree char *same = mon_matchers_text(again);
  g_assert_cmpstr(same, ==, written);
  return 0;
}

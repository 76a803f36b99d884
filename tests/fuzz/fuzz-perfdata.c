/* fuzz-perfdata.c: any bytes as the output of a monitoring plugin. Whatever comes in, what goes out
 * is finite, named and bounded, and a range that was taken says the same of a value twice. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/perfdata.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const ChkRange *range) {
  static const double values[] = {-1e308, -1, 0, 0.5, 10, 1e308};

  if (!range->set)
    return;
  g_assert_false(isnan(range->start) || isnan(range->end));
  g_assert_cmpfloat(range->start, <=, range->end);
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    ChkRange other = *range;
    other.inside = !range->inside; /* '@' turns every answer round */
    g_assert_true(chk_range_alerts(range, values[i]) != chk_range_alerts(&other, values[i]));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_utf8_make_valid((const char *)data, (gssize)size);
  g_autoptr(ChkPlugin) plugin = chk_plugin_parse(text);

  g_assert_null(strchr(plugin->text, '\n'));
  g_assert_null(strchr(plugin->text, '|'));
  g_assert_null(strchr(plugin->long_text, '|'));
  g_assert_cmpuint(plugin->perf->len, <=, 4096);
  g_assert_true((plugin->bad > 0) == (plugin->first_bad != NULL));
  for (guint i = 0; i < plugin->perf->len; i++) {
    const ChkPerf *perf = plugin->perf->pdata[i];
    g_assert_cmpuint(strlen(perf->label), >, 0);
    g_assert_nonnull(perf->uom);
    g_assert_true(isfinite(perf->value) && isfinite(perf->min) && isfinite(perf->max));
    check_range(&perf->warn);
    check_range(&perf->critical);
  }
  return 0;
}

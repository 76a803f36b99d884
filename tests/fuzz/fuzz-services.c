/* fuzz-services.c: any bytes as a service that somebody registers, which is what stands in a file
 * of services.d. It is refused with a sentence; or it has a good name, an interval for each probe
 * that is looked at, and is equal to itself read again. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/service-spec.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autoptr(GError) error = NULL;
  MonServiceSpec *spec = mon_service_from_text(text, &error);

  g_assert_true((spec == NULL) == (error != NULL));
  if (error) {
    g_assert_true(*error->message && g_utf8_validate(error->message, -1, NULL));
    return 0;
  }
  MonServiceSpec *again = mon_service_from_text(text, &error);
  g_assert_no_error(error);
  g_assert_true(mon_service_spec_equal(spec, again));
  g_assert_true(mon_name_is_good(spec->name));
  for (guint i = 0; i < spec->probes->len; i++) {
    const MonProbeSpec *probe = spec->probes->pdata[i];
    g_assert_true(mon_name_is_good(probe->name));
    g_assert_cmpuint(probe->interval, >=, MON_PROBE_INTERVAL_MIN);
    (void)mon_probe_spec_is_quiet(probe, 1700000000 * G_TIME_SPAN_SECOND);
  }
  mon_service_spec_unref(again);
  mon_service_spec_unref(spec);
  return 0;
}

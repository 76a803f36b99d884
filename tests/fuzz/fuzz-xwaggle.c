/* fuzz-xwaggle.c: any bytes as two files of a unit with sections [X-Waggle] (what stands before a
 * byte 0 and behind it). There is no section; or it is refused with a problem; or it is a service
 * with a name, and probes with names. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/xwaggle.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *bytes = g_strndup((const char *)data, size);
  g_autofree char *text = g_utf8_make_valid(bytes, -1);
  gsize first = strlen(bytes);
  g_autofree char *rest =
      first < size ? g_strndup((const char *)data + first + 1, size - first - 1) : g_strdup("");
  g_autofree char *drop_in = g_utf8_make_valid(rest, -1);
  g_autoptr(MonXWaggle) x = mon_xwaggle_new("getty@tty1.service");
  g_autoptr(WgProblems) problems = wg_problems_new();
  gboolean found = mon_xwaggle_add(x, text, "/a.service", problems);

  found = mon_xwaggle_add(x, drop_in, "/a.service.d/b.conf", problems) || found;
  MonServiceSpec *spec = mon_xwaggle_service(x, problems);
  g_assert_true(found || spec == NULL);
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *p = wg_problems_at(problems, i);
    g_assert_true(*p->text && g_utf8_validate(p->text, -1, NULL));
  }
  if (spec == NULL)
    return 0;
  g_assert_nonnull(spec->name);
  for (guint i = 0; i < spec->probes->len; i++)
    g_assert_nonnull(((MonProbeSpec *)spec->probes->pdata[i])->name);
  mon_service_spec_unref(spec);
  return 0;
}

/* fuzz-deb.c: any bytes as the control file and as the conffiles of a package. What is accepted has
 * a name, a version and an architecture that may stand in a line of a report. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/deb.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text) {
  g_assert_true(!text || (g_utf8_validate(text, -1, NULL) && !strchr(text, '\n')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplDeb) deb = dpl_deb_parse((const char *)data, size, &error);

  g_assert_true((deb == NULL) == (error != NULL));
  if (!deb)
    return 0;
  g_assert_true(*deb->package && *deb->version && *deb->architecture);
  g_assert_null(strchr(deb->package, '/'));
  check_text(deb->package);
  check_text(deb->version);
  check_text(deb->architecture);
  check_text(deb->depends);
  check_text(deb->pre_depends);
  check_text(deb->description);
  dpl_deb_parse_conffiles(deb, (const char *)data, size);
  for (guint i = 0; deb->conffiles[i]; i++)
    check_text(deb->conffiles[i]);
  return 0;
}

/* unit-directory.c: see unit-directory.h. Never the vendor's directory: a package owns that. */
#include "deployment/unit-directory.h"

#include "common/names.h"

char *dpl_unit_directory(gboolean user) {
  const char *given = g_getenv(WG_ENV_UNIT_DIR);

  if (given != NULL && given[0] == '/')
    return g_strdup(given);
  if (!user)
    return g_strdup(DPL_SYSTEM_UNIT_DIR);
  return g_build_filename(g_get_user_config_dir(), "systemd", "user", NULL);
}

char *dpl_unit_directory_runtime(gboolean user, const char *given) {
  const char *other = g_getenv(WG_ENV_UNIT_DIR);

  if (given != NULL && given[0] != '\0')
    return g_strdup(given);
  if (other != NULL && other[0] == '/')
    return g_strdup(other);
  if (!user)
    return g_strdup(DPL_RUNTIME_UNIT_DIR);
  return g_build_filename(g_get_user_runtime_dir(), "systemd", "user", NULL);
}

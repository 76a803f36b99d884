/* unit-name.c: see unit-name.h. */
#include "checks/unit-name.h"

#include "common/error.h"

#include <string.h>

#define NAME_MAX_LENGTH 255

static const char *const suffixes[] = {".service", ".socket",    ".timer", ".mount",
                                       ".target",  ".path",      ".slice", ".scope",
                                       ".swap",    ".automount", ".device"};

static gboolean has_suffix(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (g_str_has_suffix(name, suffixes[i]))
      return TRUE;
  return FALSE;
}

char *chk_unit_name(const char *name) {
  return has_suffix(name) ? g_strdup(name) : g_strconcat(name, ".service", NULL);
}

gboolean chk_unit_name_is_good(const char *name, GError **error) {
  g_autofree char *full = chk_unit_name(name);
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
  gsize length = strlen(full);
  const char *at = strchr(full, '@');

  if (*name && *full != '.' && *full != '@' && length <= NAME_MAX_LENGTH &&
      strspn(full, allowed) == length &&
      !(at && at[1] == '.' && has_suffix(at + 1) && strchr(at + 2, '.') == NULL))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              at && at[1] == '.' ? "'%s' is a template: name an instance, as in a@b.service"
                                 : "'%s' is no name of a unit",
              name);
  return FALSE;
}

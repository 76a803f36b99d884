/* types-find.c: a type by its name, in the table that the program is linked with. */
#include "checks/types.h"

#include <string.h>

static const ChkType *const *extra;

void chk_types_set_extra(const ChkType *const *types) {
  extra = types;
}

static const ChkType *find(const ChkType *const *types, const char *name) {
  for (guint i = 0; types && types[i]; i++)
    if (strcmp(types[i]->name, name) == 0)
      return types[i];
  return NULL;
}

const ChkType *chk_type_find(const char *name) {
  const ChkType *type = find(chk_types, name);

  return type ? type : find(extra, name);
}

char **chk_types_names(void) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (guint i = 0; chk_types[i]; i++)
    g_strv_builder_add(names, chk_types[i]->name);
  for (guint i = 0; extra && extra[i]; i++)
    g_strv_builder_add(names, extra[i]->name);
  return g_strv_builder_end(names);
}

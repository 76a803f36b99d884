/* types.c: the table of all types of checks. One row a type; nothing else knows them by name. */
#include "checks/types.h"

#include <string.h>

const ChkType *const chk_types[] = {
    NULL,
};

const ChkType *chk_type_find(const char *name) {
  for (guint i = 0; chk_types[i]; i++)
    if (strcmp(chk_types[i]->name, name) == 0)
      return chk_types[i];
  return NULL;
}

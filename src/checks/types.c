/* types.c: the table of all types of checks. One row a type; nothing else knows them by name. */
#include "checks/types.h"

#include <string.h>

const ChkType *const chk_types[] = {
    &chk_type_command,
    &chk_type_dbus,
    &chk_type_directory,
    &chk_type_dns,
    &chk_type_file,
    &chk_type_greenboot,
    &chk_type_group,
    &chk_type_http,
    &chk_type_interface,
    &chk_type_journal,
    &chk_type_kernel_parameter,
    &chk_type_listening,
    &chk_type_mount,
    &chk_type_mysql,
    &chk_type_package,
    &chk_type_plugin,
    &chk_type_port,
    &chk_type_postgresql,
    &chk_type_process,
    &chk_type_redis,
    &chk_type_release,
    &chk_type_settle,
    &chk_type_sqlite,
    &chk_type_tcp,
    &chk_type_tls,
    &chk_type_unit,
    &chk_type_unix_socket,
    &chk_type_user,
    &chk_type_value,
    NULL,
};

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

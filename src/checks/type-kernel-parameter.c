/* type-kernel-parameter.c: one file below /proc/sys. */
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <errno.h>
#include <string.h>

#define SIZE_MAX_READ 65536

static const ChkKey options[] = {{NULL}};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "the kernel has such a parameter"},
    {"value", CHK_TEXT, "its value, white space as single spaces"},
    {"fields", CHK_TEXTS, "its value, split at white space"},
    {NULL},
};

static void see(ChkLook *look, ChkSight *ret) {
  g_autofree char *path = chk_kernel_parameter_path(look->subject);
  g_autoptr(JsonObject) seen = json_object_new();
  g_autoptr(GError) error = NULL;
  struct stat st;

  if (*chk_world_root(look->world)) {
    chk_not_applicable(ret, "a kernel's parameters are not those of another root directory");
    return;
  }
  int r = chk_local_stat(look, path, TRUE, &st);
  if (r < 0 && !chk_local_absent(r)) {
    chk_local_unknown(ret, path, r);
    return;
  }
  json_object_set_boolean_member(seen, "exists", r == 0 && S_ISREG(st.st_mode));
  if (r == 0 && S_ISREG(st.st_mode)) {
    g_autofree char *text = chk_local_read(look, path, SIZE_MAX_READ, NULL, &error);
    if (text == NULL) {
      chk_unknown(ret, "%s", error->message);
      return;
    }
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) parts = g_strsplit_set(text, " \t\n", -1);
    for (guint i = 0; parts[i]; i++)
      if (*parts[i])
        g_strv_builder_add(builder, parts[i]);
    g_auto(GStrv) fields = g_strv_builder_end(builder);
    g_autofree char *value = g_strjoinv(" ", fields);
    chk_set_text(seen, "value", value);
    chk_set_texts(seen, "fields", (const char *const *)fields);
  }
  chk_observed(ret, g_steal_pointer(&seen));
}

const ChkType chk_type_kernel_parameter = {
    .name = "kernel-parameter",
    .subject_help = "name as for sysctl(8)",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_kernel_parameter,
};

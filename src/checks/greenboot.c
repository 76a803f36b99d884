/* greenboot.c: see greenboot.h. Its directories are small and local, so the loop reads them. */
#include "checks/greenboot.h"

#include "checks/local.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define SCRIPTS_MAX 1000
#define CONFIGURATION_MAX (1024 * 1024)

static void script_free(gpointer data) {
  ChkGreenScript *script = data;

  g_free(script->name);
  g_free(script->path);
  g_free(script);
}

void chk_greenboot_free(ChkGreenboot *plan) {
  g_ptr_array_unref(plan->scripts);
  g_clear_pointer(&plan->disabled, g_ptr_array_unref);
  g_free(plan);
}

/* No shell reads it: arrays of words, quoted or not, on one line or several, '#' comments. */
char **chk_greenboot_disabled(const char *configuration) {
  static const char name[] = "DISABLED_HEALTHCHECKS=";
  const char *last = NULL;

  for (const char *line = configuration; line; line = strchr(line, '\n')) {
    line += *line == '\n' ? 1 : 0;
    line += strspn(line, " \t");
    if (g_str_has_prefix(line, name))
      last = line + strlen(name);
  }
  if (last == NULL)
    return g_new0(char *, 1);
  gboolean array = *last == '(';
  const char *end = array ? strchr(last, ')') : strchr(last, '\n');
  g_autofree char *body =
      end ? g_strndup(last + array, (gsize)(end - last) - array) : g_strdup(last + array);
  char **words = NULL;
  if (g_shell_parse_argv(body, NULL, &words, NULL))
    return words;
  return g_new0(char *, 1);
}

static gboolean runs(const char *path) {
  return g_str_has_suffix(path, ".sh") || access(path, X_OK) == 0;
}

static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean scan(const char *root, const char *below, gboolean required, guint depth,
                     const char *const *disabled, ChkGreenboot *ret, GError **error) {
  g_autofree char *path = g_build_filename(root, below, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, error);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const char *each;

  while (dir && (each = g_dir_read_name(dir)))
    g_ptr_array_add(names, g_build_filename(below, each, NULL));
  g_ptr_array_sort(names, by_name);
  for (guint i = 0; dir && i < names->len; i++) {
    const char *name = names->pdata[i];
    g_autofree char *full = g_build_filename(root, name, NULL), *base = g_path_get_basename(name);
    struct stat st;
    if (stat(full, &st) < 0)
      continue;
    if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
      if (!scan(root, name, required, depth + 1, disabled, ret, error))
        return FALSE;
    } else if (S_ISREG(st.st_mode) && g_strv_contains(disabled, base)) {
      g_ptr_array_add(ret->disabled, g_strdup(name));
    } else if (S_ISREG(st.st_mode) && runs(full) && ret->scripts->len < SCRIPTS_MAX) {
      ChkGreenScript *script = g_new0(ChkGreenScript, 1);
      *script = (ChkGreenScript){g_strdup(name), g_steal_pointer(&full), required};
      g_ptr_array_add(ret->scripts, script);
    }
  }
  return dir != NULL;
}

static char **disabled_of(const ChkLook *look) {
  const char *path = chk_option_text(look, "configuration", CHK_GREENBOOT_CONF);
  g_autofree char *text = chk_local_read(look, path, CONFIGURATION_MAX, NULL, NULL);

  return chk_greenboot_disabled(text ? text : "");
}

ChkGreenboot *chk_greenboot_list(const ChkLook *look, GError **error) {
  static const char *const kinds[] = {"required.d", "wanted.d"};
  g_auto(GStrv) disabled = disabled_of(look);
  ChkGreenboot *ret = g_new0(ChkGreenboot, 1);
  gboolean good = TRUE;

  ret->scripts = g_ptr_array_new_with_free_func(script_free);
  ret->disabled = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; good && i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *path = g_build_filename(look->subject, kinds[i], NULL);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
      good = scan(look->subject, kinds[i], i == 0, 0, (const char *const *)disabled, ret, error);
  }
  if (good && ret->scripts->len + ret->disabled->len == 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED,
                "%s has no script in required.d or wanted.d, so nothing would be checked",
                look->subject);
    good = FALSE;
  }
  if (good)
    return ret;
  chk_greenboot_free(ret);
  return NULL;
}

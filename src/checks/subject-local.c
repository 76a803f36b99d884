/* subject-local.c: subjects that are on this machine: files, programs, accounts, parameters. */
#include "checks/subjects.h"

#include "checks/unit-name.h"

#include <net/if.h>
#include <string.h>

const char *chk_given_text(JsonObject *given, const char *name) {
  return given ? json_object_get_string_member_with_default(given, name, NULL) : NULL;
}

gboolean chk_subject_refuse(GError **error, const char *value, const char *what,
                            const char *right) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no %s: %s", value, what, right);
  return FALSE;
}

gboolean chk_subject_refuse_text(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

gboolean chk_subject_path(const char *subject, JsonObject *given, GError **error) {
  return g_path_is_absolute(subject) ||
         chk_subject_refuse(error, subject, "absolute path", "begin it with '/'");
}

gboolean chk_subject_directory(const char *subject, JsonObject *given, GError **error) {
  if (given && json_object_has_member(given, "max-entries") &&
      json_object_get_int_member(given, "max-entries") < 1)
    return chk_subject_refuse_text(error, "\"max-entries\" is 1 or more");
  return chk_subject_path(subject, given, error);
}

gboolean chk_subject_sqlite(const char *subject, JsonObject *given, GError **error) {
  const char *how = chk_given_text(given, "integrity");

  if (how && !g_str_equal(how, "quick") && !g_str_equal(how, "full"))
    return chk_subject_refuse(error, how, "\"integrity\"", "write quick or full");
  return chk_subject_path(subject, given, error);
}

gboolean chk_subject_release(const char *subject, JsonObject *given, GError **error) {
  return strcmp(subject, "previous") == 0 || *subject == '/' ||
         chk_subject_refuse(error, subject, "release", "write previous, or an absolute path");
}

/* Directories of accounts know names with spaces, dots and backslashes; passwd(5) sets the end. */
gboolean chk_subject_account(const char *subject, JsonObject *given, GError **error) {
  gsize length = strlen(subject);
  gboolean good = length > 0 && length <= 256 && !strpbrk(subject, ":/") && *subject != '-' &&
                  *subject != ' ' && subject[length - 1] != ' ';

  for (const char *p = subject; good && *p; p++)
    good = (guchar)*p >= ' ' && *p != 0x7f;
  return good || chk_subject_refuse(error, subject, "name or number of an account",
                                    "write it as in passwd(5), without ':' and '/'");
}

gboolean chk_subject_package(const char *subject, JsonObject *given, GError **error) {
  return (*subject && *subject != '-' && !strpbrk(subject, " \t\n/")) ||
         chk_subject_refuse(error, subject, "name of a package",
                            "write NAME or NAME:ARCHITECTURE, without space and '/'");
}

gboolean chk_subject_interface(const char *subject, JsonObject *given, GError **error) {
  return (*subject && strlen(subject) < IFNAMSIZ && !strpbrk(subject, "/ \t\n")) ||
         chk_subject_refuse(error, subject, "name of an interface",
                            "1 to 15 characters without '/' and space");
}

/* As sysctl(8): when the first of '.' and '/' is a '.', the two change places. */
char *chk_kernel_parameter_path(const char *subject) {
  char *path = g_strconcat("/proc/sys/", subject, NULL);
  const char *first = strpbrk(subject, "./");

  for (char *p = path + strlen("/proc/sys/"); first && *first == '.' && *p; p++)
    *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
  return path;
}

gboolean chk_subject_kernel_parameter(const char *subject, JsonObject *given, GError **error) {
  g_autofree char *path = chk_kernel_parameter_path(subject);

  return (*subject && *subject != '/' && !strpbrk(subject, " \t\n") && !strstr(path, "/../") &&
          !g_str_has_suffix(path, "/..") && !strstr(path + 1, "//")) ||
         chk_subject_refuse(error, subject, "kernel parameter",
                            "write it as in net.ipv4.ip_forward");
}

gboolean chk_subject_process(const char *subject, JsonObject *given, GError **error) {
  static const char *const ways[] = {"name", "exe", "cmdline", "unit", NULL};
  const char *by = chk_given_text(given, "by");

  if (by && !g_strv_contains(ways, by))
    return chk_subject_refuse(error, by, "way to find processes", "name, exe, cmdline or unit");
  if (g_strcmp0(by, "exe") == 0)
    return chk_subject_path(subject, given, error);
  if (g_strcmp0(by, "unit") == 0)
    return chk_unit_name_is_good(subject, error);
  if (g_strcmp0(by, "cmdline") == 0) {
    g_autoptr(GRegex) pattern = g_regex_new(subject, G_REGEX_RAW, 0, error);
    return pattern != NULL;
  }
  return *subject != '/' || chk_subject_refuse(error, subject, "name of a program",
                                               "a path is looked for with by: exe");
}

char **chk_command_argv(const char *subject, JsonObject *given, GError **error) {
  ChkLook look = {.options = given};
  g_auto(GStrv) argv = chk_option_texts(&look, "argv");

  if (argv[0] != NULL)
    return g_steal_pointer(&argv);
  char **split = NULL;
  if (g_shell_parse_argv(subject, NULL, &split, error))
    return split;
  g_prefix_error(error, "'%s' cannot be split into arguments: ", subject);
  return NULL;
}

gboolean chk_subject_command(const char *subject, JsonObject *given, GError **error) {
  ChkLook look = {.options = given};
  g_auto(GStrv) argv = chk_command_argv(subject, given, error);
  g_auto(GStrv) env = chk_option_texts(&look, "env");

  if (argv == NULL)
    return FALSE;
  if (*argv[0] == 0)
    return chk_subject_refuse(error, subject, "program", "its name is empty");
  for (guint i = 0; env[i]; i++)
    if (*env[i] == '=' || strchr(env[i], '=') == NULL)
      return chk_subject_refuse(error, env[i], "variable", "write NAME=value");
  return TRUE;
}

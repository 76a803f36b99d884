/* subject-local.c: subjects that are on this machine: files, programs, accounts, parameters. */
#include "checks/subjects.h"

#include "checks/unit-name.h"

#include <net/if.h>
#include <string.h>

const char *chk_given_text(JsonObject *given, const char *name) {
  return given ? json_object_get_string_member_with_default(given, name, NULL) : NULL;
}

void chk_subject_path(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (!g_path_is_absolute(subject))
    chk_flaw_value(flaws, NULL, subject, "absolute path", "begin it with '/'");
}

void chk_subject_directory(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  chk_subject_path(subject, given, flaws);
  if (given && json_object_has_member(given, "max-entries") &&
      json_object_get_int_member(given, "max-entries") < 1)
    chk_flaw(flaws, "max-entries", "\"max-entries\" is 1 or more");
}

void chk_subject_sqlite(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const char *how = chk_given_text(given, "integrity");

  chk_subject_path(subject, given, flaws);
  if (how && !g_str_equal(how, "quick") && !g_str_equal(how, "full"))
    chk_flaw_value(flaws, "integrity", how, "\"integrity\"", "write quick or full");
}

void chk_subject_release(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (strcmp(subject, "previous") != 0 && *subject != '/')
    chk_flaw_value(flaws, NULL, subject, "release", "write previous, or an absolute path");
}

/* Directories of accounts know names with spaces, dots and backslashes; passwd(5) sets the end. */
void chk_subject_account(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  gsize length = strlen(subject);
  gboolean good = length > 0 && length <= 256 && !strpbrk(subject, ":/") && *subject != '-' &&
                  *subject != ' ' && subject[length - 1] != ' ';

  for (const char *p = subject; good && *p; p++)
    good = (guchar)*p >= ' ' && *p != 0x7f;
  if (!good)
    chk_flaw_value(flaws, NULL, subject, "name or number of an account",
                   "write it as in passwd(5), without ':' and '/'");
}

void chk_subject_package(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (!*subject || *subject == '-' || strpbrk(subject, " \t\n/"))
    chk_flaw_value(flaws, NULL, subject, "name of a package",
                   "write NAME or NAME:ARCHITECTURE, without space and '/'");
}

void chk_subject_interface(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (!*subject || strlen(subject) >= IFNAMSIZ || strpbrk(subject, "/ \t\n"))
    chk_flaw_value(flaws, NULL, subject, "name of an interface",
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

void chk_subject_kernel_parameter(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  g_autofree char *path = chk_kernel_parameter_path(subject);

  if (!*subject || *subject == '/' || strpbrk(subject, " \t\n") || strstr(path, "/../") ||
      g_str_has_suffix(path, "/..") || strstr(path + 1, "//"))
    chk_flaw_value(flaws, NULL, subject, "kernel parameter", "write it as in net.ipv4.ip_forward");
}

void chk_subject_process(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  static const char *const ways[] = {"name", "exe", "cmdline", "unit", NULL};
  const char *by = chk_given_text(given, "by");
  g_autoptr(GRegex) pattern = NULL;
  GError *error = NULL;

  if (by && !g_strv_contains(ways, by))
    chk_flaw_value(flaws, "by", by, "way to find processes", "name, exe, cmdline or unit");
  else if (g_strcmp0(by, "exe") == 0)
    chk_subject_path(subject, given, flaws);
  else if (g_strcmp0(by, "unit") == 0)
    chk_subject_unit(subject, given, flaws);
  else if (g_strcmp0(by, "cmdline") == 0)
    pattern = g_regex_new(subject, G_REGEX_RAW, 0, &error);
  else if (*subject == '/')
    chk_flaw_value(flaws, NULL, subject, "name of a program", "a path is looked for with by: exe");
  chk_flaw_error(flaws, NULL, error);
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

void chk_subject_command(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  GError *error = NULL;
  ChkLook look = {.options = given};
  g_auto(GStrv) argv = chk_command_argv(subject, given, &error);
  g_auto(GStrv) env = chk_option_texts(&look, "env");
  gboolean is_given = given && json_object_has_member(given, "argv");

  chk_flaw_error(flaws, NULL, error);
  if (argv && *argv[0] == 0)
    chk_flaw_value(flaws, is_given ? "argv" : NULL, subject, "program", "its name is empty");
  for (guint i = 0; env[i]; i++)
    if (*env[i] == '=' || strchr(env[i], '=') == NULL)
      chk_flaw_value(flaws, "env", env[i], "variable", "write NAME=value");
}

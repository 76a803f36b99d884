/* verify-options.c: the options of waggle-verify. A wrong one is told with what would be right. */
#include "checks/verify.h"

#include "common/config.h"
#include "common/names.h"

#include <string.h>

typedef struct {
  char *format, *deadline;
  gint parallel;
  gboolean system, version;
} Raw;

static gboolean parse_format(const char *text, ChkFormat *ret, GError **error) {
  if (!text)
    return TRUE;
  for (guint i = 0; chk_format_names[i]; i++)
    if (strcmp(chk_format_names[i], text) == 0) {
      *ret = (ChkFormat)i;
      return TRUE;
    }
  g_autofree char *all = g_strjoinv(", ", (char **)chk_format_names);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no format \"%s\"; there are %s", text,
              all);
  return FALSE;
}

static gboolean parse_deadline(const char *text, guint64 *ret, GError **error) {
  if (!text)
    return TRUE;
  if (!wg_parse_usec(text, ret, error))
    return FALSE;
  if (*ret > 0 && *ret <= CHK_DEADLINE_MAX)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a deadline is above 0 and at most 1h");
  return FALSE;
}

static gboolean digest(ChkVerify *c, const Raw *raw, GError **error) {
  if (!parse_format(raw->format, &c->format, error) ||
      !parse_deadline(raw->deadline, &c->deadline, error))
    return FALSE;
  if (raw->parallel < 0 || raw->parallel > CHK_PARALLEL_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "--parallel is from 1 to %d",
                CHK_PARALLEL_MAX);
    return FALSE;
  }
  c->parallel = (guint)raw->parallel;
  if (c->user && raw->system) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "--system or --user, not both");
    return FALSE;
  }
  if (!c->user && !raw->system)
    c->user = g_strcmp0(g_getenv(WG_ENV_SCOPE), "user") == 0;
  if (c->baseline && c->record) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "--record writes a baseline and judges nothing; give --baseline in another run");
    return FALSE;
  }
  return TRUE;
}

static GOptionContext *context_new(ChkVerify *c, Raw *raw) {
  const GOptionEntry entries[] = {
      {"format", 0, 0, G_OPTION_ARG_STRING, &raw->format,
       "human, json, junit, tap, nagios or openmetrics", "FORMAT"},
      {"strict", 0, 0, G_OPTION_ARG_NONE, &c->strict, "exit 2 when there are only warnings", NULL},
      {"only", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &c->only,
       "this check (or those with @TAG) and what it requires", "NAME|@TAG"},
      {"skip", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &c->skip, "not this check", "NAME|@TAG"},
      {"vars", 0, 0, G_OPTION_ARG_FILENAME, &c->vars_file, "variables, an object", "FILE"},
      {"var", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &c->vars, "one variable", "NAME=VALUE"},
      {"goss", 0, 0, G_OPTION_ARG_NONE, &c->goss, "the file is a goss file", NULL},
      {"deadline", 0, 0, G_OPTION_ARG_STRING, &raw->deadline, "of the whole run", "TIME"},
      {"parallel", 0, 0, G_OPTION_ARG_INT, &raw->parallel, "looks at a time", "N"},
      {"root", 0, 0, G_OPTION_ARG_FILENAME, &c->root, "look at paths below it", "DIRECTORY"},
      {"baseline", 0, 0, G_OPTION_ARG_FILENAME, &c->baseline, "compare with it", "FILE"},
      {"record", 0, 0, G_OPTION_ARG_FILENAME, &c->record, "only observe, write a baseline", "FILE"},
      {"context", 0, 0, G_OPTION_ARG_FILENAME, &c->context, "of a deployment", "FILE"},
      {"events", 0, 0, G_OPTION_ARG_NONE, &c->events, "each result as a line of JSON", NULL},
      {"list", 0, 0, G_OPTION_ARG_NONE, &c->list, "list the checks and end", NULL},
      {"explain", 0, 0, G_OPTION_ARG_FILENAME, &c->explain, "run it and tell all about it",
       "CHECK"},
      {"check", 0, 0, G_OPTION_ARG_NONE, &c->check, "only read the file", NULL},
      {"types", 0, 0, G_OPTION_ARG_NONE, &c->types, "list types and presets as JSON", NULL},
      {"system", 0, 0, G_OPTION_ARG_NONE, &raw->system, "units of the system; it is the default",
       NULL},
      {"user", 0, 0, G_OPTION_ARG_NONE, &c->user, "units of the user", NULL},
      {"version", 0, 0, G_OPTION_ARG_NONE, &raw->version, "print the version", NULL},
      {NULL}};
  GOptionContext *context = g_option_context_new("FILE");

  g_option_context_set_summary(context, "Verifies what a file says about this machine.");
  g_option_context_add_main_entries(context, entries, NULL);
  return context;
}

gboolean chk_verify_parse(ChkVerify *c, int argc, char **argv, int *ret_status) {
  Raw raw = {0};
  g_autoptr(GOptionContext) context = context_new(c, &raw);
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) args = g_strdupv(argv);
  gboolean good = g_option_context_parse_strv(context, &args, &error) && digest(c, &raw, &error);
  guint n = good ? g_strv_length(args) : 0;

  g_free(raw.format);
  g_free(raw.deadline);
  *ret_status = CHK_EXIT_PASS;
  if (good && raw.version) {
    g_print("waggle-verify %s\n", WG_VERSION);
    return FALSE;
  }
  /* GOption leaves "--" in front of a word that begins with "-", as the one for stdin does */
  if (good && n == 3 && g_str_equal(args[1], "--")) {
    g_free(args[1]);
    args[1] = g_steal_pointer(&args[2]);
    n--;
  }
  if (good && (n == 2 || c->types)) {
    c->file = n == 2 ? g_strdup(args[1]) : NULL;
    return TRUE;
  }
  g_printerr("waggle-verify: %s; see \"waggle-verify --help\"\n",
             error   ? error->message
             : n < 2 ? "the file to verify is missing"
                     : "one file at a time");
  *ret_status = CHK_EXIT_USAGE;
  return FALSE;
}

void chk_verify_clear(ChkVerify *c) {
  g_free(c->file);
  g_free(c->root);
  g_free(c->baseline);
  g_free(c->record);
  g_free(c->context);
  g_free(c->explain);
  g_free(c->vars_file);
  g_strfreev(c->only);
  g_strfreev(c->skip);
  g_strfreev(c->vars);
}

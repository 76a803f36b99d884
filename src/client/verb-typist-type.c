/* verb-typist-type.c: `waggle typist type`, a text into a window by hand: to try a target or a
 * profile out before an agent's policy names it. */
#include "client/dict.h"
#include "client/json.h"
#include "client/session.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

#define TYPE_USEC (300 * (guint64)G_USEC_PER_SEC)

const CliOption cli_typist_type_options[] = {
    {"class", 0, CLI_VALUE_REQUIRED, "CLASS", "A window of this class"},
    {"title", 0, CLI_VALUE_REQUIRED, "PATTERN", "A window with this title, with * and ?"},
    {"pid", 0, CLI_VALUE_REQUIRED, "PID", "The window that this process runs in"},
    {"unit", 0, CLI_VALUE_REQUIRED, "UNIT", "The window of this unit"},
    {"window", 0, CLI_VALUE_REQUIRED, "ID", "The window of this number, as windows prints it"},
    {"at", 0, CLI_VALUE_REQUIRED, "X,Y", "The window at this point of the screen"},
    {"profile", 0, CLI_VALUE_REQUIRED, "NAME", "Type as this profile says"},
    {"no-submit", 0, CLI_VALUE_NONE, NULL, "Do not press the profile's submit key"},
    {"now", 0, CLI_VALUE_NONE, NULL, "Even if a human typed there a moment ago"},
    {NULL},
};

static gboolean usage(GError **error, const char *option, const char *text, const char *what) {
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--%s=%s: not %s", option, text, what);
  return FALSE;
}

static gboolean read_numbers(const CliArgs *args, GVariantDict *target, GError **error) {
  const char *window = cli_args_get(args, "window"), *at = cli_args_get(args, "at");
  g_autoptr(GError) local = NULL;
  guint64 id;
  char *end;
  int x, y, used = 0;

  if (cli_args_u64(args, "pid", 1, G_MAXINT32, &id, &local))
    g_variant_dict_insert(target, "pid", "u", (guint32)id);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  if (window) {
    id = g_ascii_strtoull(window, &end, 0);
    if (end == window || *end || !id || id > G_MAXUINT32)
      return usage(error, "window", window, "the number of a window, like 0x1a00003");
    g_variant_dict_insert(target, "window", "u", (guint32)id);
  }
  if (at) {
    if (sscanf(at, "%d,%d%n", &x, &y, &used) != 2 || at[used])
      return usage(error, "at", at, "a point of the screen, like 640,400");
    g_variant_dict_insert(target, "x", "i", x);
    g_variant_dict_insert(target, "y", "i", y);
  }
  return TRUE;
}

static GVariant *read_target(const CliArgs *args, GError **error) {
  static const char *const texts[] = {"class", "title", "unit"};
  g_auto(GVariantDict) target = G_VARIANT_DICT_INIT(NULL);

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (cli_args_has(args, texts[i]))
      g_variant_dict_insert(&target, texts[i], "s", cli_args_get(args, texts[i]));
  if (!read_numbers(args, &target, error))
    return NULL;
  g_autoptr(GVariant) read = g_variant_ref_sink(g_variant_dict_end(&target));
  if (g_variant_n_children(read) > 0)
    return g_steal_pointer(&read);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "into which window? Say --class, --title, --pid, --unit, --window or --at; "
              "\"waggle typist windows\" lists them");
  return NULL;
}

static GVariant *read_options(const CliArgs *args) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (cli_args_has(args, "profile"))
    g_variant_dict_insert(&o, "profile", "s", cli_args_get(args, "profile"));
  if (cli_args_has(args, "no-submit"))
    g_variant_dict_insert(&o, "submit", "b", FALSE);
  if (cli_args_has(args, "now"))
    g_variant_dict_insert(&o, "idle", "t", (guint64)0);
  return g_variant_dict_end(&o);
}

static int report(Cli *cli, const char *result, GVariant *details) {
  const char *cause = cli_dict_string(details, "cause");

  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "result", result);
    cli_json_add_dict(object, details);
    cli_json_print_object(cli, object);
  } else if (!g_str_equal(result, "typed")) {
    g_autofree char *safe = cli_text_one_line(cause ?: "the typist does not say why");
    fprintf(stderr, "waggle: %s: %s\n", result, safe);
  }
  if (g_str_equal(result, "typed"))
    return CLI_EXIT_OK;
  return g_str_equal(result, "held") ? CLI_EXIT_RETRY : CLI_EXIT_FAILURE;
}

int cli_verb_typist_type(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) target = read_target(args, error);
  const char *result;

  if (!target)
    return CLI_EXIT_USAGE;
  g_autofree char *text = g_strjoinv(" ", cli_args_words(args, NULL));
  if (!cli_check_text("TEXT", text, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply = cli_session_call(
      CLI_TYPIST, "Type", g_variant_new("(s@a{sv}@a{sv})", text, target, read_options(args)),
      TYPE_USEC, error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) details = g_variant_get_child_value(reply, 1);
  g_variant_get_child(reply, 0, "&s", &result);
  return report(cli, result, details);
}

/* args.c: see args.h. A small parser of its own instead of getopt, because the tables are also read
 * by --help and by a test, and because its messages name the nearest option. */
#include "client/args.h"

#include "client/cli.h"
#include "common/nearest.h"

struct CliArgs {
  const CliOption *const *tables;
  GPtrArray *words;   /* (element-type utf8), NULL-terminated after parsing */
  GHashTable *values; /* option name -> GPtrArray of utf8, each NULL-terminated */
};

const CliOption cli_global_options[] = {
    {"help", 'h', CLI_VALUE_NONE, NULL, "Show this text"},
    {"version", 0, CLI_VALUE_NONE, NULL, "Show the version"},
    {"system", 0, CLI_VALUE_NONE, NULL, "Talk to the system's service"},
    {"user", 0, CLI_VALUE_NONE, NULL, "Talk to the user's own service"},
    {"address", 0, CLI_VALUE_REQUIRED, "ADDRESS", "Talk to the service at this D-Bus address"},
    {"host", 'H', CLI_VALUE_REQUIRED, "HOST",
     "Talk to the system's service of another host, by ssh"},
    {"json", 0, CLI_VALUE_REQUIRED, "MODE", "Print JSON: short, pretty or off"},
    {"no-pager", 0, CLI_VALUE_NONE, NULL, "Do not pipe output into a pager"},
    {"no-legend", 0, CLI_VALUE_NONE, NULL, "Leave out column headings and hints"},
    {NULL},
};

static const CliOption *find(const CliArgs *args, const char *name, char letter) {
  for (guint t = 0; args->tables[t]; t++)
    for (const CliOption *o = args->tables[t]; o->name; o++)
      if (name ? g_str_equal(o->name, name) : o->letter == letter)
        return o;
  return NULL;
}

static void add_value(CliArgs *args, const CliOption *option, const char *value) {
  GPtrArray *list = g_hash_table_lookup(args->values, option->name);

  if (!list) {
    list = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(args->values, (gpointer)option->name, list);
    g_ptr_array_add(list, NULL);
  }
  g_ptr_array_insert(list, (gint)list->len - 1, g_strdup(value ?: ""));
}

static gboolean unknown(const CliArgs *args, const char *name, GError **error) {
  g_autoptr(GPtrArray) known = g_ptr_array_new();

  for (guint t = 0; args->tables[t]; t++)
    for (const CliOption *o = args->tables[t]; o->name; o++)
      g_ptr_array_add(known, (gpointer)o->name);
  g_ptr_array_add(known, NULL);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known->pdata);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "unknown option --%s%s%s", name, hint ? "; " : "",
              hint ?: "");
  return FALSE;
}

/* `*next` is moved on when the following word was taken as the value. */
static gboolean parse_long(CliArgs *args, const char *word, char ***next, GError **error) {
  const char *equals = strchr(word, '=');
  g_autofree char *name = equals ? g_strndup(word, equals - word) : g_strdup(word);
  const CliOption *option = find(args, name, 0);

  if (!option)
    return unknown(args, name, error);
  if (option->kind == CLI_VALUE_NONE && equals) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "option --%s takes no value", name);
    return FALSE;
  }
  if (option->kind == CLI_VALUE_REQUIRED && !equals) {
    if (!**next) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "option --%s needs a value: --%s=%s", name,
                  name, option->value);
      return FALSE;
    }
    add_value(args, option, *(*next)++);
    return TRUE;
  }
  /* an optional value may also follow, if it is a number: "--wait 5s" */
  if (option->kind == CLI_VALUE_OPTIONAL && !equals && **next && g_ascii_isdigit(***next))
    add_value(args, option, *(*next)++);
  else
    add_value(args, option, equals ? equals + 1 : NULL);
  return TRUE;
}

static gboolean parse_short(CliArgs *args, const char *word, char ***next, GError **error) {
  for (const char *p = word; *p; p++) {
    const CliOption *option = find(args, NULL, *p);
    if (!option) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                  "unknown option -%c (a text that begins with a dash goes after \"--\")", *p);
      return FALSE;
    }
    if (option->kind == CLI_VALUE_NONE) {
      add_value(args, option, NULL);
      continue;
    }
    gboolean optional = option->kind == CLI_VALUE_OPTIONAL;
    if (optional && !(p[1] ? g_ascii_isdigit(p[1]) : **next && g_ascii_isdigit(***next))) {
      add_value(args, option, NULL);
      continue;
    }
    const char *value = p[1] ? p + 1 : **next ? *(*next)++ : NULL;
    if (!value) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "option -%c needs a value: -%c %s", *p, *p,
                  option->value);
      return FALSE;
    }
    add_value(args, option, value);
    return TRUE;
  }
  return TRUE;
}

static gboolean parse_all(CliArgs *args, char **next, gboolean stop, GError **error) {
  while (*next) {
    char *word = *next++;
    gboolean ok = TRUE;
    if (g_str_equal(word, "--")) {
      while (*next)
        g_ptr_array_add(args->words, g_strdup(*next++));
    } else if (g_str_has_prefix(word, "--"))
      ok = parse_long(args, word + 2, &next, error);
    else if (word[0] == '-' && word[1])
      ok = parse_short(args, word + 1, &next, error);
    else {
      g_ptr_array_add(args->words, g_strdup(word));
      while (stop && *next)
        g_ptr_array_add(args->words, g_strdup(*next++));
    }
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

CliArgs *cli_args_parse(const CliOption *const *tables, char **argv, gboolean stop,
                        GError **error) {
  g_autoptr(CliArgs) args = g_new0(CliArgs, 1);

  args->tables = tables;
  args->words = g_ptr_array_new_with_free_func(g_free);
  args->values =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
  if (!parse_all(args, argv, stop, error))
    return NULL;
  g_ptr_array_add(args->words, NULL);
  return g_steal_pointer(&args);
}

void cli_args_free(CliArgs *args) {
  if (!args)
    return;
  g_ptr_array_unref(args->words);
  g_hash_table_unref(args->values);
  g_free(args);
}

gboolean cli_check_text(const char *what, const char *text, GError **error) {
  const char *end;

  if (g_utf8_validate(text, -1, &end))
    return TRUE;
  g_autofree char *shown = g_utf8_make_valid(text, -1);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "%s: \"%s\" is not UTF-8, from byte %zu on; write it as UTF-8", what, shown,
              (size_t)(end - text) + 1);
  return FALSE;
}

/* What is handed on byte by byte, as --help calls it. */
static gboolean is_bytes(const char *called) {
  static const char *const bytes[] = {"FILE", "FILE...", "PATH", "DIRECTORY", "[TEXT...]", NULL};

  return called && g_strv_contains(bytes, called);
}

gboolean cli_args_check_text(const CliArgs *args, const char *words, GError **error) {
  g_auto(GStrv) called = g_strsplit(words, " ", -1);
  guint kinds = g_strv_length(called);

  for (guint i = 0; cli_args_word(args, i); i++)
    if (!is_bytes(called[MIN(i, kinds - 1)]) &&
        !cli_check_text(called[MIN(i, kinds - 1)], cli_args_word(args, i), error))
      return FALSE;
  for (guint t = 0; args->tables[t]; t++)
    for (const CliOption *o = args->tables[t]; o->name; o++) {
      g_autofree char *what = g_strconcat("--", o->name, NULL);
      char **values = cli_args_all(args, o->name);
      for (guint i = 0; !is_bytes(o->value) && values[i]; i++)
        if (!cli_check_text(what, values[i], error))
          return FALSE;
    }
  return TRUE;
}

char **cli_args_words(const CliArgs *args, guint *ret_n) {
  if (ret_n)
    *ret_n = args->words->len - 1;
  return (char **)args->words->pdata;
}

const char *cli_args_word(const CliArgs *args, guint i) {
  return i < args->words->len ? args->words->pdata[i] : NULL;
}

char **cli_args_all(const CliArgs *args, const char *option) {
  static char *none[] = {NULL};
  GPtrArray *list;

  /* a name that is in no table is a slip of the verb's author */
  g_assert(find(args, option, 0));
  list = g_hash_table_lookup(args->values, option);
  return list ? (char **)list->pdata : none;
}

gboolean cli_args_has(const CliArgs *args, const char *option) {
  return cli_args_all(args, option)[0] != NULL;
}

const char *cli_args_get(const CliArgs *args, const char *option) {
  char **all = cli_args_all(args, option);
  guint n = g_strv_length(all);

  return n ? all[n - 1] : NULL;
}

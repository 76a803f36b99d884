/* args.h: the words after a verb.
 *
 * Options are rows of static tables, from which parsing, --help and the completion test all work.
 * Options and arguments may stand in any order; "--" ends the options. A value may be asked for as
 * often as needed; the getters that can fail set an error of CLI_EXIT_USAGE that names the option.
 */
#pragma once

#include <glib.h>

typedef enum {
  CLI_VALUE_NONE,
  CLI_VALUE_REQUIRED,
  CLI_VALUE_OPTIONAL, /* --name=value; as --name value only where the value begins with a digit */
} CliValueKind;

typedef struct {
  const char *name; /* without the dashes; NULL ends a table */
  char letter;      /* 0: none */
  CliValueKind kind;
  const char *value; /* how the value is called in --help */
  const char *help;
} CliOption;

typedef struct CliArgs CliArgs;

/* The options that may stand before the verb and after it. */
extern const CliOption cli_global_options[];

/* Parses argv[0..] (no program name). `tables`: NULL-terminated. With `stop` the first word that is
 * no option ends the parsing and what follows is left to cli_args_words(). */
CliArgs *cli_args_parse(const CliOption *const *tables, char **argv, gboolean stop, GError **error);
void cli_args_free(CliArgs *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliArgs, cli_args_free)

/* The words that are no options, in order, NULL-terminated; owned by `args`. */
char **cli_args_words(const CliArgs *args, guint *ret_n);
const char *cli_args_word(const CliArgs *args, guint i); /* NULL past the end */

gboolean cli_args_has(const CliArgs *args, const char *option);
/* The last value given; NULL if none. */
const char *cli_args_get(const CliArgs *args, const char *option);
/* Every value given, NULL-terminated, empty if none; owned by `args`. */
char **cli_args_all(const CliArgs *args, const char *option);

/* Refuses what is not UTF-8, as all has to be that goes over D-Bus; but not what is handed on byte
 * by byte: a file's name and a message's text. `words`: those of the verb (CliVerb). */
gboolean cli_args_check_text(const CliArgs *args, const char *words, GError **error);
/* The same of one text, which is called `what`. */
gboolean cli_check_text(const char *what, const char *text, GError **error);

/* FALSE and no error: not given, *ret is left alone. */
gboolean cli_args_u64(const CliArgs *args, const char *option, guint64 min, guint64 max,
                      guint64 *ret, GError **error);
gboolean cli_args_usec(const CliArgs *args, const char *option, guint64 *ret, GError **error);
gboolean cli_args_bytes(const CliArgs *args, const char *option, guint64 *ret, GError **error);
/* A point in time (cli_time_parse). */
gboolean cli_args_time(const CliArgs *args, const char *option, guint64 *ret, GError **error);

/* "K=V" of every value of `option` into `ret` (a{ss}); NULL when none was given. */
gboolean cli_args_pairs(const CliArgs *args, const char *option, GVariant **ret, GError **error);
/* Every value, split at commas too, as a string array; NULL when none was given. */
GVariant *cli_args_names(const CliArgs *args, const char *option);

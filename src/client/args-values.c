/* args-values.c: the values of options as numbers, times and lists. A value that does not parse is
 * an error of usage that names the option and what was given. */
#include "client/args.h"

#include "client/cli.h"
#include "client/times.h"
#include "common/config.h"

static gboolean refuse(const char *option, const char *value, const GError *cause, GError **error) {
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--%s=%s: %s", option, value, cause->message);
  return FALSE;
}

gboolean cli_args_u64(const CliArgs *args, const char *option, guint64 min, guint64 max,
                      guint64 *ret, GError **error) {
  g_autoptr(GError) cause = NULL;
  const char *value = cli_args_get(args, option);

  if (!value)
    return FALSE;
  if (!g_ascii_string_to_unsigned(value, 10, min, max, ret, &cause))
    return refuse(option, value, cause, error);
  return TRUE;
}

gboolean cli_args_usec(const CliArgs *args, const char *option, guint64 *ret, GError **error) {
  g_autoptr(GError) cause = NULL;
  const char *value = cli_args_get(args, option);

  if (!value)
    return FALSE;
  if (!wg_parse_usec(value, ret, &cause))
    return refuse(option, value, cause, error);
  return TRUE;
}

gboolean cli_args_bytes(const CliArgs *args, const char *option, guint64 *ret, GError **error) {
  g_autoptr(GError) cause = NULL;
  const char *value = cli_args_get(args, option);

  if (!value)
    return FALSE;
  if (!wg_parse_bytes(value, ret, &cause))
    return refuse(option, value, cause, error);
  return TRUE;
}

gboolean cli_args_time(const CliArgs *args, const char *option, guint64 *ret, GError **error) {
  g_autoptr(GError) cause = NULL;
  const char *value = cli_args_get(args, option);

  if (!value)
    return FALSE;
  if (!cli_time_parse(value, (guint64)g_get_real_time(), ret, &cause))
    return refuse(option, value, cause, error);
  return TRUE;
}

gboolean cli_args_pairs(const CliArgs *args, const char *option, GVariant **ret, GError **error) {
  char **values = cli_args_all(args, option);
  g_auto(GVariantDict) seen = G_VARIANT_DICT_INIT(NULL);
  g_auto(GVariantBuilder) builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (guint i = 0; values[i]; i++) {
    const char *equals = strchr(values[i], '=');
    if (!equals || equals == values[i]) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--%s=%s: expected KEY=VALUE", option,
                  values[i]);
      return FALSE;
    }
    g_autofree char *key = g_strndup(values[i], equals - values[i]);
    if (g_variant_dict_contains(&seen, key)) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--%s: %s is given twice", option, key);
      return FALSE;
    }
    g_variant_dict_insert(&seen, key, "b", TRUE);
    g_variant_builder_add(&builder, "{ss}", key, equals + 1);
  }
  *ret = values[0] ? g_variant_ref_sink(g_variant_builder_end(&builder)) : NULL;
  return TRUE;
}

GVariant *cli_args_names(const CliArgs *args, const char *option) {
  char **values = cli_args_all(args, option);
  if (!values[0])
    return NULL;
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; values[i]; i++) {
    g_auto(GStrv) parts = g_strsplit(values[i], ",", -1);
    for (guint j = 0; parts[j]; j++)
      if (*parts[j])
        g_variant_builder_add(&builder, "s", parts[j]);
  }
  return g_variant_builder_end(&builder);
}

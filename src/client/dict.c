/* dict.c: see dict.h. */
#include "client/dict.h"

#include "common/names.h"
#include "common/trace-context.h"

GVariant *cli_dict_value(GVariant *dict, const char *key, const char *type) {
  return g_variant_lookup_value(dict, key, type ? G_VARIANT_TYPE(type) : NULL);
}

guint64 cli_dict_u64(GVariant *dict, const char *key) {
  g_autoptr(GVariant) value = g_variant_lookup_value(dict, key, NULL);

  if (!value)
    return 0;
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
    return g_variant_get_uint64(value);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32(value);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTE))
    return g_variant_get_byte(value);
  return 0;
}

gboolean cli_dict_bool(GVariant *dict, const char *key) {
  gboolean value = FALSE;

  return g_variant_lookup(dict, key, "b", &value) && value;
}

double cli_dict_double(GVariant *dict, const char *key) {
  double value = 0;

  return g_variant_lookup(dict, key, "d", &value) ? value : 0;
}

const char *cli_dict_string(GVariant *dict, const char *key) {
  const char *value = NULL;

  return g_variant_lookup(dict, key, "&s", &value) ? value : NULL;
}

char *cli_dict_join(GVariant *dict, const char *key, const char *separator) {
  g_autofree const char **values = NULL;

  if (!g_variant_lookup(dict, key, "^a&s", &values))
    return g_strdup("");
  return g_strjoinv(separator, (char **)values);
}

static const char *own_trace(void) {
  const char *trace = g_getenv(WG_ENV_TRACEPARENT);

  return trace && wg_traceparent_ok(trace) ? trace : NULL;
}

void cli_dict_add_trace(GVariantDict *options) {
  if (own_trace())
    g_variant_dict_insert(options, WG_TRACEPARENT, "s", own_trace());
}

void cli_options_add_trace(GVariantBuilder *options) {
  if (own_trace())
    g_variant_builder_add(options, "{sv}", WG_TRACEPARENT, g_variant_new_string(own_trace()));
}

const char *cli_default_agent(void) {
  const char *agent = g_getenv(WG_ENV_AGENT);

  return agent && *agent ? agent : NULL;
}

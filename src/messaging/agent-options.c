/* agent-options.c: which values an agent's options may have.
 *
 * What is registered is kept as one a{sv}, exactly the options that were given; a key that is not
 * there stands for the configuration's default, also when that changes later. */
#include "messaging/engine-private.h"

#include "common/nearest.h"

#include <math.h>
#include <string.h>

#define NAMES_MAX 256
#define DESCRIPTION_MAX 1024
#define METADATA_MAX (64 * 1024)
#define INFO_MAX (128 * 1024)
#define BACKOFF_ENTRIES 64
#define BACKOFF_MAX (30 * G_TIME_SPAN_DAY)

typedef gboolean (*CheckFunc)(const char *key, GVariant *value, GError **error);

static gboolean refuse(GError **error, WgErrorCode code, const char *key, const char *what) {
  g_set_error(error, WG_ERROR, code, "Option '%s' %s", key, what);
  return FALSE;
}

static gboolean check_names(const char *key, GVariant *value, GError **error) {
  g_autofree const char **names = g_variant_get_strv(value, NULL);

  for (guint i = 0; names[i]; i++) {
    if (i >= NAMES_MAX)
      return refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes at most 256 names");
    if (msg_name_ok(names[i]))
      continue;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_NAME,
                "Option '%s': '%.80s' is no name: 1 to 64 of letters, digits, '.', '_' and '-', "
                "the first a letter or digit",
                key, names[i]);
    return FALSE;
  }
  return TRUE;
}

static gboolean check_description(const char *key, GVariant *value, GError **error) {
  return strlen(g_variant_get_string(value, NULL)) <= DESCRIPTION_MAX ||
         refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes at most 1024 bytes");
}

static gboolean check_metadata(const char *key, GVariant *value, GError **error) {
  return g_variant_get_size(value) <= METADATA_MAX ||
         refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes at most 64 KiB");
}

static gboolean check_rate(const char *key, GVariant *value, GError **error) {
  double rate = g_variant_get_double(value);

  return (isfinite(rate) && rate >= 0 && rate <= 1e9) ||
         refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes 0 (none) to 1000000000 a second");
}

static gboolean check_lease(const char *key, GVariant *value, GError **error) {
  guint64 usec = g_variant_get_uint64(value);

  return usec <= 365 * G_TIME_SPAN_DAY ||
         refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes at most 365 days, in microseconds");
}

static gboolean check_backoff(const char *key, GVariant *value, GError **error) {
  gsize n;
  const guint64 *list = g_variant_get_fixed_array(value, &n, sizeof *list);

  if (n > BACKOFF_ENTRIES)
    return refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes at most 64 times");
  for (gsize i = 0; i < n; i++)
    if (list[i] > BACKOFF_MAX)
      return refuse(error, WG_ERROR_INVALID_ARGUMENT, key,
                    "takes times of at most 30 days each, in microseconds");
  return TRUE;
}

static gboolean check_balance(const char *key, GVariant *value, GError **error) {
  const char *text = g_variant_get_string(value, NULL);

  return g_str_equal(text, "round-robin") || g_str_equal(text, "least-loaded") ||
         refuse(error, WG_ERROR_INVALID_ARGUMENT, key, "takes \"round-robin\" or \"least-loaded\"");
}

static const struct {
  const char *key, *type;
  CheckFunc check;
} options_known[] = {
    {"description", "s", check_description},
    {"roles", "as", check_names},
    {"topics", "as", check_names},
    {"tags", "as", check_names},
    {"capabilities", "as", check_names},
    {"metadata", "a{ss}", check_metadata},
    {"max-messages", "t", NULL},
    {"max-bytes", "t", NULL},
    {"rate", "d", check_rate},
    {"burst", "u", NULL},
    {"lease", "t", check_lease},
    {"max-deliveries", "u", NULL},
    {"backoff", "at", check_backoff},
    {"balance", "s", check_balance},
    {"policy", "s", NULL},
};

static gboolean unset(GVariantDict *info, GVariant *options, GError **error) {
  g_autoptr(GVariant) list = g_variant_lookup_value(options, "unset", G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree const char **keys = list ? g_variant_get_strv(list, NULL) : g_new0(const char *, 1);
  const char *names[G_N_ELEMENTS(options_known) + 1] = {NULL};

  for (guint i = 0; i < G_N_ELEMENTS(options_known); i++)
    names[i] = options_known[i].key;
  for (guint i = 0; keys[i]; i++) {
    if (g_strv_contains(names, keys[i])) {
      g_variant_dict_remove(info, keys[i]);
      continue;
    }
    g_autofree char *hint = wg_nearest_hint(keys[i], names);
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "Option 'unset': '%.80s' cannot be put back%s%s", keys[i], hint ? "; " : "",
                hint ? hint : "");
    return FALSE;
  }
  return TRUE;
}

GVariant *msg_agent_merge(GVariant *info, GVariant *options, GError **error) {
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(info);

  if (!unset(&dict, options, error))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS(options_known); i++) {
    const char *key = options_known[i].key;
    g_autoptr(GVariant) any = g_variant_lookup_value(options, key, NULL);
    if (!any)
      continue;
    if (!g_variant_is_of_type(any, G_VARIANT_TYPE(options_known[i].type))) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "Option '%s' has the D-Bus type '%s', not '%s'", key, options_known[i].type,
                  g_variant_get_type_string(any));
      return NULL;
    }
    if (options_known[i].check && !options_known[i].check(key, any, error))
      return NULL;
    g_variant_dict_insert_value(&dict, key, any);
  }
  g_autoptr(GVariant) merged = g_variant_ref_sink(g_variant_dict_end(&dict));
  if (g_variant_get_size(merged) <= INFO_MAX)
    return g_steal_pointer(&merged);
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                      "An agent's options take at most 128 KiB together");
  return NULL;
}

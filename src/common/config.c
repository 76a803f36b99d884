/* config.c: see config.h.
 *
 * Values stand in an array parallel to the table of keys, filled with the defaults first,
 * so that a key is never without a value. One file is judged after the other, which is how
 * an error can name the file and the line; the first error ends the load and nothing of it is
 * kept. An empty value means the default again, as in systemd. */
#include "common/config-private.h"
#include "common/error.h"
#include "common/names.h"
#include "common/nearest.h"

#include <string.h>

typedef struct {
  guint64 number; /* BOOL, UINT, BYTES, USEC; for a list the count */
  char *string;
  guint64 *list;
} Value;

struct WgConfig {
  gatomicrefcount refs;
  const WgConfigKey *keys;
  guint n_keys;
  Value values[];
};

static gboolean check_bounds(const WgConfigKey *key, guint64 n, GError **error) {
  if (n >= key->min && (key->max == 0 || n <= key->max))
    return TRUE;
  const char *unit = key->type == WG_CONFIG_BYTES       ? " bytes"
                     : key->type == WG_CONFIG_USEC      ? " us"
                     : key->type == WG_CONFIG_USEC_LIST ? " us"
                                                        : "";
  if (key->max == 0)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "must be at least %" G_GUINT64_FORMAT "%s", key->min, unit);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "must be from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT "%s", key->min, key->max,
                unit);
  return FALSE;
}

static gboolean parse_list(const WgConfigKey *key, const char *text, Value *ret, GError **error) {
  g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);

  for (guint i = 0; words[i]; i++) {
    guint64 n;

    if (!*words[i])
      continue;
    if (!wg_config_parse_number(key->type, words[i], &n, error) || !check_bounds(key, n, error))
      return FALSE;
    g_array_append_val(list, n);
  }
  ret->number = list->len;
  g_free(ret->list);
  ret->list = (guint64 *)(gpointer)g_array_free(g_steal_pointer(&list), FALSE);
  return TRUE;
}

static gboolean parse_value(const WgConfigKey *key, const char *text, Value *ret, GError **error) {
  guint64 n;

  if (key->type == WG_CONFIG_STRING) {
    g_free(ret->string);
    ret->string = g_strdup(text);
    return TRUE;
  }
  if (key->type == WG_CONFIG_USEC_LIST)
    return parse_list(key, text, ret, error);
  if (!wg_config_parse_number(key->type, text, &n, error) || !check_bounds(key, n, error))
    return FALSE;
  ret->number = n;
  return TRUE;
}

static gint find_key(const WgConfig *config, const char *section, const char *key) {
  for (guint i = 0; i < config->n_keys; i++)
    if (strcmp(config->keys[i].section, section) == 0 && strcmp(config->keys[i].key, key) == 0)
      return i;
  return -1;
}

static WgConfig *config_new(const WgConfigKey *keys) {
  guint n = 0;

  while (keys[n].section)
    n++;
  WgConfig *config = g_malloc0(sizeof(WgConfig) + n * sizeof(Value));
  g_atomic_ref_count_init(&config->refs);
  config->keys = keys;
  config->n_keys = n;
  for (guint i = 0; i < n; i++) {
    g_autoptr(GError) error = NULL;
    if (!parse_value(&keys[i], keys[i].default_text, &config->values[i], &error))
      g_error("the default of [%s] %s= is wrong: %s", keys[i].section, keys[i].key, error->message);
  }
  return config;
}

/* The last line on which `key` is set in `section` (NULL: the section's own line); 0: not
 * found. Only for error texts: GKeyFile does not keep line numbers. */
static guint find_line(const char *data, const char *section, const char *key) {
  g_auto(GStrv) lines = g_strsplit(data, "\n", -1);
  g_autofree char *header = g_strdup_printf("[%s]", section);
  gboolean inside = FALSE;
  guint found = 0;

  for (guint i = 0; lines[i]; i++) {
    const char *line = g_strstrip(lines[i]);

    if (*line == '[') {
      inside = strcmp(line, header) == 0;
      if (inside && !key)
        found = i + 1;
    } else if (inside && key && g_str_has_prefix(line, key)) {
      const char *rest = line + strlen(key);
      while (g_ascii_isspace(*rest))
        rest++;
      if (*rest == '=')
        found = i + 1;
    }
  }
  return found;
}

static gboolean refuse(GError **error, const WgConfigFile *file, const char *section,
                       const char *key, const char *what) {
  guint line = find_line(file->data, section, key);
  g_autofree char *where =
      line > 0 ? g_strdup_printf("%s:%u", file->path, line) : g_strdup(file->path);

  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s: %s", where, what);
  return FALSE;
}

/* Names of the table, each once: the sections, or the keys of one section. */
static GPtrArray *known_names(const WgConfig *config, const char *section) {
  GPtrArray *names = g_ptr_array_new();

  for (guint i = 0; i < config->n_keys; i++)
    if (!section || strcmp(config->keys[i].section, section) == 0)
      g_ptr_array_add(names, (gpointer)(section ? config->keys[i].key : config->keys[i].section));
  g_ptr_array_add(names, NULL);
  return names;
}

static gboolean refuse_unknown(GError **error, const WgConfig *config, const WgConfigFile *file,
                               const char *section, const char *key) {
  g_autoptr(GPtrArray) names = known_names(config, key ? section : NULL);
  g_autofree char *hint = wg_nearest_hint(key ? key : section, (const char *const *)names->pdata);
  g_autofree char *what = key ? g_strdup_printf("unknown key '%s' in [%s]%s%s", key, section,
                                                hint ? "; " : "", hint ? hint : "")
                              : g_strdup_printf("unknown section [%s]%s%s", section,
                                                hint ? "; " : "", hint ? hint : "");
  return refuse(error, file, section, key, what);
}

static gboolean apply_key(WgConfig *config, const WgConfigFile *file, GKeyFile *parsed,
                          const char *section, const char *key, GError **error) {
  gint i = find_key(config, section, key);
  g_autoptr(GError) local = NULL;

  if (i < 0)
    return refuse_unknown(error, config, file, section, key);
  g_autofree char *text = g_key_file_get_value(parsed, section, key, NULL);
  g_strstrip(text);
  const char *value = *text ? text : config->keys[i].default_text;
  if (parse_value(&config->keys[i], value, &config->values[i], &local))
    return TRUE;
  g_autofree char *what = g_strdup_printf("%s=: %s", key, local->message);
  return refuse(error, file, section, key, what);
}

static gboolean apply_section(WgConfig *config, const WgConfigFile *file, GKeyFile *parsed,
                              const char *section, GError **error) {
  g_autoptr(GPtrArray) sections = known_names(config, NULL);
  g_auto(GStrv) keys = g_key_file_get_keys(parsed, section, NULL, NULL);

  if (!g_strv_contains((const char *const *)sections->pdata, section))
    return refuse_unknown(error, config, file, section, NULL);
  for (guint i = 0; keys && keys[i]; i++)
    if (!apply_key(config, file, parsed, section, keys[i], error))
      return FALSE;
  return TRUE;
}

/* systemd takes ';' for a comment too, GKeyFile does not. */
static void mend_comments(char *data) {
  for (char *line = data; line; line = strchr(line, '\n')) {
    while (g_ascii_isspace(*line))
      line++;
    if (*line == ';')
      *line = '#';
  }
}

static gboolean apply_file(WgConfig *config, const WgConfigFile *file, GError **error) {
  g_autoptr(GKeyFile) parsed = g_key_file_new();
  g_autoptr(GError) local = NULL;

  mend_comments(file->data);
  /* Without this flag GKeyFile would skip "Key[xx]=" without a word. */
  if (!g_key_file_load_from_data(parsed, file->data, -1, G_KEY_FILE_KEEP_TRANSLATIONS, &local)) {
    g_autofree char *text = g_utf8_make_valid(local->message, -1);
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s: %s", file->path, text);
    return FALSE;
  }
  g_auto(GStrv) sections = g_key_file_get_groups(parsed, NULL);
  for (guint i = 0; sections[i]; i++)
    if (!apply_section(config, file, parsed, sections[i], error))
      return FALSE;
  return TRUE;
}

WgConfig *wg_config_load_from(const char *const *dirs, const char *name, const WgConfigKey *keys,
                              GError **error) {
  g_autoptr(WgConfig) config = config_new(keys);
  g_autoptr(GPtrArray) files = wg_config_files_read(dirs, name, error);

  if (!files)
    return NULL;
  for (guint i = 0; i < files->len; i++)
    if (!apply_file(config, files->pdata[i], error))
      return NULL;
  return g_steal_pointer(&config);
}

WgConfig *wg_config_load(const char *name, const WgConfigKey *keys, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(FALSE);

  return wg_config_load_from((const char *const *)dirs, name, keys, error);
}

WgConfig *wg_config_ref(WgConfig *config) {
  g_atomic_ref_count_inc(&config->refs);
  return config;
}

void wg_config_unref(WgConfig *config) {
  if (!config || !g_atomic_ref_count_dec(&config->refs))
    return;
  for (guint i = 0; i < config->n_keys; i++) {
    g_free(config->values[i].string);
    g_free(config->values[i].list);
  }
  g_free(config);
}

static const Value *value_of(const WgConfig *config, const char *section, const char *key,
                             guint types) {
  gint i = find_key(config, section, key);

  if (i < 0 || !(types & 1u << config->keys[i].type))
    g_error("[%s] %s= is not in the table, or of another type", section, key);
  return &config->values[i];
}

guint64 wg_config_u64(const WgConfig *config, const char *section, const char *key) {
  return value_of(config, section, key,
                  1u << WG_CONFIG_UINT | 1u << WG_CONFIG_BYTES | 1u << WG_CONFIG_USEC)
      ->number;
}

gboolean wg_config_bool(const WgConfig *config, const char *section, const char *key) {
  return value_of(config, section, key, 1u << WG_CONFIG_BOOL)->number != 0;
}

const char *wg_config_string(const WgConfig *config, const char *section, const char *key) {
  return value_of(config, section, key, 1u << WG_CONFIG_STRING)->string;
}

const guint64 *wg_config_list(const WgConfig *config, const char *section, const char *key,
                              gsize *ret_n) {
  const Value *value = value_of(config, section, key, 1u << WG_CONFIG_USEC_LIST);

  *ret_n = value->number;
  return value->list;
}

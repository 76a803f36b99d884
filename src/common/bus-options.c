/* bus-options.c: see bus-options.h. The tables belong to the services. */
#include "common/bus-options.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

/* A key longer than this is not worth repeating in an error. */
#define KEY_SHOWN 64
#define TABLE_MAX 64

static int refuse_key(const WgOption *table, const char *key, GError **error) {
  const char *names[TABLE_MAX + 1] = {NULL};
  g_autofree char *shown = g_utf8_substring(key, 0, MIN(g_utf8_strlen(key, -1), KEY_SHOWN));

  for (guint i = 0; i < TABLE_MAX && table[i].key != NULL; i++)
    names[i] = table[i].key;
  g_autofree char *hint = wg_nearest_hint(shown, names);
  g_autofree char *all = g_strjoinv(", ", (char **)names);
  if (hint != NULL)
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION, "unknown option '%s'; %s", shown, hint);
  else if (names[0] != NULL)
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION,
                "unknown option '%s'; the options here are: %s", shown, all);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION,
                "unknown option '%s'; there are none here", shown);
  return -1;
}

int wg_option_find(const WgOption *table, const char *key, const char *type, GError **error) {
  for (int i = 0; table[i].key != NULL; i++) {
    if (strcmp(table[i].key, key) != 0)
      continue;
    if (strcmp(table[i].type, type) == 0)
      return i;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "option '%s' has the D-Bus type '%s', not '%s'", key, table[i].type, type);
    return -1;
  }
  return refuse_key(table, key, error);
}

/* Marks option `i`; FALSE when it was marked before. */
static gboolean mark_seen(const WgOption *table, guint i, guint64 *seen, GError **error) {
  guint64 bit = G_GUINT64_CONSTANT(1) << i;

  if ((*seen & bit) != 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "option '%s' is given twice",
                table[i].key);
    return FALSE;
  }
  *seen |= bit;
  return TRUE;
}

gboolean wg_options_verify(const WgOption *table, GVariant *dict, GError **error) {
  GVariantIter iter;
  const char *key;
  GVariant *value;
  guint64 seen = 0;

  g_variant_iter_init(&iter, dict);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    int i = wg_option_find(table, key, g_variant_get_type_string(value), error);
    if (i < 0 || !mark_seen(table, i, &seen, error))
      return FALSE;
  }
  return TRUE;
}

static int refuse_message(int r, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the options cannot be read: %s",
              g_strerror(ABS(r)));
  return -1;
}

int wg_options_next(sd_bus_message *m, const WgOption *table, guint64 *seen, guint *ret_index,
                    GError **error) {
  const char *key, *type;
  char variant;
  int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");

  if (r == 0)
    return 0;
  if (r > 0)
    r = sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &key);
  if (r > 0)
    r = sd_bus_message_peek_type(m, &variant, &type);
  if (r <= 0)
    return refuse_message(r, error);
  int i = wg_option_find(table, key, type, error);
  if (i < 0 || !mark_seen(table, i, seen, error))
    return -1;
  r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, table[i].type);
  if (r <= 0)
    return refuse_message(r, error);
  *ret_index = i;
  return 1;
}

gboolean wg_options_leave(sd_bus_message *m, GError **error) {
  int r = sd_bus_message_exit_container(m);

  if (r >= 0)
    r = sd_bus_message_exit_container(m);
  if (r < 0)
    refuse_message(r, error);
  return r >= 0;
}

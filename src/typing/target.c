/* target.c: see target.h. */
#include "typing/target.h"

#include "common/error.h"

#include <string.h>

#define TEXT_MAX 1024

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "target: %s", text);
  return FALSE;
}

static gboolean check_text(const char *key, GVariant *value, GError **error) {
  gsize len;
  const char *text = g_variant_get_string(value, &len);
  g_autoptr(GError) local = NULL;

  if (len == 0)
    return refuse(error, "%s is empty; leave it out if it does not matter", key);
  if (len > TEXT_MAX)
    return refuse(error, "%s has %" G_GSIZE_FORMAT " bytes; at most %d", key, len, TEXT_MAX);
  if (strcmp(key, "title-regex") != 0)
    return TRUE;
  g_autoptr(GRegex) regex = g_regex_new(text, 0, 0, &local);
  return regex != NULL || refuse(error, "%s is no regular expression: %s", key, local->message);
}

static gboolean check_value(const char *key, GVariant *value, GError **error) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
    return check_text(key, value, error);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32) && g_variant_get_uint32(value) == 0)
    return refuse(error, "%s is 0, which no window has", key);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT32) &&
      ABS((gint64)g_variant_get_int32(value)) > G_MAXINT16)
    return refuse(error, "%s is no place on a screen", key);
  return TRUE;
}

gboolean typ_target_check(GVariant *target, gboolean filter, GError **error) {
  gboolean has_x = g_variant_lookup(target, "x", "i", NULL);
  gboolean has_y = g_variant_lookup(target, "y", "i", NULL);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (!filter && g_variant_n_children(target) == 0)
    return refuse(error, "nothing says which window; give class, title, title-regex, pid, unit, "
                         "window, or x and y");
  if (has_x != has_y)
    return refuse(error, "x and y are given together or not at all");
  g_variant_iter_init(&iter, target);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    if (!check_value(key, value, error))
      return FALSE;
  }
  return TRUE;
}

char *typ_target_describe(GVariant *target) {
  g_autoptr(GString) text = g_string_new(NULL);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init(&iter, target);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    g_autofree char *shown = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                                 ? g_variant_dup_string(value, NULL)
                                 : g_variant_print(value, FALSE);
    g_string_append_printf(text, "%s%s=%s", text->len > 0 ? ", " : "", key, shown);
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

void typ_target_insert(GVariant *target, guint32 window, GVariantDict *dict) {
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init(&iter, target);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    g_variant_dict_insert_value(dict, key, value);
  }
  g_variant_dict_insert(dict, "window", "u", window);
}

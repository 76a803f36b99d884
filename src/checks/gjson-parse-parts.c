/* gjson-parse-parts.c: of a path of gjson what has brackets or arguments: multipaths, literals,
 * what stands behind the ":" of a modifier. */
#include "checks/gjson-private.h"

#include <string.h>

static gboolean wrong(char **reterr_why, const char *text) {
  *reterr_why = g_strdup(text);
  return FALSE;
}

static void part_free(gpointer data) {
  GjsonPart *part = data;

  g_free(part->name);
  g_clear_pointer(&part->path, chk_gjson_free);
  g_free(part);
}

/* ---- multipaths ---- */
/* A backslash takes the meaning of the character behind it, and has none itself. */
static char *unescaped(const char *text) {
  char *plain = g_malloc(strlen(text) + 1), *to = plain;

  for (const char *p = text; *p; p++) {
    if (*p == '\\' && p[1])
      p++;
    *to++ = *p;
  }
  *to = 0;
  return plain;
}

/* The name of the last field of the path, where it is one. */
static char *last_name(const char *path) {
  const char *begin = path;

  for (const char *p = path; *p; p++) {
    if (*p == '\\' && p[1])
      p++;
    else if (*p == '.' || *p == '|')
      begin = p + 1;
  }
  return strpbrk(begin, "[]{}()#|!") ? g_strdup("_") : unescaped(begin);
}

static char *given_name(const char *begin, const char *end) {
  g_autofree char *text = g_strndup(begin, (gsize)(end - begin));
  g_autoptr(JsonNode) node = *text == '"' ? json_from_string(text, NULL) : NULL;

  return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_dup_string(node) : g_steal_pointer(&text);
}

/* From `begin` to before `end`; the colon that ends its name is at `colon`, or NULL. */
static gboolean add_part(GjsonStep *step, const char *begin, const char *colon, const char *end,
                         guint depth, char **reterr_why) {
  const char *from = colon ? colon + 1 : begin;
  g_autofree char *path = g_strndup(from, (gsize)(end - from));
  GjsonPart *part = g_new0(GjsonPart, 1);

  g_ptr_array_add(step->parts, part);
  g_strstrip(path);
  part->name = colon ? given_name(begin, colon) : last_name(path);
  if (*path == 0)
    return wrong(reterr_why, "a multipath has an empty part");
  part->path = gjson_read_path(path, depth + 1, reterr_why);
  return part->path != NULL;
}

/* The first "," that is in no bracket, or `end`; the ":" before it that ends a name: not one of a
 * modifier's argument. */
static const char *part_end(const char *begin, const char *end, const char **ret_colon) {
  gboolean modifier = FALSE;

  *ret_colon = NULL;
  for (const char *p = begin; p < end; p++) {
    if (*p == ',')
      return p;
    if (*p == '\\')
      p++;
    else if (*p == '"')
      p = gjson_quote_end(p);
    else if (strchr("([{", *p))
      p = gjson_close_of(p);
    else if (*p == '@' && (p == begin || strchr(".|:", p[-1])))
      modifier = TRUE;
    else if (*p == ':' && !modifier && !*ret_colon)
      *ret_colon = p;
  }
  return end;
}

gboolean gjson_read_multi(GjsonStep *step, const char **p, guint depth, char **reterr_why) {
  const char *end = gjson_close_of(*p);
  gboolean good = TRUE;

  step->kind = GJSON_MULTI;
  step->object = **p == '{';
  step->parts = g_ptr_array_new_with_free_func(part_free);
  if (!end)
    return wrong(reterr_why, "a multipath does not end");
  for (const char *begin = *p + 1; good && begin < end;) {
    const char *colon, *stop = part_end(begin, end, &colon);
    good = add_part(step, begin, colon, stop, depth, reterr_why);
    begin = stop + 1;
  }
  *p = end + 1;
  return good;
}

/* ---- values ---- */
/* Where the JSON value at `p` ends, if it has brackets or quotation marks; else at one of `stops`.
 */
static const char *value_end(const char *p, const char *stops) {
  const char *end;

  if (*p == '"') {
    end = gjson_quote_end(p);
    return *end ? end + 1 : NULL;
  }
  if (*p && strchr("{[(", *p)) {
    end = gjson_close_of(p);
    return end ? end + 1 : NULL;
  }
  return p + strcspn(p, stops);
}

gboolean gjson_read_literal(GjsonStep *step, const char **p, char **reterr_why) {
  gboolean digits = g_ascii_isdigit((*p)[1]) || (*p)[1] == '-';
  const char *end = value_end(*p + 1, digits ? "|" : ".|");
  g_autofree char *text = end ? g_strndup(*p + 1, (gsize)(end - *p - 1)) : NULL;

  step->kind = GJSON_LITERAL;
  step->value = text && *text ? json_from_string(text, NULL) : NULL;
  *p = end ? end : *p;
  return step->value != NULL || wrong(reterr_why, "a literal (\"!\") is a value in JSON");
}

static gboolean is_on(JsonNode *argument, const char *name) {
  JsonObject *object = JSON_NODE_HOLDS_OBJECT(argument) ? json_node_get_object(argument) : NULL;
  JsonNode *node = object ? json_object_get_member(object, name) : NULL;

  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_boolean(node);
}

gboolean gjson_read_argument(GjsonStep *step, const char **p, guint depth, char **reterr_why) {
  gboolean any = **p == ':';
  const char *end = any ? value_end(*p + 1, "|") : *p;
  g_autofree char *text = any && end ? g_strndup(*p + 1, (gsize)(end - *p - 1)) : NULL;
  g_autoptr(JsonNode) node = text && *text == '{' ? json_from_string(text, NULL) : NULL;

  if (!end)
    return wrong(reterr_why, "the argument of a modifier does not end");
  *p = end;
  step->option = node && (is_on(node, "deep") || is_on(node, "preserve"));
  if (step->modifier != GJSON_DIG)
    return TRUE;
  if (!text || *text == 0)
    return wrong(reterr_why, "@dig needs a path: @dig:name");
  step->path = gjson_read_path(text, depth + 1, reterr_why);
  return step->path != NULL;
}

/* gjson-parse.c: the text of a path of gjson, read; see gjson.h. */
#include "checks/gjson-private.h"

#include <string.h>

static const struct {
  const char *name;
  GjsonModifier modifier;
} modifiers[] = {{"this", GJSON_THIS},       {"pretty", GJSON_THIS},     {"ugly", GJSON_THIS},
                 {"valid", GJSON_THIS},      {"keys", GJSON_KEYS},       {"values", GJSON_VALUES},
                 {"reverse", GJSON_REVERSE}, {"flatten", GJSON_FLATTEN}, {"tostr", GJSON_TOSTR},
                 {"fromstr", GJSON_FROMSTR}, {"join", GJSON_JOIN},       {"group", GJSON_GROUP},
                 {"dig", GJSON_DIG}};

/* the longer ones first */
static const struct {
  const char *text;
  GjsonOp op;
} operators[] = {{"==", GJSON_EQ}, {"!=", GJSON_NE},     {"<=", GJSON_LE},
                 {">=", GJSON_GE}, {"!%", GJSON_UNLIKE}, {"=", GJSON_EQ},
                 {"<", GJSON_LT},  {">", GJSON_GT},      {"%", GJSON_LIKE}};

static void step_free(gpointer data) {
  GjsonStep *step = data;

  g_free(step->key);
  g_clear_pointer(&step->path, chk_gjson_free);
  g_clear_pointer(&step->value, json_node_unref);
  g_clear_pointer(&step->parts, g_ptr_array_unref);
  g_free(step);
}

void chk_gjson_free(ChkGjson *path) {
  g_ptr_array_unref(path->steps);
  g_free(path);
}

static gboolean wrong(char **reterr_why, const char *text) {
  *reterr_why = g_strdup(text);
  return FALSE;
}

const char *gjson_quote_end(const char *p) {
  for (p++; *p && *p != '"'; p++)
    if (*p == '\\' && p[1])
      p++;
  return p;
}

/* Brackets of all kinds are counted as one: what is mixed up is refused by what reads it. */
const char *gjson_close_of(const char *p) {
  guint depth = 0;

  for (; *p; p++) {
    if (*p == '"')
      p = gjson_quote_end(p);
    else if (*p == '\\' && p[1])
      p++;
    else if (strchr("([{", *p))
      depth++;
    else if (strchr(")]}", *p) && --depth == 0)
      return p;
    if (!*p)
      break;
  }
  return NULL;
}

/* ---- queries ---- */
static JsonNode *value_of(const char *text, char **reterr_why) {
  g_autofree char *plain = g_strstrip(g_strdup(text));
  JsonNode *node;

  node = json_from_string(plain, NULL); /* a text in quotation marks, a number, true */
  if (node && !JSON_NODE_HOLDS_OBJECT(node) && !JSON_NODE_HOLDS_ARRAY(node))
    return node;
  g_clear_pointer(&node, json_node_unref);
  if (*plain == 0 || *plain == '"') {
    wrong(reterr_why, "a query compares with a value");
    return NULL;
  }
  return json_node_init_string(json_node_alloc(), plain); /* goss files leave the marks out */
}

static const char *find_operator(const char *text, guint *ret) {
  guint depth = 0;

  for (const char *p = text; *p; p++) {
    if (*p == '"')
      p = gjson_quote_end(p);
    else if (*p == '\\' && p[1])
      p++;
    else if (strchr("([{", *p))
      depth++;
    else if (strchr(")]}", *p))
      depth--;
    for (guint i = 0; *p && depth == 0 && i < G_N_ELEMENTS(operators); i++)
      if (g_str_has_prefix(p, operators[i].text)) {
        *ret = i;
        return p;
      }
    if (!*p)
      break;
  }
  return NULL;
}

/* "~true" and its like; GJSON_PLAIN: the value is no such. */
static GjsonIsh ish_of(const char *text) {
  static const char *const names[] = {"~true", "~false", "~null", "~*"};
  g_autofree char *plain = g_strstrip(g_strdup(text));

  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_str_equal(plain, names[i]))
      return GJSON_TRUE_ISH + i;
  return GJSON_PLAIN;
}

static gboolean read_query(GjsonStep *step, const char *text, guint depth, char **reterr_why) {
  guint which = 0;
  const char *at = find_operator(text, &which);
  g_autofree char *path = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text);

  step->op = GJSON_EXISTS;
  if (at) {
    step->op = operators[which].op;
    step->ish = ish_of(at + strlen(operators[which].text));
    if (step->ish != GJSON_PLAIN && step->op != GJSON_EQ && step->op != GJSON_NE)
      return wrong(reterr_why, "\"~\" is compared with == or != alone");
    step->value = value_of(at + strlen(operators[which].text), reterr_why);
    if (!step->value)
      return FALSE;
    if ((step->op == GJSON_LIKE || step->op == GJSON_UNLIKE) &&
        json_node_get_value_type(step->value) != G_TYPE_STRING)
      return wrong(reterr_why, "\"%\" compares with a pattern, which is a text");
  }
  step->path = gjson_read_path(g_strstrip(path), depth + 1, reterr_why);
  return step->path != NULL;
}

/* ---- steps ---- */
/* "#", "#(...)", "#(...)#", and "#[...]" as it was once written; *p is behind it. */
static gboolean read_hash(GjsonStep *step, const char **p, guint depth, char **reterr_why) {
  const char *end;

  step->kind = GJSON_EACH;
  if (*++*p != '(' && **p != '[')
    return TRUE;
  end = gjson_close_of(*p);
  if (!end)
    return wrong(reterr_why, "a query does not end");
  g_autofree char *text = g_strndup(*p + 1, (gsize)(end - *p - 1));
  step->kind = end[1] == '#' ? GJSON_ALL : GJSON_FIRST;
  *p = end + (end[1] == '#' ? 2 : 1);
  return read_query(step, text, depth, reterr_why);
}

/* What is none of gjson's modifiers is a key: "@timestamp". */
static gboolean is_modifier(const char *p, GjsonModifier *ret) {
  gsize n = *p == '@' ? strcspn(p + 1, ".|:") : 0;

  for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++)
    if (strlen(modifiers[i].name) == n && strncmp(modifiers[i].name, p + 1, n) == 0) {
      *ret = modifiers[i].modifier;
      return TRUE;
    }
  return FALSE;
}

static gboolean read_modifier(GjsonStep *step, const char **p, guint depth, char **reterr_why) {
  step->kind = GJSON_MODIFIER;
  *p += strcspn(*p, ".|:");
  return gjson_read_argument(step, p, depth, reterr_why);
}

static gboolean read_key(GjsonStep *step, const char **p, char **reterr_why) {
  const char *begin = *p;

  for (; **p && **p != '.' && **p != '|'; ++*p) {
    step->wild |= **p == '*' || **p == '?';
    if (**p == '\\' && (*p)[1])
      ++*p;
  }
  step->key = g_strndup(begin, (gsize)(*p - begin));
  return *p > begin || wrong(reterr_why, "a path has an empty part");
}

static gboolean read_step(GjsonStep *step, const char **p, guint depth, char **reterr_why) {
  if (**p == '#')
    return read_hash(step, p, depth, reterr_why);
  if (is_modifier(*p, &step->modifier))
    return read_modifier(step, p, depth, reterr_why);
  if (**p == '{' || **p == '[')
    return gjson_read_multi(step, p, depth, reterr_why);
  if (**p == '!')
    return gjson_read_literal(step, p, reterr_why);
  return read_key(step, p, reterr_why);
}

ChkGjson *gjson_read_path(const char *text, guint depth, char **reterr_why) {
  g_autoptr(ChkGjson) path = g_new0(ChkGjson, 1);
  const char *p = text;
  gboolean piped = FALSE;

  path->steps = g_ptr_array_new_with_free_func(step_free);
  if (depth > CHK_GJSON_DEPTH_MAX) {
    wrong(reterr_why, "queries within too many others");
    return NULL;
  }
  while (*p) {
    GjsonStep *step = g_new0(GjsonStep, 1);
    gboolean good;
    g_ptr_array_add(path->steps, step);
    step->piped = piped;
    good = read_step(step, &p, depth, reterr_why);
    if (good && *p && *p != '.' && *p != '|')
      good = wrong(reterr_why, "\".\" or \"|\" is expected behind a bracket");
    if (good && *p && !p[1])
      good = wrong(reterr_why, "a path has an empty part");
    if (!good)
      return NULL;
    piped = *p == '|';
    p += *p ? 1 : 0;
  }
  return g_steal_pointer(&path);
}

ChkGjson *chk_gjson_new(const char *path, char **reterr_why) {
  if (*path)
    return gjson_read_path(path, 0, reterr_why);
  wrong(reterr_why, "a path of gjson is not empty; the whole is @this");
  return NULL;
}

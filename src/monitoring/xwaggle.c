/* xwaggle.c: see xwaggle.h. The section becomes the object that a file of services.d would have,
 * and is read by the same code, so that both know the same keys. */
#include "monitoring/xwaggle.h"

#include "common/nearest.h"

#include <string.h>

#define SECTION "[X-Waggle]"

enum { NAME, TAGS, CAPABILITIES, METADATA, ENDPOINT, PROBE, N_KEYS };
static const char *const keys[] = {"Name",  "Tags", "Capabilities", "Metadata", "Endpoint",
                                   "Probe", NULL};

/* One assignment, and where it stands. */
typedef struct {
  char *text, *file;
  guint line;
} Value;

struct MonXWaggle {
  char *unit;
  gboolean found;
  GPtrArray *values[N_KEYS]; /* of Value */
  char *place;               /* file of the section that came last */
};

static void value_free(gpointer data) {
  Value *value = data;

  g_free(value->text);
  g_free(value->file);
  g_free(value);
}

static const Value *value_at(const MonXWaggle *x, guint key, guint i) {
  return x->values[key]->pdata[i];
}

MonXWaggle *mon_xwaggle_new(const char *unit) {
  MonXWaggle *x = g_new0(MonXWaggle, 1);

  x->unit = g_strdup(unit);
  for (guint i = 0; i < N_KEYS; i++)
    x->values[i] = g_ptr_array_new_with_free_func(value_free);
  return x;
}

void mon_xwaggle_free(MonXWaggle *x) {
  if (x == NULL)
    return;
  for (guint i = 0; i < N_KEYS; i++)
    g_ptr_array_unref(x->values[i]);
  g_free(x->unit);
  g_free(x->place);
  g_free(x);
}

/* "getty@tty1.service": %n all of it, %N without the suffix, %p "getty", %i "tty1". */
static void append_specifier(GString *out, const char *unit, char specifier) {
  const char *dot = strrchr(unit, '.'), *at = strchr(unit, '@');
  gsize stem = dot ? (gsize)(dot - unit) : strlen(unit);
  gsize prefix = at && (gsize)(at - unit) < stem ? (gsize)(at - unit) : stem;

  switch (specifier) {
  case 'n':
    g_string_append(out, unit);
    break;
  case 'N':
    g_string_append_len(out, unit, (gssize)stem);
    break;
  case 'p':
    g_string_append_len(out, unit, (gssize)prefix);
    break;
  case 'i':
    if (prefix < stem)
      g_string_append_len(out, unit + prefix + 1, (gssize)(stem - prefix - 1));
    break;
  case '%':
    g_string_append_c(out, '%');
    break;
  default:
    g_string_append_c(out, '%');
    g_string_append_c(out, specifier);
  }
}

static char *expanded(const MonXWaggle *x, const char *text) {
  GString *out = g_string_new(NULL);

  for (; *text; text++)
    if (*text == '%' && text[1])
      append_specifier(out, x->unit, *++text);
    else
      g_string_append_c(out, *text);
  return g_string_free(out, FALSE);
}

static void tell(WgProblems *problems, const char *file, guint line, const char *text) {
  wg_problems_add(problems, line, "", "%s: %s", file, text);
}

static void assign(MonXWaggle *x, char *line, const char *file, guint number,
                   WgProblems *problems) {
  char *equals = strchr(line, '=');

  if (equals == NULL) {
    tell(problems, file, number, "an assignment KEY=VALUE is expected in " SECTION);
    return;
  }
  *equals = '\0';
  const char *key = g_strstrip(line), *value = g_strstrip(equals + 1);
  for (guint i = 0; i < N_KEYS; i++) {
    if (strcmp(keys[i], key) != 0)
      continue;
    if (*value == '\0' || i == NAME)
      g_ptr_array_set_size(x->values[i], 0);
    if (*value != '\0') {
      Value *one = g_new(Value, 1);
      *one = (Value){expanded(x, value), g_strdup(file), number};
      g_ptr_array_add(x->values[i], one);
    }
    return;
  }
  if (g_str_has_prefix(key, "X-"))
    return;
  g_autofree char *hint = wg_nearest_hint(key, keys);
  g_autofree char *text =
      g_strdup_printf("%s has no key \"%s\"%s%s", SECTION, key, hint ? "; " : "", hint ? hint : "");
  tell(problems, file, number, text);
}

gboolean mon_xwaggle_add(MonXWaggle *x, const char *text, const char *file, WgProblems *problems) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GString) whole = g_string_new(NULL);
  gboolean here = FALSE, found = FALSE;

  for (guint i = 0; lines[i]; i++) {
    char *line = whole->len ? g_strchomp(lines[i]) : g_strstrip(lines[i]);
    if (*line == '#' || *line == ';' || (*line == '\0' && whole->len == 0))
      continue;
    gsize size = strlen(line);
    g_string_append(whole, line);
    if (size > 0 && line[size - 1] == '\\') { /* it goes on; comments between do not count */
      whole->str[whole->len - 1] = ' ';
      continue;
    }
    if (*whole->str == '[') {
      here = strcmp(whole->str, SECTION) == 0;
      found = found || here;
    } else if (here) {
      assign(x, whole->str, file, i + 1, problems);
    }
    g_string_truncate(whole, 0);
  }
  if (found) {
    x->found = TRUE;
    g_free(x->place);
    x->place = g_strdup(file);
  }
  return found;
}

/* What JSON knows as a number, a truth, an object or a list is one. */
static JsonNode *scalar(const char *text) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  return node && !JSON_NODE_HOLDS_NULL(node) ? g_steal_pointer(&node)
                                             : json_node_init_string(json_node_alloc(), text);
}

static gboolean is_option(const char *word) {
  gsize n = strspn(word, "abcdefghijklmnopqrstuvwxyz-");

  return n > 0 && word[n] == '=';
}

static JsonObject *probe_object(const char *text, GError **error) {
  g_auto(GStrv) words = NULL;
  int n = 0;

  if (!g_shell_parse_argv(text, &n, &words, error))
    return NULL;
  JsonObject *object = json_object_new();
  g_autoptr(GString) subject = g_string_new(NULL);
  int i = 1;
  for (; i < n && !is_option(words[i]); i++)
    g_string_append_printf(subject, "%s%s", subject->len ? " " : "", words[i]);
  json_object_set_string_member(object, words[0], subject->str);
  for (; i < n; i++) {
    char *equals = strchr(words[i], '=');
    if (!equals)
      continue;
    *equals = '\0';
    json_object_set_member(object, words[i], scalar(equals + 1));
  }
  return object;
}

static JsonArray *words_of(const MonXWaggle *x, guint key) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < x->values[key]->len; i++) {
    g_auto(GStrv) words = g_strsplit_set(value_at(x, key, i)->text, " \t", -1);
    for (guint w = 0; words[w]; w++)
      if (*words[w])
        json_array_add_string_element(array, words[w]);
  }
  return array;
}

static JsonObject *metadata_of(const MonXWaggle *x, WgProblems *problems) {
  JsonObject *object = json_object_new();

  for (guint i = 0; i < x->values[METADATA]->len; i++) {
    const Value *value = value_at(x, METADATA, i);
    g_auto(GStrv) pair = g_strsplit(value->text, "=", 2);
    if (pair[0] && pair[1])
      json_object_set_string_member(object, g_strstrip(pair[0]), g_strstrip(pair[1]));
    else
      tell(problems, value->file, value->line, "Metadata= is NAME=VALUE");
  }
  return object;
}

static JsonArray *endpoints_of(const MonXWaggle *x) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < x->values[ENDPOINT]->len; i++) {
    g_auto(GStrv) words = g_strsplit_set(value_at(x, ENDPOINT, i)->text, " \t", 2);
    JsonObject *endpoint = json_object_new();
    if (words[1])
      json_object_set_string_member(endpoint, "name", words[0]);
    json_object_set_string_member(endpoint, "address", g_strstrip(words[1] ? words[1] : words[0]));
    json_array_add_object_element(array, endpoint);
  }
  return array;
}

/* One that cannot be read is told and forgotten, so that the others keep their numbers. */
static JsonArray *probes_of(const MonXWaggle *x, WgProblems *problems) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < x->values[PROBE]->len;) {
    const Value *value = value_at(x, PROBE, i);
    g_autoptr(GError) error = NULL;
    JsonObject *probe = probe_object(value->text, &error);
    if (probe) {
      json_array_add_object_element(array, probe);
      i++;
      continue;
    }
    tell(problems, value->file, value->line, error->message);
    g_ptr_array_remove_index(x->values[PROBE], i);
  }
  return array;
}

/* The assignment that "/probes/2/http" was made of; NULL: of none alone. */
static const Value *made_of(const MonXWaggle *x, const char *pointer) {
  static const struct {
    const char *list;
    guint key;
  } lists[] = {{"/probes/", PROBE}, {"/endpoints/", ENDPOINT}};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (g_str_has_prefix(pointer, lists[i].list)) {
      guint64 at = g_ascii_strtoull(pointer + strlen(lists[i].list), NULL, 10);
      return at < x->values[lists[i].key]->len ? value_at(x, lists[i].key, (guint)at) : NULL;
    }
  return NULL;
}

static char *default_name(const MonXWaggle *x) {
  const char *dot = strrchr(x->unit, '.');

  return g_strndup(x->unit, dot ? (gsize)(dot - x->unit) : strlen(x->unit));
}

MonServiceSpec *mon_xwaggle_service(MonXWaggle *x, WgProblems *problems) {
  if (!x->found)
    return NULL;
  g_autoptr(JsonObject) object = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autoptr(WgProblems) own = wg_problems_new();
  g_autofree char *name =
      x->values[NAME]->len ? g_strdup(value_at(x, NAME, 0)->text) : default_name(x);

  json_object_set_string_member(object, "name", name);
  json_object_set_string_member(object, "unit", x->unit);
  json_object_set_array_member(object, "tags", words_of(x, TAGS));
  json_object_set_array_member(object, "capabilities", words_of(x, CAPABILITIES));
  json_object_set_object_member(object, "metadata", metadata_of(x, problems));
  json_object_set_array_member(object, "endpoints", endpoints_of(x));
  json_object_set_array_member(object, "probes", probes_of(x, problems));
  g_autoptr(MonServiceSpec) spec = mon_service_spec_read(node, NULL, "", NULL, own);
  for (guint i = 0; i < wg_problems_n(own); i++) {
    const WgProblem *p = wg_problems_at(own, i);
    g_autofree char *text = g_strdup_printf("%s %s", p->pointer, p->text);
    const Value *value = made_of(x, p->pointer);
    tell(problems, value ? value->file : x->place, value ? value->line : 0, text);
  }
  if (!spec || wg_problems_refuse(problems))
    return NULL;
  spec->from = g_strdup(x->place);
  return g_steal_pointer(&spec);
}

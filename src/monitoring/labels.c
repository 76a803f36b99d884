/* labels.c: see labels.h. One block of memory a list: the head, the pairs, the bytes of the texts.
 * The table of living lists holds no reference: the last unref takes a list out of it. */
#include "monitoring/labels.h"

#include <string.h>
#include <xxhash.h>

typedef struct {
  const char *name, *value;
} Pair;

struct MonLabels {
  guint refs, n;
  guint64 hash;
  gsize bytes; /* of the texts behind the pairs: name NUL value NUL ... */
  char *text;  /* mon_labels_peek(); NULL: not asked for yet */
  gsize text_n;
  Pair pairs[];
};

static GHashTable *alive; /* MonLabels -> itself, by content */

static guint content_hash(gconstpointer key) {
  return (guint)((const MonLabels *)key)->hash;
}

static gboolean content_equal(gconstpointer a, gconstpointer b) {
  const MonLabels *x = a, *y = b;

  if (x->hash != y->hash || x->n != y->n)
    return FALSE;
  for (guint i = 0; i < x->n; i++)
    if (strcmp(x->pairs[i].name, y->pairs[i].name) != 0 ||
        strcmp(x->pairs[i].value, y->pairs[i].value) != 0)
      return FALSE;
  return TRUE;
}

static int compare_pairs(const Pair *a, const Pair *b) {
  return strcmp(a->name, b->name);
}

/* Sorts stably, of equal names keeps the last, drops what has no value. */
static guint normalize(Pair *pairs, guint n) {
  guint kept = 0;

  for (guint i = 1; i < n; i++) { /* few pairs: insertion keeps the order of equal names */
    Pair pair = pairs[i];
    guint at = i;
    for (; at > 0 && compare_pairs(&pairs[at - 1], &pair) > 0; at--)
      pairs[at] = pairs[at - 1];
    pairs[at] = pair;
  }
  for (guint i = 0; i < n; i++) {
    if (i + 1 < n && strcmp(pairs[i].name, pairs[i + 1].name) == 0)
      continue;
    if (pairs[i].value != NULL && pairs[i].value[0] != '\0')
      pairs[kept++] = pairs[i];
  }
  return kept;
}

/* The zero bytes between the texts are part of what is hashed: {ab="c"} is not {a="bc"}. */
static MonLabels *make(const Pair *pairs, guint n) {
  gsize bytes = 0;

  for (guint i = 0; i < n; i++)
    bytes += strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
  MonLabels *labels = g_malloc(sizeof(MonLabels) + n * sizeof(Pair) + bytes);
  char *text = (char *)(labels->pairs + n), *at = text;
  labels->refs = 1;
  labels->n = n;
  labels->bytes = bytes;
  labels->text = NULL;
  for (guint i = 0; i < n; i++) {
    labels->pairs[i].name = at;
    at = stpcpy(at, pairs[i].name) + 1;
    labels->pairs[i].value = at;
    at = stpcpy(at, pairs[i].value) + 1;
  }
  labels->hash = XXH3_64bits(text, bytes);
  return labels;
}

/* `pairs` is sorted here. */
static MonLabels *intern(Pair *pairs, guint n) {
  MonLabels *labels = make(pairs, normalize(pairs, n));

  if (alive == NULL)
    alive = g_hash_table_new(content_hash, content_equal);
  MonLabels *known = g_hash_table_lookup(alive, labels);
  if (known != NULL) {
    g_free(labels);
    return mon_labels_ref(known);
  }
  g_hash_table_add(alive, labels);
  return labels;
}

MonLabels *mon_labels_new(const char *first_name, ...) {
  g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
  va_list ap;

  va_start(ap, first_name);
  for (const char *name = first_name; name != NULL; name = va_arg(ap, const char *)) {
    Pair pair = {name, va_arg(ap, const char *)};
    g_array_append_val(pairs, pair);
  }
  va_end(ap);
  return intern((Pair *)pairs->data, pairs->len);
}

MonLabels *mon_labels_from(const char *const *pairs, guint n_pairs) {
  g_autofree Pair *copy = g_new(Pair, n_pairs);

  for (guint i = 0; i < n_pairs; i++)
    copy[i] = (Pair){pairs[2 * i], pairs[2 * i + 1]};
  return intern(copy, n_pairs);
}

MonLabels *mon_labels_ref(const MonLabels *labels) {
  ((MonLabels *)labels)->refs++;
  return (MonLabels *)labels;
}

void mon_labels_unref(const MonLabels *labels) {
  MonLabels *mine = (MonLabels *)labels;

  if (mine == NULL || --mine->refs > 0)
    return;
  g_hash_table_remove(alive, mine);
  g_free(mine->text);
  g_free(mine);
  if (g_hash_table_size(alive) == 0)
    g_clear_pointer(&alive, g_hash_table_unref);
}

const char *mon_labels_get(const MonLabels *labels, const char *name) {
  for (guint i = 0; i < labels->n; i++)
    if (strcmp(labels->pairs[i].name, name) == 0)
      return labels->pairs[i].value;
  return NULL;
}

guint mon_labels_n(const MonLabels *labels) {
  return labels->n;
}

void mon_labels_nth(const MonLabels *labels, guint i, const char **name, const char **value) {
  g_return_if_fail(i < labels->n);
  *name = labels->pairs[i].name;
  *value = labels->pairs[i].value;
}

MonLabels *mon_labels_with(const MonLabels *labels, const char *name, const char *value) {
  g_autofree Pair *pairs = g_new(Pair, labels->n + 1);

  memcpy(pairs, labels->pairs, labels->n * sizeof(Pair));
  pairs[labels->n] = (Pair){name, value};
  return intern(pairs, labels->n + 1);
}

guint64 mon_labels_hash(const MonLabels *labels) {
  return labels->hash;
}

gboolean mon_labels_equal(const MonLabels *a, const MonLabels *b) {
  return a == b;
}

static void append_escaped(GString *text, const char *value) {
  for (const char *c = value; *c != '\0'; c++) {
    if (*c == '\n')
      g_string_append(text, "\\n");
    else if (*c == '"' || *c == '\\')
      g_string_append_printf(text, "\\%c", *c);
    else
      g_string_append_c(text, *c);
  }
}

char *mon_labels_text(const MonLabels *labels) {
  GString *text = g_string_new("{");

  for (guint i = 0; i < labels->n; i++) {
    g_string_append_printf(text, "%s%s=\"", i > 0 ? "," : "", labels->pairs[i].name);
    append_escaped(text, labels->pairs[i].value);
    g_string_append_c(text, '"');
  }
  g_string_append_c(text, '}');
  return g_string_free(text, FALSE);
}

const char *mon_labels_peek(const MonLabels *labels, gsize *ret_n) {
  MonLabels *mine = (MonLabels *)labels;

  if (mine->text == NULL) {
    mine->text = mine->n > 0 ? mon_labels_text(mine) : g_strdup("");
    mine->text_n = strlen(mine->text);
  }
  *ret_n = mine->text_n;
  return mine->text;
}

gconstpointer mon_labels_bytes(const MonLabels *labels, gsize *ret_n) {
  *ret_n = labels->bytes;
  return labels->pairs + labels->n;
}

guint mon_labels_n_alive(void) {
  return alive != NULL ? g_hash_table_size(alive) : 0;
}

guint mon_labels_hash_func(gconstpointer labels) {
  return (guint)((const MonLabels *)labels)->hash;
}

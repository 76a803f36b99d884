/* semver.c: see semver.h. A comparator with wildcards or ^ and ~ becomes a lower and an upper
 * bound, so that judging knows only six comparisons. */
#include "checks/semver.h"

#include "common/error.h"

#include <string.h>

typedef struct {
  guint64 n[3];
  guint given; /* how many of the three were written; the rest are 0 */
  char *pre;   /* NULL: none */
} Version;

typedef enum { EQ, NE, LT, LE, GT, GE } Op;

typedef struct {
  Op op;
  Version version;
} Bound;

struct ChkRange {
  GPtrArray *alternatives; /* of GArray of Bound */
};

static void bound_clear(gpointer data) {
  g_free(((Bound *)data)->version.pre);
}

static gboolean identifiers_are_good(const char *text, gsize n) {
  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum(text[i]) && !strchr("-.~+", text[i]))
      return FALSE;
  return n > 0;
}

/* `wild`: x, X and * may stand for a number, and end the numbers. */
static gboolean version_parse(const char *text, gboolean wild, Version *ret) {
  const char *p = text;

  *ret = (Version){0};
  if (*p == 'v' || *p == 'V')
    p++;
  for (guint i = 0; i < 3; i++) {
    if (wild && (*p == 'x' || *p == 'X' || *p == '*')) {
      while (*p && strchr("xX*.", *p))
        p++;
      return *p == '\0';
    }
    char *end;
    if (!g_ascii_isdigit(*p))
      return FALSE;
    ret->n[i] = g_ascii_strtoull(p, &end, 10);
    if (end - p > 18)
      return FALSE;
    ret->given = i + 1;
    p = end;
    if (*p != '.' || i == 2)
      break;
    p++;
  }
  if (*p == '-' || *p == '~') {
    gsize n = strcspn(p + 1, "+");
    if (!identifiers_are_good(p + 1, n))
      return FALSE;
    ret->pre = g_strndup(p + 1, n);
    p += 1 + n;
  }
  if (*p == '\0' || (*p == '+' && identifiers_are_good(p + 1, strlen(p + 1))))
    return TRUE;
  g_clear_pointer(&ret->pre, g_free);
  return FALSE;
}

static int compare_identifier(const char *a, const char *b) {
  gboolean a_number = *a && strspn(a, "0123456789") == strlen(a);
  gboolean b_number = *b && strspn(b, "0123456789") == strlen(b);

  if (a_number && b_number) {
    guint64 x = g_ascii_strtoull(a, NULL, 10), y = g_ascii_strtoull(b, NULL, 10);
    return x < y ? -1 : x > y;
  }
  if (a_number != b_number)
    return a_number ? -1 : 1;
  return strcmp(a, b);
}

static int compare_pre(const char *a, const char *b) {
  if (!a || !b)
    return (a == NULL) - (b == NULL);
  g_auto(GStrv) x = g_strsplit(a, ".", -1), y = g_strsplit(b, ".", -1);
  for (guint i = 0; x[i] && y[i]; i++) {
    int r = compare_identifier(x[i], y[i]);
    if (r != 0)
      return r;
  }
  return (int)g_strv_length(x) - (int)g_strv_length(y);
}

static int compare(const Version *a, const Version *b) {
  for (guint i = 0; i < 3; i++)
    if (a->n[i] != b->n[i])
      return a->n[i] < b->n[i] ? -1 : 1;
  return compare_pre(a->pre, b->pre);
}

gboolean chk_version_compare(const char *a, const char *b, int *ret) {
  Version x = {0}, y = {0};
  gboolean good = version_parse(a, FALSE, &x) && version_parse(b, FALSE, &y);

  if (good)
    *ret = compare(&x, &y);
  g_free(x.pre);
  g_free(y.pre);
  return good;
}

static void add(GArray *bounds, Op op, const Version *version) {
  Bound bound = {op, *version};

  g_array_append_val(bounds, bound);
  g_array_index(bounds, Bound, bounds->len - 1).version.pre = g_strdup(version->pre);
}

/* The first version after all that share the first `n` numbers: 1.2.3, 2 is 1.3.0-0. */
static void add_below_next(GArray *bounds, const Version *version, guint n) {
  Version next = {.pre = (char *)"0"};

  for (guint i = 0; i < n; i++)
    next.n[i] = version->n[i];
  if (n == 0)
    return;
  next.n[n - 1]++;
  add(bounds, LT, &next);
}

static guint caret_keeps(const Version *v) {
  for (guint i = 0; i < 3; i++)
    if (v->n[i] != 0 || i + 1 >= v->given)
      return i + 1;
  return 3;
}

static gboolean add_comparator(GArray *bounds, const char *text, GError **error) {
  static const struct {
    const char *sign;
    int op; /* Op; 'c' caret, 't' tilde */
  } signs[] = {{">=", GE}, {"<=", LE}, {"!=", NE}, {"==", EQ}, {">", GT},
               {"<", LT},  {"=", EQ},  {"^", 'c'}, {"~", 't'}};
  int op = EQ;
  Version v;

  for (guint i = 0; i < G_N_ELEMENTS(signs); i++)
    if (g_str_has_prefix(text, signs[i].sign)) {
      op = signs[i].op;
      text += strlen(signs[i].sign);
      break;
    }
  while (*text == ' ')
    text++;
  if (!version_parse(text, TRUE, &v)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no version", text);
    return FALSE;
  }
  if (op == 'c' || op == 't') {
    add(bounds, GE, &v);
    add_below_next(bounds, &v, op == 'c' ? caret_keeps(&v) : MIN(v.given, 2));
  } else if (op == EQ && v.given < 3) {
    add(bounds, GE, &v);
    add_below_next(bounds, &v, v.given);
  } else if (op == LE && v.given < 3) {
    add_below_next(bounds, &v, v.given);
  } else if (op == GT && v.given < 3 && v.given > 0) {
    v.n[v.given - 1]++;
    add(bounds, GE, &v);
  } else {
    add(bounds, op, &v);
  }
  g_free(v.pre);
  return TRUE;
}

/* ">= 1.2" is one comparator; "1 - 2" two. */
static char *tidy(const char *text) {
  static const char *const joins[] = {">=", "<=", "!=", "==", ">", "<", "=", "^", "~"};
  g_autoptr(GString) s = g_string_new(text);

  for (guint i = 0; i < G_N_ELEMENTS(joins); i++) {
    g_autofree char *apart = g_strconcat(joins[i], " ", NULL);
    while (g_string_replace(s, apart, joins[i], 0) > 0)
      ;
  }
  g_string_replace(s, ",", " ", 0);
  return g_strstrip(g_string_free(g_steal_pointer(&s), FALSE));
}

static GArray *alternative(const char *text, GError **error) {
  g_autoptr(GArray) bounds = g_array_new(FALSE, TRUE, sizeof(Bound));
  g_autofree char *tidied = tidy(text);
  g_auto(GStrv) words = g_strsplit_set(tidied, " \t", -1);
  guint n = g_strv_length(words);

  g_array_set_clear_func(bounds, bound_clear);
  if (n == 3 && strcmp(words[1], "-") == 0) {
    g_autofree char *low = g_strconcat(">=", words[0], NULL),
                    *high = g_strconcat("<=", words[2], NULL);
    if (!add_comparator(bounds, low, error) || !add_comparator(bounds, high, error))
      return NULL;
    return g_steal_pointer(&bounds);
  }
  for (guint i = 0; i < n; i++)
    if (*words[i] && !add_comparator(bounds, words[i], error))
      return NULL;
  if (bounds->len == 0 && strcmp(tidied, "*") != 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a range without a version");
    return NULL;
  }
  return g_steal_pointer(&bounds);
}

ChkRange *chk_range_new(const char *text, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, "||", -1);
  ChkRange *range = g_new0(ChkRange, 1);

  range->alternatives = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
  for (guint i = 0; parts[i]; i++) {
    GArray *bounds = alternative(parts[i], error);
    if (!bounds) {
      chk_range_free(range);
      return NULL;
    }
    g_ptr_array_add(range->alternatives, bounds);
  }
  if (range->alternatives->len > 0)
    return range;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a range without a version");
  chk_range_free(range);
  return NULL;
}

void chk_range_free(ChkRange *range) {
  g_ptr_array_unref(range->alternatives);
  g_free(range);
}

static gboolean bound_holds(const Bound *bound, const Version *version) {
  int r = compare(version, &bound->version);

  switch (bound->op) {
  case EQ:
    return r == 0;
  case NE:
    return r != 0;
  case LT:
    return r < 0;
  case LE:
    return r <= 0;
  case GT:
    return r > 0;
  case GE:
    return r >= 0;
  }
  g_assert_not_reached();
}

gboolean chk_range_holds(const ChkRange *range, const char *version, gboolean *ret_holds,
                         GError **error) {
  Version v;

  if (!version_parse(version, FALSE, &v)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "it is no version");
    return FALSE;
  }
  *ret_holds = FALSE;
  for (guint i = 0; i < range->alternatives->len && !*ret_holds; i++) {
    GArray *bounds = g_ptr_array_index(range->alternatives, i);
    gboolean all = TRUE;
    for (guint k = 0; k < bounds->len && all; k++)
      all = bound_holds(&g_array_index(bounds, Bound, k), &v);
    *ret_holds = all;
  }
  g_free(v.pre);
  return TRUE;
}

/* config-parse.c: time spans, sizes, numbers and truth values as systemd writes them.
 *
 * A parser takes the whole text or refuses it: nothing is skipped, rounded up or wrapped
 * around. Sources: systemd.time(7), systemd.syntax(7). */
#include "common/config-private.h"
#include "common/error.h"

#include <string.h>

typedef struct {
  const char *name;
  guint64 factor;
} Unit;

/* Longer names first where one begins another, because the first match counts. */
#define SEC G_GUINT64_CONSTANT(1000000)

static const Unit time_units[] = {
    {"seconds", SEC},
    {"second", SEC},
    {"sec", SEC},
    {"s", SEC},
    {"minutes", 60 * SEC},
    {"minute", 60 * SEC},
    {"min", 60 * SEC},
    {"months", 2629800 * SEC},
    {"month", 2629800 * SEC},
    {"msec", 1000},
    {"ms", 1000},
    {"M", 2629800 * SEC},
    {"m", 60 * SEC},
    {"hours", 3600 * SEC},
    {"hour", 3600 * SEC},
    {"hr", 3600 * SEC},
    {"h", 3600 * SEC},
    {"days", 86400 * SEC},
    {"day", 86400 * SEC},
    {"d", 86400 * SEC},
    {"weeks", 7 * 86400 * SEC},
    {"week", 7 * 86400 * SEC},
    {"w", 7 * 86400 * SEC},
    {"years", 31557600 * SEC},
    {"year", 31557600 * SEC},
    {"y", 31557600 * SEC},
    {"usec", 1},
    {"us", 1},
    {"µs", 1}, /* U+00B5 */
    {"μs", 1}, /* U+03BC */
};

static const Unit size_units[] = {
    {"B", 1},          {"K", 1ULL << 10}, {"M", 1ULL << 20},
    {"G", 1ULL << 30}, {"T", 1ULL << 40}, {"P", 1ULL << 50},
};

static gboolean refuse(GError **error, const char *text, const char *expected) {
  g_autofree char *shown = g_utf8_make_valid(text, MIN(strlen(text), 80));

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is not %s", shown, expected);
  return FALSE;
}

/* Digits at `*p`, moved past; FALSE without any or when they do not fit. */
static gboolean take_digits(const char **p, guint64 *ret) {
  const char *start = *p;
  guint64 n = 0;

  for (; g_ascii_isdigit(**p); (*p)++)
    if (!g_uint64_checked_mul(&n, n, 10) || !g_uint64_checked_add(&n, n, **p - '0'))
      return FALSE;
  *ret = n;
  return *p > start;
}

/* ".25" of `factor`, rounded down; digits that weigh less than a microsecond are read too. */
static guint64 fraction_of(guint64 factor, const char *digits) {
  guint64 sum = 0, below = 1;

  for (; g_ascii_isdigit(*digits) && below < factor; digits++) {
    below *= 10;
    sum = sum * 10 + (*digits - '0');
  }
  /* At most 17 digits of a year's 31557600000000 us: the product needs 128 bits. */
  return (guint64)((unsigned __int128)sum * factor / below);
}

static const Unit *take_unit(const char **p, const Unit *units, gsize n) {
  for (gsize i = 0; i < n; i++)
    if (g_str_has_prefix(*p, units[i].name) && !g_ascii_isalpha((*p)[strlen(units[i].name)])) {
      *p += strlen(units[i].name);
      return &units[i];
    }
  return NULL;
}

static const char *skip_space(const char *p) {
  while (g_ascii_isspace(*p))
    p++;
  return p;
}

/* One "90", "1.5h" of a span; moves `*p` past it and the white space after it. */
static gboolean take_span_part(const char **p, guint64 *total) {
  guint64 whole = 0, part;

  if (**p != '.' && !take_digits(p, &whole))
    return FALSE;
  const char *fraction = NULL;
  if (**p == '.') {
    fraction = ++*p;
    while (g_ascii_isdigit(**p))
      (*p)++;
    if (*p == fraction)
      return FALSE;
  }
  const char *after = *p;
  *p = skip_space(*p);
  guint64 factor = G_USEC_PER_SEC;
  if (**p != '\0' && !(after < *p && (g_ascii_isdigit(**p) || **p == '.'))) {
    const Unit *unit = take_unit(p, time_units, G_N_ELEMENTS(time_units));
    if (!unit)
      return FALSE;
    factor = unit->factor;
  }
  if (!g_uint64_checked_mul(&part, whole, factor) || !g_uint64_checked_add(total, *total, part))
    return FALSE;
  if (fraction && !g_uint64_checked_add(total, *total, fraction_of(factor, fraction)))
    return FALSE;
  *p = skip_space(*p);
  return TRUE;
}

gboolean wg_parse_usec(const char *text, guint64 *ret, GError **error) {
  static const char expected[] = "a time span such as 500ms, 5s or 1min 30s";
  const char *p = skip_space(text);
  guint64 total = 0;

  if (g_str_has_prefix(p, "infinity") && *skip_space(p + strlen("infinity")) == '\0') {
    *ret = G_MAXUINT64;
    return TRUE;
  }
  do {
    if (!take_span_part(&p, &total))
      return refuse(error, text, expected);
  } while (*p != '\0');
  if (total == G_MAXUINT64)
    return refuse(error, text, expected);
  *ret = total;
  return TRUE;
}

gboolean wg_parse_bytes(const char *text, guint64 *ret, GError **error) {
  static const char expected[] = "a size such as 4096, 64K or 16M";
  const char *p = skip_space(text);
  guint64 n;

  if (!take_digits(&p, &n))
    return refuse(error, text, expected);
  p = skip_space(p);
  if (*p != '\0') {
    const Unit *unit = take_unit(&p, size_units, G_N_ELEMENTS(size_units));
    if (!unit || *skip_space(p) != '\0' || !g_uint64_checked_mul(&n, n, unit->factor))
      return refuse(error, text, expected);
  }
  *ret = n;
  return TRUE;
}

static gboolean parse_uint(const char *text, guint64 *ret, GError **error) {
  const char *p = text;
  guint64 n;

  if (!take_digits(&p, &n) || *p != '\0')
    return refuse(error, text, "a number");
  *ret = n;
  return TRUE;
}

static gboolean parse_bool(const char *text, guint64 *ret, GError **error) {
  static const char *const yes[] = {"1", "yes", "y", "true", "t", "on", NULL};
  static const char *const no[] = {"0", "no", "n", "false", "f", "off", NULL};

  for (guint i = 0; yes[i]; i++) {
    if (g_ascii_strcasecmp(text, yes[i]) == 0 || g_ascii_strcasecmp(text, no[i]) == 0) {
      *ret = g_ascii_strcasecmp(text, yes[i]) == 0;
      return TRUE;
    }
  }
  return refuse(error, text, "yes or no");
}

gboolean wg_config_parse_number(WgConfigType type, const char *text, guint64 *ret, GError **error) {
  switch (type) {
  case WG_CONFIG_BOOL:
    return parse_bool(text, ret, error);
  case WG_CONFIG_UINT:
    return parse_uint(text, ret, error);
  case WG_CONFIG_BYTES:
    return wg_parse_bytes(text, ret, error);
  case WG_CONFIG_USEC:
  case WG_CONFIG_USEC_LIST:
    return wg_parse_usec(text, ret, error);
  case WG_CONFIG_STRING:
    break;
  }
  g_assert_not_reached();
}

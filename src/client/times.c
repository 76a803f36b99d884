/* times.c: see times.h. Parsing is exact to the microsecond: fractions are read as digits, never as
 * a floating-point number. */
#include "client/times.h"

#include "client/cli.h"
#include "common/config.h"

#include <string.h>

#define SECOND ((guint64)G_USEC_PER_SEC)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Exactly `n` digits at *p. */
static gboolean digits(const char **p, guint n, int *ret) {
  int value = 0;

  for (guint i = 0; i < n; i++) {
    if (!g_ascii_isdigit((*p)[i]))
      return FALSE;
    value = value * 10 + ((*p)[i] - '0');
  }
  *p += n;
  *ret = value;
  return TRUE;
}

static gboolean literal(const char **p, char c) {
  if (**p != c)
    return FALSE;
  (*p)++;
  return TRUE;
}

/* ".123456789" as microseconds, digits after the sixth dropped; nothing there is 0. */
static gboolean fraction(const char **p, guint64 *ret) {
  guint64 scale = SECOND / 10;

  *ret = 0;
  if (**p != '.' && **p != ',')
    return TRUE;
  (*p)++;
  if (!g_ascii_isdigit(**p))
    return FALSE;
  for (; g_ascii_isdigit(**p); (*p)++, scale /= 10)
    *ret += (guint64)(**p - '0') * scale;
  return TRUE;
}

/* HH:MM[:SS[.FRACTION]] */
static gboolean clock_time(const char **p, int *h, int *m, int *s, guint64 *usec) {
  *s = 0;
  *usec = 0;
  if (!digits(p, 2, h) || !literal(p, ':') || !digits(p, 2, m))
    return FALSE;
  return !literal(p, ':') || (digits(p, 2, s) && fraction(p, usec));
}

/* "UTC", an abbreviation of the local zone as our own output has it (*ret_local; whether it is the
 * one of that day is for build() to see), or a name like "Europe/Berlin". */
static GTimeZone *named_zone(const char **p, const char **ret_local) {
  const char *name = *p;

  *p += strlen(name);
  if (g_str_equal(name, "UTC") || g_str_equal(name, "GMT"))
    return g_time_zone_new_utc();
  if (strchr(name, '/'))
    return g_time_zone_new_identifier(name);
  *ret_local = name;
  return g_time_zone_new_local();
}

/* Z, +HH[:MM], a name, or nothing (local). NULL: something else. */
static GTimeZone *zone(const char **p, const char **ret_local) {
  int h, m = 0;

  if (!**p)
    return g_time_zone_new_local();
  if ((*p)[0] == 'Z' && !(*p)[1] && literal(p, 'Z'))
    return g_time_zone_new_utc();
  if (g_ascii_isalpha(**p))
    return named_zone(p, ret_local);
  char sign = **p;
  if (sign != '+' && sign != '-')
    return NULL;
  (*p)++;
  if (!digits(p, 2, &h))
    return NULL;
  literal(p, ':');
  if (**p && !digits(p, 2, &m))
    return NULL;
  return h > 23 || m > 59 ? NULL
                          : g_time_zone_new_offset((sign == '-' ? -1 : 1) * (h * 60 + m) * 60);
}

/* `local`: the abbreviation that the local zone has to have at that time; NULL: any. */
static gboolean build(GTimeZone *tz, const char *local, int y, int mo, int d, int h, int mi, int s,
                      guint64 usec, guint64 *ret) {
  g_autoptr(GDateTime) t = g_date_time_new(tz, y, mo, d, h, mi, s);

  if (!t || g_date_time_to_unix(t) < 0 ||
      (local && g_strcmp0(local, g_date_time_get_timezone_abbreviation(t)) != 0))
    return FALSE;
  *ret = (guint64)g_date_time_to_unix(t) * SECOND + usec;
  return TRUE;
}

gboolean cli_time_parse_iso(const char *text, guint64 *ret) {
  int y, mo, d, h = 0, mi = 0, s = 0;
  guint64 usec = 0;
  const char *p = text, *local = NULL;

  if (!digits(&p, 4, &y) || !literal(&p, '-') || !digits(&p, 2, &mo) || !literal(&p, '-') ||
      !digits(&p, 2, &d))
    return FALSE;
  if ((*p == 'T' || *p == ' ') && p[1]) {
    p++;
    if (!clock_time(&p, &h, &mi, &s, &usec))
      return FALSE;
    if (*p == ' ')
      p++;
  }
  g_autoptr(GTimeZone) tz = zone(&p, &local);
  return tz && !*p && build(tz, local, y, mo, d, h, mi, s, usec, ret);
}

/* The local midnight `days` after today's. */
static gboolean midnight(guint64 now, int days, guint64 *ret) {
  g_autoptr(GDateTime) today = g_date_time_new_from_unix_local((gint64)(now / SECOND));
  g_autoptr(GDateTime) day = g_date_time_add_days(today, days);
  g_autoptr(GTimeZone) tz = g_time_zone_new_local();

  return build(tz, NULL, g_date_time_get_year(day), g_date_time_get_month(day),
               g_date_time_get_day_of_month(day), 0, 0, 0, 0, ret);
}

static gboolean named(const char *text, guint64 now, guint64 *ret) {
  if (g_str_equal(text, "now"))
    *ret = now;
  else if (g_str_equal(text, "today"))
    return midnight(now, 0, ret);
  else if (g_str_equal(text, "tomorrow"))
    return midnight(now, 1, ret);
  else if (g_str_equal(text, "yesterday"))
    return midnight(now, -1, ret);
  else
    return FALSE;
  return TRUE;
}

static gboolean unix_time(const char *p, guint64 *ret) {
  guint64 usec;
  char *end;

  if (!g_ascii_isdigit(*p))
    return FALSE;
  guint64 seconds = g_ascii_strtoull(p, &end, 10);
  const char *rest = end;
  if (seconds > G_MAXINT64 / SECOND || !fraction(&rest, &usec) || *rest)
    return FALSE;
  *ret = seconds * SECOND + usec;
  return TRUE;
}

static gboolean today_at(const char *text, guint64 now, guint64 *ret) {
  int h, m, s;
  guint64 usec;
  const char *p = text;

  if (!clock_time(&p, &h, &m, &s, &usec) || *p)
    return FALSE;
  g_autoptr(GDateTime) day = g_date_time_new_from_unix_local((gint64)(now / SECOND));
  g_autoptr(GTimeZone) tz = g_time_zone_new_local();
  return build(tz, NULL, g_date_time_get_year(day), g_date_time_get_month(day),
               g_date_time_get_day_of_month(day), h, m, s, usec, ret);
}

static gboolean relative(const char *text, guint64 now, guint64 *ret) {
  gboolean ago = g_str_has_suffix(text, " ago");
  g_autofree char *span = g_strdup(*text == '+' || *text == '-' ? text + 1 : text);
  guint64 usec;

  if (ago)
    span[strlen(span) - strlen(" ago")] = 0;
  if (!ago && *text != '+' && *text != '-')
    return FALSE;
  if (!wg_parse_usec(span, &usec, NULL))
    return FALSE;
  if (ago || *text == '-')
    *ret = usec > now ? 0 : now - usec;
  else
    *ret = usec > G_MAXINT64 - now ? G_MAXINT64 : now + usec;
  return TRUE;
}

/* systemd's programs print "Sun 2026-11-22 10:00:00 UTC"; the day of the week says nothing more. */
static const char *after_weekday(const char *text) {
  static const char *const days[] = {"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "};

  for (guint i = 0; i < G_N_ELEMENTS(days); i++)
    if (g_str_has_prefix(text, days[i]))
      return text + strlen(days[i]);
  return text;
}

gboolean cli_time_parse(const char *text, guint64 now, guint64 *ret, GError **error) {
  if (named(text, now, ret) || (*text == '@' && unix_time(text + 1, ret)) ||
      cli_time_parse_iso(after_weekday(text), ret) || today_at(text, now, ret) ||
      relative(text, now, ret))
    return TRUE;
  g_set_error(
      error, CLI_ERROR, CLI_EXIT_USAGE,
      "not a time; write 14:30, tomorrow, \"2026-11-22 10:00\", +2h, \"5min ago\" or @1700000000");
  return FALSE;
}

static char *format(guint64 usec, const char *pattern) {
  g_autoptr(GDateTime) t = g_date_time_new_from_unix_local((gint64)(usec / SECOND));

  return t ? g_date_time_format(t, pattern) : g_strdup("-");
}

char *cli_time_iso(guint64 usec) {
  g_autofree char *head = format(usec, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *tail = format(usec, "%:z");

  return g_strdup_printf("%s.%06" G_GUINT64_FORMAT "%s", head, usec % SECOND, tail);
}

char *cli_time_full(guint64 usec) {
  return format(usec, "%Y-%m-%d %H:%M:%S %Z");
}

char *cli_time_precise(guint64 usec) {
  g_autofree char *head = format(usec, "%Y-%m-%d %H:%M:%S");

  return g_strdup_printf("%s.%06" G_GUINT64_FORMAT, head, usec % SECOND);
}

/* One unit is enough for a glance. */
static char *coarse(guint64 span) {
  if (span < SECOND)
    return g_strdup_printf("%" G_GUINT64_FORMAT "ms", span / 1000);
  if (span < MINUTE)
    return g_strdup_printf("%" G_GUINT64_FORMAT "s", span / SECOND);
  if (span < HOUR)
    return g_strdup_printf("%" G_GUINT64_FORMAT "min", span / MINUTE);
  if (span < 2 * DAY)
    return g_strdup_printf("%" G_GUINT64_FORMAT "h", span / HOUR);
  return g_strdup_printf("%" G_GUINT64_FORMAT "d", span / DAY);
}

static guint64 round_up(guint64 span) {
  guint64 unit = span < SECOND ? 1000 : span < MINUTE ? SECOND : span < HOUR ? MINUTE : HOUR;

  return (span + unit - 1) / unit * unit;
}

char *cli_time_relative(guint64 usec, guint64 now) {
  if (usec == 0 || usec == G_MAXUINT64)
    return g_strdup("-");
  guint64 span = usec > now ? usec - now : now - usec;
  if (span > 21 * DAY)
    return format(usec, "%Y-%m-%d");
  if (span < 1000)
    return g_strdup("now");
  /* what is to come is rounded up, so that a lease of 5min does not begin with 4 */
  g_autofree char *text = coarse(usec > now ? round_up(span) : span);
  return usec > now ? g_strdup_printf("in %s", text) : g_strdup_printf("%s ago", text);
}

char *cli_time_span(guint64 usec) {
  if (usec == G_MAXUINT64)
    return g_strdup("infinity");
  if (usec < 1000)
    return g_strdup_printf("%" G_GUINT64_FORMAT "us", usec);
  if (usec < SECOND)
    return g_strdup_printf("%.3gms", (double)usec / 1000);
  guint64 big = usec >= DAY ? DAY : usec >= HOUR ? HOUR : usec >= MINUTE ? MINUTE : SECOND;
  guint64 small = big == DAY ? HOUR : big == HOUR ? MINUTE : SECOND;
  const char *big_unit = big == DAY ? "d" : big == HOUR ? "h" : big == MINUTE ? "min" : "s";
  const char *small_unit = small == HOUR ? "h" : small == MINUTE ? "min" : "s";
  guint64 rest = big == SECOND ? 0 : usec % big / small;
  return rest ? g_strdup_printf("%" G_GUINT64_FORMAT "%s %" G_GUINT64_FORMAT "%s", usec / big,
                                big_unit, rest, small_unit)
              : g_strdup_printf("%" G_GUINT64_FORMAT "%s", usec / big, big_unit);
}

/* calendar.c: reading of expressions; see calendar.h. */
#include "common/calendar-private.h"

#include "common/error.h"

#include <string.h>

static const struct {
  const char *word, *text;
} words[] = {
    {"minutely", "*-*-* *:*:00"},
    {"hourly", "*-*-* *:00:00"},
    {"daily", "*-*-* 00:00:00"},
    {"weekly", "Mon *-*-* 00:00:00"},
    {"monthly", "*-*-01 00:00:00"},
    {"quarterly", "*-01,04,07,10-01 00:00:00"},
    {"semiannually", "*-01,07-01 00:00:00"},
    {"semi-annually", "*-01,07-01 00:00:00"},
    {"biannually", "*-01,07-01 00:00:00"},
    {"bi-annually", "*-01,07-01 00:00:00"},
    {"yearly", "*-01-01 00:00:00"},
    {"annually", "*-01-01 00:00:00"},
    {"anually", "*-01-01 00:00:00"},
};

static const int lowest[] = {1970, 1, 1, 0, 0, 0};
static const int highest[] = {WG_CALENDAR_YEAR_MAX, 12, 31, 23, 59, 59};

static gboolean refuse(GError **error, const char *text, const char *why) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "'%s' is no calendar expression: %s (systemd.time(7) describes them)", text, why);
  return FALSE;
}

void wg_calendar_free(WgCalendar *calendar) {
  if (calendar == NULL)
    return;
  for (guint i = 0; i < WG_N_PARTS; i++)
    g_clear_pointer(&calendar->parts[i], g_array_unref);
  g_clear_pointer(&calendar->zone, g_time_zone_unref);
  g_free(calendar->text);
  g_free(calendar);
}

const char *wg_calendar_text(const WgCalendar *calendar) {
  return calendar->text;
}

/* "Mon", "Monday": 0 to 6; -1. */
static int weekday(const char *word, gsize size) {
  static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                     "friday", "saturday", "sunday"};

  for (int i = 0; i < 7; i++)
    if ((size == 3 || size == strlen(days[i])) && g_ascii_strncasecmp(word, days[i], size) == 0)
      return i;
  return -1;
}

static gboolean read_weekdays(WgCalendar *c, const char *text) {
  g_auto(GStrv) items = g_strsplit(text, ",", -1);

  for (guint i = 0; items[i]; i++) {
    const char *dots = strstr(items[i], "..");
    int first = weekday(items[i], dots ? (gsize)(dots - items[i]) : strlen(items[i]));
    int last = dots ? weekday(dots + 2, strlen(dots + 2)) : first;
    if (first < 0 || last < first)
      return FALSE;
    for (int day = first; day <= last; day++)
      c->weekdays |= (guint8)(1 << day);
  }
  return TRUE;
}

static gboolean number(const char **p, int part, int *ret) {
  const char *begin = *p;
  int value = 0;

  while (g_ascii_isdigit(**p) && *p - begin < 4)
    value = value * 10 + (*(*p)++ - '0');
  if (*p == begin || g_ascii_isdigit(**p))
    return FALSE;
  if (part == WG_YEAR && *p - begin <= 2)
    value += value < 70 ? 2000 : 1900;
  *ret = value;
  return TRUE;
}

static gboolean read_item(const char **p, int part, WgCalendarItem *ret) {
  WgCalendarItem item = {.stop = -1};
  gint64 repeat = 0;

  if (!number(p, part, &item.start))
    return FALSE;
  if ((*p)[0] == '.' && (*p)[1] == '.') {
    *p += 2;
    if (!number(p, part, &item.stop))
      return FALSE;
    item.repeat = 1;
  }
  if (**p == '/') {
    const char *end;
    repeat = (gint64)g_ascii_strtoull(++*p, (char **)&end, 10);
    if (end == *p || repeat <= 0 || repeat > 10000)
      return FALSE;
    item.repeat = (int)repeat;
    *p = end;
  }
  *ret = item;
  return item.start >= lowest[part] && item.start <= highest[part] &&
         (item.stop < 0 || item.stop <= highest[part]);
}

/* "*", or items with "," between, up to one of `ends`. */
static gboolean read_part(WgCalendar *c, const char **p, int part, const char *ends) {
  if (**p == '*') {
    ++*p;
    return **p == '\0' || strchr(ends, **p) != NULL;
  }
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(WgCalendarItem));
  for (;;) {
    WgCalendarItem item;
    if (!read_item(p, part, &item))
      return FALSE;
    if (item.stop >= 0 && (item.stop < item.start) != (c->from_end && part == WG_DAY) &&
        item.stop != item.start)
      return FALSE;
    g_array_append_val(items, item);
    if (**p != ',')
      break;
    ++*p;
  }
  c->parts[part] = g_steal_pointer(&items);
  return **p == '\0' || strchr(ends, **p) != NULL;
}

/* [YEAR-]MONTH-DAY, or MONTH~DAY */
static gboolean read_date(WgCalendar *c, const char *text) {
  guint dashes = 0;

  for (const char *s = text; *s; s++)
    dashes += *s == '-' || *s == '~';
  if (dashes < 1 || dashes > 2)
    return FALSE;
  const char *p = text;
  if (dashes == 2 && (!read_part(c, &p, WG_YEAR, "-") || *p++ != '-'))
    return FALSE;
  if (!read_part(c, &p, WG_MONTH, "-~") || *p == '\0')
    return FALSE;
  c->from_end = *p++ == '~';
  return read_part(c, &p, WG_DAY, "") && *p == '\0';
}

/* HOUR:MINUTE[:SECOND] */
static gboolean read_time(WgCalendar *c, const char *text) {
  const char *p = text;

  if (!read_part(c, &p, WG_HOUR, ":") || *p++ != ':' || !read_part(c, &p, WG_MINUTE, ":"))
    return FALSE;
  if (*p == ':') {
    p++;
    return read_part(c, &p, WG_SECOND, "") && *p == '\0';
  }
  const char *zero = "0";
  return *p == '\0' && read_part(c, &zero, WG_SECOND, "");
}

/* "HH:MM[:SS]" as seconds of the day; -1 */
static int clock_time(const char *text, gsize size) {
  int fields[3] = {0};
  guint n = 0;

  for (gsize i = 0; i < size && n < 3; n++) {
    gsize begin = i;
    for (; i < size && g_ascii_isdigit(text[i]) && i - begin < 2; i++)
      fields[n] = fields[n] * 10 + (text[i] - '0');
    if (i == begin || (i < size && text[i++] != ':') || (i == size && text[i - 1] == ':'))
      return -1;
    if (i >= size) {
      int all = fields[0] * 3600 + fields[1] * 60 + fields[2];
      return n >= 1 && fields[1] < 60 && fields[2] < 60 && all <= 86400 ? all : -1;
    }
  }
  return -1;
}

/* "02:00..04:00" */
static gboolean read_span(WgCalendar *c, const char *text) {
  const char *dots = strstr(text, "..");
  int from = dots ? clock_time(text, (gsize)(dots - text)) : -1;
  int to = from >= 0 ? clock_time(dots + 2, strlen(dots + 2)) : -1;

  if (to < 0 || from == to || from == 86400)
    return FALSE;
  c->from = from;
  c->to = to;
  return TRUE;
}

/* A time of day on both sides; of minutes alone ("10:00..30") it is a list, as for systemd. */
static gboolean is_span(const char *text) {
  const char *dots = strstr(text, "..");

  return dots && memchr(text, ':', (gsize)(dots - text)) && strchr(dots, ':') &&
         strspn(text, "0123456789:.") == strlen(text);
}

static gboolean read_zone(WgCalendar *c, const char *word) {
  g_clear_pointer(&c->zone, g_time_zone_unref);
  c->zone = g_ascii_strcasecmp(word, "UTC") == 0 ? g_time_zone_new_utc()
                                                 : g_time_zone_new_identifier(word);
  return c->zone != NULL;
}

static gboolean midnight(WgCalendar *c) {
  const char *text = "0:0:0";

  return read_time(c, text);
}

static gboolean is_time(const char *word) {
  return strchr(word, ':') != NULL;
}

/* Its words in their order: days of the week, date, time, zone. */
static gboolean read_words(WgCalendar *c, char **parts) {
  guint i = 0, begun = 0;

  if (parts[i] && g_ascii_isalpha(*parts[i]) && weekday(parts[i], MIN(strlen(parts[i]), 3)) >= 0) {
    if (!read_weekdays(c, parts[i++]))
      return FALSE;
    begun++;
  }
  if (parts[i] && !g_ascii_isalpha(*parts[i]) && !is_time(parts[i])) {
    if (!read_date(c, parts[i++]))
      return FALSE;
    begun++;
  }
  if (parts[i] && is_time(parts[i])) {
    c->has_time = TRUE;
    if (is_span(parts[i]) ? !read_span(c, parts[i]) : !read_time(c, parts[i]))
      return FALSE;
    i++;
    begun++;
  }
  if (parts[i] && begun > 0 && !read_zone(c, parts[i++]))
    return FALSE;
  return begun > 0 && parts[i] == NULL && (c->has_time || midnight(c));
}

/* The words of `text`, with a word that stands for an expression replaced; free with g_strfreev().
 */
static char **split(const char *text) {
  g_auto(GStrv) raw = g_strsplit_set(text, " \t", -1);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  for (guint i = 0, n = 0; raw[i]; i++) {
    const char *stands_for = NULL;
    if (*raw[i] == '\0')
      continue;
    for (guint w = 0; n == 0 && w < G_N_ELEMENTS(words); w++)
      if (g_ascii_strcasecmp(raw[i], words[w].word) == 0)
        stands_for = words[w].text;
    g_auto(GStrv) own = g_strsplit(stands_for ? stands_for : raw[i], " ", -1);
    g_strv_builder_addv(builder, (const char **)own);
    n++;
  }
  return g_strv_builder_end(builder);
}

WgCalendar *wg_calendar_parse(const char *text, GError **error) {
  g_autoptr(WgCalendar) c = g_new0(WgCalendar, 1);
  g_auto(GStrv) parts = split(text);

  c->text = g_strdup(text);
  c->from = c->to = -1;
  c->zone = g_time_zone_new_local();
  if (strlen(text) > 512) {
    refuse(error, "...", "it is too long");
    return NULL;
  }
  if (read_words(c, parts))
    return g_steal_pointer(&c);
  refuse(error, text, "[days of the week] [date] [time or FROM..TO] [zone] is expected");
  return NULL;
}

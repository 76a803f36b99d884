/* hours.c: see hours.h.
 *
 * Whether it holds is a question about a reading of the wall clock alone. When that changes next is
 * found by going from boundary to boundary (of a range, of the day, of the zone's offset), so that
 * no rule of a zone needs to be known here: a change of the offset is searched for by halves. */
#include "delivery/hours.h"

#include "common/error.h"

#include <string.h>

#define DAY_MINUTES (24 * 60)
#define DAY_SECONDS (24 * 60 * 60)
#define HORIZON (22 * (gint64)DAY_SECONDS)

typedef struct {
  guint8 days;
  guint from, to; /* minutes of the day; from != to; to <= 24:00 */
  char *text;
} Range;

struct DlvHours {
  GArray *ranges;
};

static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

static void range_clear(gpointer range) {
  g_free(((Range *)range)->text);
}

DlvHours *dlv_hours_new(void) {
  DlvHours *hours = g_new0(DlvHours, 1);

  hours->ranges = g_array_new(FALSE, FALSE, sizeof(Range));
  g_array_set_clear_func(hours->ranges, range_clear);
  return hours;
}

void dlv_hours_free(DlvHours *hours) {
  if (!hours)
    return;
  g_array_unref(hours->ranges);
  g_free(hours);
}

/* ---- reading ---- */
/* The day that `*p` begins with, moved past it; -1: none. */
static int take_day(const char **p) {
  for (int day = 0; day < 7; day++) {
    gsize n[] = {strlen(day_names[day]), 3};
    for (guint i = 0; i < G_N_ELEMENTS(n); i++)
      if (g_ascii_strncasecmp(*p, day_names[day], n[i]) == 0 && !g_ascii_isalpha((*p)[n[i]])) {
        *p += n[i];
        return day;
      }
  }
  return -1;
}

gboolean dlv_days_parse(const char *text, guint8 *ret_days, GError **error) {
  const char *p = text;
  guint8 days = 0;

  do {
    int first = take_day(&p), last = first;
    if (first >= 0 && g_str_has_prefix(p, "..")) {
      p += 2;
      last = take_day(&p);
    }
    if (first < 0 || last < 0) {
      days = 0;
      break;
    }
    for (int day = first;; day = (day + 1) % 7) {
      days |= (guint8)(1 << day);
      if (day == last)
        break;
    }
  } while (*p == ',' && p++);
  if (days == 0 || *p != '\0') {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.40s' is no list of days such as Mon..Fri or Sat,Sun", text);
    return FALSE;
  }
  *ret_days = days;
  return TRUE;
}

/* "HH:MM" at `*p`, moved past it; -1: none. */
static int take_time(const char **p) {
  const char *s = *p;

  for (guint i = 0; i < 5; i++)
    if (i == 2 ? s[i] != ':' : !g_ascii_isdigit(s[i]))
      return -1;
  int hour = (s[0] - '0') * 10 + s[1] - '0', minute = (s[3] - '0') * 10 + s[4] - '0';
  if (hour * 60 + minute > DAY_MINUTES || minute > 59)
    return -1;
  *p += 5;
  return hour * 60 + minute;
}

static gboolean take_range(const char *text, Range *range) {
  const char *p = text;
  int from = take_time(&p);

  if (from < 0 || from == DAY_MINUTES || *p++ != '-')
    return FALSE;
  int to = take_time(&p);
  if (to < 0 || *p != '\0' || to == from)
    return FALSE;
  range->from = (guint)from;
  range->to = (guint)to;
  return TRUE;
}

gboolean dlv_hours_add(DlvHours *hours, const char *text, guint8 days, GError **error) {
  Range range = {.days = days ? days : DLV_ALL_DAYS, .to = DAY_MINUTES};
  const char *space = text ? strrchr(text, ' ') : NULL;

  if (space) {
    g_autofree char *own = g_strndup(text, (gsize)(space - text));
    if (!dlv_days_parse(own, &range.days, error))
      return FALSE;
    if (days) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "'%.40s' names days already; leave out 'days', or the days here", text);
      return FALSE;
    }
  }
  if (text && !take_range(space ? space + 1 : text, &range)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.40s' is no range of hours such as 08:00-19:00, Mon..Fri 08:00-19:00 or, over "
                "midnight, 22:00-07:00 (the whole day: 00:00-24:00)",
                text);
    return FALSE;
  }
  GString *shown = g_string_new(NULL);
  if (!space && range.days != DLV_ALL_DAYS)
    for (int day = 0; day < 7; day++)
      if (range.days & (1 << day))
        g_string_append_printf(shown, "%s%.3s", shown->len ? "," : "", day_names[day]);
  if (text)
    g_string_append_printf(shown, "%s%s", shown->len ? " " : "", text);
  range.text = g_string_free(shown, FALSE);
  g_array_append_val(hours->ranges, range);
  return TRUE;
}

/* ---- asking ---- */
typedef struct {
  int day;      /* 0: Monday */
  gint64 clock; /* seconds since the day's 00:00 */
} Reading;

static int interval_at(GTimeZone *zone, gint64 sec) {
  return g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, sec);
}

static Reading read_clock(GTimeZone *zone, gint64 sec) {
  int interval = interval_at(zone, sec);
  gint64 local = sec + (interval < 0 ? 0 : g_time_zone_get_offset(zone, interval));
  gint64 days = local / DAY_SECONDS - (local % DAY_SECONDS < 0);

  /* Day 0 of the epoch was a Thursday. */
  return (Reading){.day = (int)(((days + 3) % 7 + 7) % 7), .clock = local - days * DAY_SECONDS};
}

static gboolean range_holds(const Range *range, Reading now) {
  gint64 from = range->from * 60, to = range->to * 60;
  gboolean today = range->days & (1 << now.day);

  if (from < to)
    return today && now.clock >= from && now.clock < to;
  gboolean yesterday = range->days & (1 << ((now.day + 6) % 7));
  return (today && now.clock >= from) || (yesterday && now.clock < to);
}

static gboolean holds(const DlvHours *hours, gint64 sec, GTimeZone *zone) {
  Reading now = read_clock(zone, sec);

  for (guint i = 0; i < hours->ranges->len; i++)
    if (range_holds(&g_array_index(hours->ranges, Range, i), now))
      return TRUE;
  return FALSE;
}

static gint64 floor_sec(gint64 usec) {
  return usec / G_USEC_PER_SEC - (usec % G_USEC_PER_SEC < 0);
}

gboolean dlv_hours_holds(const DlvHours *hours, gint64 real, GTimeZone *zone) {
  return holds(hours, floor_sec(real), zone);
}

/* Seconds from the reading to the nearest boundary after it, as if the offset stayed. */
static gint64 to_boundary(const DlvHours *hours, gint64 clock) {
  gint64 best = DAY_SECONDS - clock;

  for (guint i = 0; i < hours->ranges->len; i++) {
    const Range *range = &g_array_index(hours->ranges, Range, i);
    gint64 at[] = {range->from * 60, range->to * 60};
    for (guint k = 0; k < G_N_ELEMENTS(at); k++)
      if (at[k] > clock)
        best = MIN(best, at[k] - clock);
  }
  return best;
}

/* The first second after `from`, at most `to`, in another interval of the zone than `from`. */
static gint64 first_of_interval(GTimeZone *zone, gint64 from, gint64 to) {
  int interval = interval_at(zone, from);

  while (to - from > 1) {
    gint64 middle = from + (to - from) / 2;
    if (interval_at(zone, middle) == interval)
      from = middle;
    else
      to = middle;
  }
  return to;
}

gint64 dlv_hours_next(const DlvHours *hours, gint64 real, GTimeZone *zone) {
  gint64 start = floor_sec(real);
  gboolean now = holds(hours, start, zone);

  for (gint64 at = start; at < start + HORIZON;) {
    gint64 next = at + to_boundary(hours, read_clock(zone, at).clock);
    if (interval_at(zone, next) != interval_at(zone, at))
      next = first_of_interval(zone, at, next);
    at = next;
    if (holds(hours, at, zone) != now)
      return at * G_USEC_PER_SEC;
  }
  return 0;
}

char *dlv_hours_text(const DlvHours *hours) {
  GString *text = g_string_new(NULL);

  for (guint i = 0; i < hours->ranges->len; i++)
    g_string_append_printf(text, "%s%s", i ? ", " : "",
                           g_array_index(hours->ranges, Range, i).text);
  return g_string_free(text, FALSE);
}

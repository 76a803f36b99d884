/* goss-time.c: times and durations as Go writes and reads them: a layout is the time of reference,
 * "Mon Jan 2 15:04:05 MST 2006", written as the time is to be. Pure but for the zone of the
 * machine.
 *
 * A time is a text here, as Go prints it; to a microsecond, not a nanosecond. */
#include "checks/goss-private.h"

#include <string.h>

#define TIME_LAYOUT "2006-01-02 15:04:05.999999999 -0700 MST"

typedef enum {
  LITERAL,
  NUMBER, /* with its format of GDateTime */
  MONTH,
  DAY_OF_WEEK,
  HALF, /* of the day */
  ZONE, /* MST */
  OFFSET,
  FRACTION
} Kind;

typedef enum { YEAR, YEAR_2, MONTH_N, DAY, YEAR_DAY, HOUR, HOUR_12, MINUTE, SECOND, N_PARTS } Part;

/* `a`: of NUMBER the part, of names whether they are long, of OFFSET whether "Z" is UTC. */
typedef struct {
  const char *text;
  Kind kind;
  guint a, digits; /* digits: the least and, but for years, the most that are read */
  const char *format;
} Word;

/* The longer ones first. */
static const Word words[] = {
    {"January", MONTH, 1, 0, "%B"},
    {"Jan", MONTH, 0, 0, "%b"},
    {"Monday", DAY_OF_WEEK, 1, 0, "%A"},
    {"Mon", DAY_OF_WEEK, 0, 0, "%a"},
    {"MST", ZONE, 0, 0, "%Z"},
    {"2006", NUMBER, YEAR, 4, "%04d"},
    {"_2006", LITERAL, 0, 0, NULL},
    {"__2", NUMBER, YEAR_DAY, 1, "%3d"},
    {"002", NUMBER, YEAR_DAY, 3, "%03d"},
    {"_2", NUMBER, DAY, 1, "%2d"},
    {"15", NUMBER, HOUR, 2, "%02d"},
    {"01", NUMBER, MONTH_N, 2, "%02d"},
    {"02", NUMBER, DAY, 2, "%02d"},
    {"03", NUMBER, HOUR_12, 2, "%02d"},
    {"04", NUMBER, MINUTE, 2, "%02d"},
    {"05", NUMBER, SECOND, 2, "%02d"},
    {"06", NUMBER, YEAR_2, 2, "%02d"},
    {"1", NUMBER, MONTH_N, 1, "%d"},
    {"2", NUMBER, DAY, 1, "%d"},
    {"3", NUMBER, HOUR_12, 1, "%d"},
    {"4", NUMBER, MINUTE, 1, "%d"},
    {"5", NUMBER, SECOND, 1, "%d"},
    {"PM", HALF, 1, 0, NULL},
    {"pm", HALF, 0, 0, NULL},
    {"Z07:00", OFFSET, 1, 5, NULL},
    {"Z0700", OFFSET, 1, 4, NULL},
    {"Z07", OFFSET, 1, 2, NULL},
    {"-07:00", OFFSET, 0, 5, NULL},
    {"-0700", OFFSET, 0, 4, NULL},
    {"-07", OFFSET, 0, 2, NULL},
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

/* Zeros or nines behind "." or ",", that end there: their number; 0: no fraction. */
static guint fraction_of(const char *p) {
  gsize n;

  if ((*p != '.' && *p != ',') || (p[1] != '0' && p[1] != '9'))
    return 0;
  n = strspn(p + 1, p[1] == '0' ? "0" : "9");
  return g_ascii_isdigit(p[1 + n]) || n > 9 ? 0 : (guint)n;
}

/* The word at `p`; NULL: a plain character. */
static const Word *word_at(const char *p) {
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    const Word *w = &words[i];
    gboolean is_short = (w->kind == MONTH || w->kind == DAY_OF_WEEK) && w->a == 0;
    if (g_str_has_prefix(p, w->text) && !(is_short && g_ascii_islower(p[strlen(w->text)])))
      return w;
  }
  return NULL;
}

/* ---- writing ---- */
static int part_of(GDateTime *time, Part part) {
  int hour = g_date_time_get_hour(time);

  switch (part) {
  case YEAR:
    return g_date_time_get_year(time);
  case YEAR_2:
    return g_date_time_get_year(time) % 100;
  case MONTH_N:
    return g_date_time_get_month(time);
  case DAY:
    return g_date_time_get_day_of_month(time);
  case YEAR_DAY:
    return g_date_time_get_day_of_year(time);
  case HOUR_12:
    return hour % 12 ? hour % 12 : 12;
  case MINUTE:
    return g_date_time_get_minute(time);
  case SECOND:
    return g_date_time_get_second(time);
  default:
    return hour;
  }
}

static void write_number(GString *out, const char *format, int number) {
  if (g_str_equal(format, "%04d"))
    g_string_append_printf(out, "%04d", number);
  else if (g_str_equal(format, "%03d"))
    g_string_append_printf(out, "%03d", number);
  else if (g_str_equal(format, "%02d"))
    g_string_append_printf(out, "%02d", number);
  else if (g_str_equal(format, "%3d"))
    g_string_append_printf(out, "%3d", number);
  else if (g_str_equal(format, "%2d"))
    g_string_append_printf(out, "%2d", number);
  else
    g_string_append_printf(out, "%d", number);
}

static void write_offset(GString *out, const Word *w, GDateTime *time) {
  int minutes = (int)(g_date_time_get_utc_offset(time) / G_TIME_SPAN_MINUTE), size = ABS(minutes);

  if (w->a && minutes == 0) {
    g_string_append_c(out, 'Z');
    return;
  }
  g_string_append_printf(out, "%c%02d", minutes < 0 ? '-' : '+', size / 60);
  if (w->digits >= 4)
    g_string_append_printf(out, "%s%02d", w->digits == 5 ? ":" : "", size % 60);
}

/* With nines no zeros at the end, and nothing for none. */
static void write_fraction(GString *out, const char *layout, guint digits, GDateTime *time) {
  g_autofree char *text = g_strdup_printf("%c%06d000", *layout, g_date_time_get_microsecond(time));

  text[1 + digits] = 0;
  for (gsize n = strlen(text); layout[1] == '9' && n > 0 && strchr("0.,", text[n - 1]); n--)
    text[n - 1] = 0;
  g_string_append(out, text);
}

static void write_word(GString *out, const Word *w, GDateTime *time) {
  const char *name;

  switch (w->kind) {
  case NUMBER:
    write_number(out, w->format, part_of(time, w->a));
    return;
  case MONTH:
  case DAY_OF_WEEK:
    name = w->kind == MONTH ? months[g_date_time_get_month(time) - 1]
                            : days[g_date_time_get_day_of_week(time) - 1];
    g_string_append_len(out, name, w->a ? (gssize)strlen(name) : 3);
    return;
  case HALF:
    name = g_date_time_get_hour(time) < 12 ? "AMam" : "PMpm";
    g_string_append_len(out, w->a ? name : name + 2, 2);
    return;
  case ZONE: /* a zone without a name is its offset */
    name = g_date_time_get_timezone_abbreviation(time);
    if (strchr("+-", *name))
      write_offset(out, &(Word){.digits = 4}, time);
    else
      g_string_append(out, name);
    return;
  case OFFSET:
    write_offset(out, w, time);
    return;
  default: /* "_2006" */
    g_string_append_printf(out, "_%04d", g_date_time_get_year(time));
  }
}

char *goss_time_format(const char *layout, GDateTime *time) {
  GString *out = g_string_new(NULL);

  for (const char *p = layout; *p;) {
    guint digits = fraction_of(p);
    const Word *w = digits ? NULL : word_at(p);
    if (digits)
      write_fraction(out, p, digits, time);
    else if (w)
      write_word(out, w, time);
    else
      g_string_append_c(out, *p);
    p += digits ? digits + 1 : w ? strlen(w->text) : 1;
  }
  return g_string_free(out, FALSE);
}

/* ---- reading ---- */
typedef struct {
  int parts[N_PARTS]; /* -1: not told */
  int half;           /* 1: after noon; -1 */
  double fraction;
  int offset; /* seconds; G_MAXINT */
  gboolean utc;
} Read;

static gboolean read_digits(const char **p, guint least, guint most, int *ret) {
  guint n = 0;

  for (*ret = 0; n < most && g_ascii_isdigit(**p); n++, ++*p)
    *ret = *ret * 10 + (**p - '0');
  return n >= least;
}

static gboolean read_name(const char **p, const char *const *names, guint n, gboolean whole,
                          int *ret) {
  for (guint i = 0; i < n; i++) {
    gsize length = whole ? strlen(names[i]) : 3;
    if (g_ascii_strncasecmp(*p, names[i], length) == 0) {
      *ret = (int)i + 1;
      *p += length;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean read_offset(Read *r, const Word *w, const char **p) {
  int hours = 0, minutes = 0, sign = **p == '-' ? -1 : 1;

  if (w->a && **p == 'Z') {
    r->offset = 0;
    ++*p;
    return TRUE;
  }
  if (**p != '-' && **p != '+')
    return FALSE;
  ++*p;
  if (!read_digits(p, 2, 2, &hours))
    return FALSE;
  if (w->digits == 5 && *(*p)++ != ':')
    return FALSE;
  if (w->digits >= 4 && !read_digits(p, 2, 2, &minutes))
    return FALSE;
  r->offset = sign * (hours * 3600 + minutes * 60);
  return hours <= 24 && minutes < 60;
}

static gboolean read_fraction(Read *r, const char **p) {
  double scale = 0.1;

  for (++*p; g_ascii_isdigit(**p); ++*p, scale /= 10)
    r->fraction += (**p - '0') * scale;
  return TRUE;
}

static gboolean read_number(Read *r, const Word *w, const char **p, gboolean fraction_next) {
  guint most = w->a == YEAR ? 4 : w->a == YEAR_DAY ? 3 : 2;

  for (; *w->text == '_' && **p == ' ';)
    ++*p;
  if (!read_digits(p, w->digits, most, &r->parts[w->a]))
    return FALSE;
  if (w->a == SECOND && !fraction_next && (**p == '.' || **p == ',') && g_ascii_isdigit((*p)[1]))
    return read_fraction(r, p);
  return TRUE;
}

static gboolean read_word(Read *r, const Word *w, const char **p, gboolean fraction_next) {
  int ignored;
  gsize n;

  switch (w->kind) {
  case NUMBER:
    return read_number(r, w, p, fraction_next);
  case MONTH:
    return read_name(p, months, G_N_ELEMENTS(months), w->a, &r->parts[MONTH_N]);
  case DAY_OF_WEEK:
    return read_name(p, days, G_N_ELEMENTS(days), w->a, &ignored);
  case HALF:
    r->half = g_ascii_toupper(**p) == 'P';
    n = g_ascii_strncasecmp(*p, "AM", 2) == 0 || g_ascii_strncasecmp(*p, "PM", 2) == 0 ? 2 : 0;
    *p += n;
    return n > 0;
  case ZONE:
    n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-0123456789:");
    r->utc = n == 3 && strncmp(*p, "UTC", 3) == 0;
    *p += n;
    return n > 0;
  case OFFSET:
    return read_offset(r, w, p);
  default:
    *p += **p == '_';
    return read_digits(p, 4, 4, &r->parts[YEAR]);
  }
}

static int or_else(int number, int otherwise) {
  return number < 0 ? otherwise : number;
}

static GDateTime *made(const Read *r, GTimeZone *zone) {
  int two = r->parts[YEAR_2], hour = or_else(r->parts[HOUR], or_else(r->parts[HOUR_12], 0));
  int year = two < 0 ? or_else(r->parts[YEAR], 1) : two + (two >= 69 ? 1900 : 2000);
  g_autoptr(GTimeZone) other = r->utc || r->offset == 0 ? g_time_zone_new_utc()
                               : r->offset != G_MAXINT  ? g_time_zone_new_offset(r->offset)
                                                        : g_time_zone_ref(zone);

  if (r->half == 1 && hour < 12)
    hour += 12;
  else if (r->half == 0 && hour == 12)
    hour = 0;
  g_autoptr(GDateTime) time =
      g_date_time_new(other, year, or_else(r->parts[MONTH_N], 1), or_else(r->parts[DAY], 1), hour,
                      or_else(r->parts[MINUTE], 0), or_else(r->parts[SECOND], 0) + r->fraction);
  if (!time || r->parts[YEAR_DAY] < 1)
    return g_steal_pointer(&time);
  return g_date_time_add_days(time, r->parts[YEAR_DAY] - g_date_time_get_day_of_year(time));
}

GDateTime *goss_time_read(const char *layout, const char *text, GTimeZone *zone) {
  Read r = {.half = -1, .offset = G_MAXINT};
  const char *t = text;

  for (guint i = 0; i < N_PARTS; i++)
    r.parts[i] = -1;
  for (const char *p = layout; *p;) {
    guint digits = fraction_of(p);
    const Word *w = digits ? NULL : word_at(p);
    const char *next = p + (digits ? digits + 1 : w ? strlen(w->text) : 1);
    if (digits && (*t == '.' || *t == ',')) {
      read_fraction(&r, &t);
    } else if (w) {
      if (!read_word(&r, w, &t, fraction_of(next) > 0))
        return NULL;
    } else if (!digits && *t++ != *p) {
      return NULL;
    } else if (digits && p[1] == '0') {
      return NULL;
    }
    p = next;
  }
  return *t ? NULL : made(&r, zone);
}

/* ---- as values ---- */
GDateTime *goss_time_of(JsonNode *value) {
  g_autoptr(GTimeZone) zone = g_time_zone_new_local();
  g_autoptr(GDateTime) time =
      goss_is_text(value) ? goss_time_read(TIME_LAYOUT, json_node_get_string(value), zone) : NULL;

  if (!time || g_str_has_suffix(json_node_get_string(value), " UTC"))
    return g_steal_pointer(&time);
  return g_date_time_to_local(time); /* the only other zone that a time is kept in */
}

JsonNode *goss_time_node(Goss *g, GDateTime *time) {
  return goss_take_text(g, goss_time_format(TIME_LAYOUT, time));
}

JsonNode *goss_time_field(Goss *g, JsonNode *value, const char *name) {
  static const struct {
    const char *name;
    Part part;
  } parts[] = {{"Year", YEAR},     {"Day", DAY},       {"Hour", HOUR},
               {"Minute", MINUTE}, {"Second", SECOND}, {"YearDay", YEAR_DAY}};
  g_autoptr(GDateTime) time = goss_time_of(value);
  g_autoptr(GDateTime) other = NULL;

  if (!time)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (g_str_equal(name, parts[i].name))
      return goss_int(g, part_of(time, parts[i].part));
  if (g_str_equal(name, "Month"))
    return goss_text(g, months[g_date_time_get_month(time) - 1]);
  if (g_str_equal(name, "Weekday"))
    return goss_text(g, days[g_date_time_get_day_of_week(time) - 1]);
  if (g_str_equal(name, "Unix"))
    return goss_int(g, g_date_time_to_unix(time));
  if (g_str_equal(name, "UTC"))
    return goss_time_node(g, other = g_date_time_to_utc(time));
  if (g_str_equal(name, "Local"))
    return goss_time_node(g, other = g_date_time_to_local(time));
  return g_str_equal(name, "String") ? value : NULL;
}

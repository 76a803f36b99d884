/* goss-functions-time.c: Sprig's functions of dates, and durations as Go prints them. What is no
 * time is now, and a zone that nobody knows is UTC: so Sprig has it. */
#include "checks/goss-private.h"

#include <string.h>

#define HTML_LAYOUT "2006-01-02"

/* ---- durations ---- */
static const struct {
  const char *unit;
  double nsec;
} units[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
             {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};

gboolean goss_duration_read(const char *text, gint64 *ret) {
  gboolean minus = *text == '-';
  double sum = 0;

  text += *text == '-' || *text == '+';
  *ret = 0;
  if (g_str_equal(text, "0"))
    return TRUE;
  do {
    char *end;
    guint i = 0;
    double number = g_ascii_isdigit(*text) || *text == '.' ? g_ascii_strtod(text, &end) : -1;
    if (number < 0 || end == text)
      return FALSE;
    for (; i < G_N_ELEMENTS(units); i++) {
      gsize n = strlen(units[i].unit);
      if (strncmp(end, units[i].unit, n) == 0 && !g_ascii_isalpha(end[n]))
        break;
    }
    if (i == G_N_ELEMENTS(units))
      return FALSE;
    sum += number * units[i].nsec;
    text = end + strlen(units[i].unit);
  } while (*text);
  if (sum >= 9.2e18)
    return FALSE;
  *ret = minus ? -(gint64)sum : (gint64)sum;
  return TRUE;
}

/* "1.5" of nanoseconds and how many make one. */
static void append_decimal(GString *out, guint64 nsec, guint64 one) {
  char fraction[24];

  g_string_append_printf(out, "%" G_GUINT64_FORMAT, nsec / one);
  if (nsec % one == 0)
    return;
  g_snprintf(fraction, sizeof fraction, "%" G_GUINT64_FORMAT, one + nsec % one); /* a 1 before it */
  for (gsize n = strlen(fraction); fraction[n - 1] == '0'; n--)
    fraction[n - 1] = 0;
  g_string_append_printf(out, ".%s", fraction + 1);
}

char *goss_duration_print(gint64 nsec) {
  guint64 size = nsec < 0 ? 0 - (guint64)nsec : (guint64)nsec, second = 1000000000;
  GString *out = g_string_new(nsec < 0 ? "-" : "");

  if (size == 0 || size >= second) {
    if (size >= 3600 * second)
      g_string_append_printf(out, "%" G_GUINT64_FORMAT "h", size / (3600 * second));
    if (size >= 60 * second)
      g_string_append_printf(out, "%" G_GUINT64_FORMAT "m", size / (60 * second) % 60);
    append_decimal(out, size % (60 * second), second);
    g_string_append(out, "s");
  } else {
    guint64 one = size >= 1000000 ? 1000000 : size >= 1000 ? 1000 : 1;
    append_decimal(out, size, one);
    g_string_append(out, one == 1000000 ? "ms" : one == 1000 ? "µs" : "ns");
  }
  return g_string_free(out, FALSE);
}

/* ---- times ---- */
static GDateTime *time_or_now(JsonNode *value) {
  GDateTime *time = goss_is_int(value) ? g_date_time_new_from_unix_local(json_node_get_int(value))
                                       : goss_time_of(value);

  return time ? time : g_date_time_new_now_local();
}

static JsonNode *dated(Goss *g, const char *layout, JsonNode *value, const char *zone) {
  g_autoptr(GDateTime) time = time_or_now(value);
  g_autoptr(GTimeZone) other = !zone                        ? g_time_zone_new_local()
                               : *zone == 0                 ? g_time_zone_new_utc()
                               : g_str_equal(zone, "Local") ? g_time_zone_new_local()
                                                            : g_time_zone_new_identifier(zone);
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) there = g_date_time_to_timezone(time, other ? other : utc);

  return there ? goss_take_text(g, goss_time_format(layout, there)) : goss_text(g, "");
}

static JsonNode *f_now(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();

  return goss_time_node(g, now);
}

static JsonNode *f_date(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *layout = goss_print(args[0]);

  return dated(g, layout, args[1], NULL);
}

static JsonNode *f_date_in_zone(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *layout = goss_print(args[0]), *zone = goss_print(args[2]);

  return dated(g, layout, args[1], zone);
}

static JsonNode *f_html_date(Goss *g, JsonNode **args, guint n, GError **error) {
  return dated(g, HTML_LAYOUT, args[0], NULL);
}

static JsonNode *f_html_date_in_zone(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *zone = goss_print(args[1]);

  return dated(g, HTML_LAYOUT, args[0], zone);
}

static JsonNode *modified(Goss *g, JsonNode **args, gboolean must, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  g_autoptr(GDateTime) time = goss_time_of(args[1]);
  gint64 nsec = 0;

  if (!time) {
    goss_fail(g, error, "dateModify needs a time, as now and toDate are");
    return NULL;
  }
  if (!goss_duration_read(text, &nsec) && must) {
    goss_fail(g, error, "\"%s\" is no duration", text);
    return NULL;
  }
  g_autoptr(GDateTime) then = g_date_time_add(time, nsec / 1000);
  if (then)
    return goss_time_node(g, then);
  goss_fail(g, error, "dateModify: a time that cannot be");
  return NULL;
}

static JsonNode *f_date_modify(Goss *g, JsonNode **args, guint n, GError **error) {
  return modified(g, args, FALSE, error);
}

static JsonNode *f_must_date_modify(Goss *g, JsonNode **args, guint n, GError **error) {
  return modified(g, args, TRUE, error);
}

/* The first instant of Go's calendar, where the text does not fit. */
static JsonNode *to_date(Goss *g, JsonNode **args, gboolean must, GError **error) {
  g_autofree char *layout = goss_print(args[0]), *text = goss_print(args[1]);
  g_autoptr(GTimeZone) zone = g_time_zone_new_local();
  g_autoptr(GDateTime) time = goss_time_read(layout, text, zone);

  if (!time && must) {
    goss_fail(g, error, "\"%s\" does not fit the layout \"%s\"", text, layout);
    return NULL;
  }
  if (!time)
    time = g_date_time_new_utc(1, 1, 1, 0, 0, 0);
  return goss_time_node(g, time);
}

static JsonNode *f_to_date(Goss *g, JsonNode **args, guint n, GError **error) {
  return to_date(g, args, FALSE, error);
}

static JsonNode *f_must_to_date(Goss *g, JsonNode **args, guint n, GError **error) {
  return to_date(g, args, TRUE, error);
}

static JsonNode *f_unix_epoch(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GDateTime) time = goss_time_of(args[0]);

  if (time)
    return goss_take_text(g, g_strdup_printf("%" G_GINT64_FORMAT, g_date_time_to_unix(time)));
  goss_fail(g, error, "unixEpoch needs a time, as now and toDate are");
  return NULL;
}

static gint64 since(JsonNode *value) {
  g_autoptr(GDateTime) time = time_or_now(value), now = g_date_time_new_now_local();

  return g_date_time_difference(now, time) / G_TIME_SPAN_SECOND * 1000000000;
}

static JsonNode *f_ago(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, goss_duration_print(since(args[0])));
}

/* Of a number of seconds. */
static JsonNode *f_duration(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 seconds = CLAMP(goss_whole(args[0]), -9000000000, 9000000000);

  return goss_take_text(g, goss_duration_print(seconds * 1000000000));
}

static JsonNode *f_duration_round(Goss *g, JsonNode **args, guint n, GError **error) {
  static const struct {
    guint64 seconds;
    char letter;
  } steps[] = {{31536000, 'y'}, {2592000, 'm'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  g_autoptr(GDateTime) time = goss_time_of(args[0]);
  gint64 nsec = goss_is_int(args[0]) ? json_node_get_int(args[0]) : time ? since(args[0]) : 0;

  if (!time && goss_is_text(args[0]))
    goss_duration_read(json_node_get_string(args[0]), &nsec);
  guint64 size = nsec < 0 ? 0 - (guint64)nsec : (guint64)nsec;
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
    if (size > steps[i].seconds * 1000000000)
      return goss_take_text(g, g_strdup_printf("%" G_GUINT64_FORMAT "%c",
                                               size / (steps[i].seconds * 1000000000),
                                               steps[i].letter));
  return goss_text(g, "0s");
}

const GossFunctionRow goss_functions_time[] = {
    {"now", 0, 0, f_now},
    {"date", 2, 2, f_date},
    {"dateInZone", 3, 3, f_date_in_zone},
    {"date_in_zone", 3, 3, f_date_in_zone},
    {"htmlDate", 1, 1, f_html_date},
    {"htmlDateInZone", 2, 2, f_html_date_in_zone},
    {"dateModify", 2, 2, f_date_modify},
    {"date_modify", 2, 2, f_date_modify},
    {"mustDateModify", 2, 2, f_must_date_modify},
    {"must_date_modify", 2, 2, f_must_date_modify},
    {"toDate", 2, 2, f_to_date},
    {"mustToDate", 2, 2, f_must_to_date},
    {"unixEpoch", 1, 1, f_unix_epoch},
    {"ago", 1, 1, f_ago},
    {"duration", 1, 1, f_duration},
    {"durationRound", 1, 1, f_duration_round},
    {NULL, 0, 0, NULL},
};

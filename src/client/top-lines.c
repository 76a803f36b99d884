/* top-lines.c: the lines of `waggle top`, for a screen, a pipe and a test alike, see top.h. What
 * does not fit is left out from below: trouble stands first. No list takes more than a quarter of a
 * screen, so that much trouble of one kind hides none of another. */
#include "client/top.h"

#include "client/terminal.h"

#include <string.h>

typedef struct {
  GArray *lines;
  guint rows, columns;
} Page;

static void line(Page *page, CliStyle style, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void line(Page *page, CliStyle style, const char *format, ...) {
  va_list ap;

  if (page->lines->len >= page->rows)
    return;
  va_start(ap, format);
  g_autofree char *whole = g_strdup_vprintf(format, ap);
  va_end(ap);
  g_autofree char *safe = cli_text_one_line(whole);
  CliTopLine one = {style, cli_text_ellipsize(safe, page->columns)};
  g_array_append_val(page->lines, one);
}

static double number(JsonObject *o, const char *member) {
  return json_object_has_member(o, member) ? json_object_get_double_member(o, member) : -1;
}

static const char *text(JsonObject *o, const char *member) {
  return json_object_get_string_member_with_default(o, member, "-");
}

static char *size_text(double bytes) {
  return bytes < 0 ? g_strdup("-") : g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS);
}

/* To `width` columns: printf counts bytes, and "…" has three, the blank of "8 KiB" two. Free with
 * g_free(). */
static char *padded(const char *text, guint width, gboolean to_the_right) {
  g_autofree char *cut = cli_text_ellipsize(text, width);
  g_autofree char *blanks = g_strnfill(width - cli_text_width(cut), ' ');

  return to_the_right ? g_strconcat(blanks, cut, NULL) : g_strconcat(cut, blanks, NULL);
}

/* What nobody has measured yet is "-". Free with g_free(). */
static char *figure(JsonObject *o, const char *member, const char *format) {
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (!json_object_has_member(o, member))
    return g_strdup("-");
  return g_strdup(
      g_ascii_formatd(buffer, sizeof buffer, format, json_object_get_double_member(o, member)));
}

static void add_host(Page *page, JsonObject *top) {
  JsonObject *host = json_object_get_object_member(top, "host");
  g_autofree char *one = figure(host, "load1", "%.2f"), *five = figure(host, "load5", "%.2f");
  g_autofree char *fifteen = figure(host, "load15", "%.2f"), *cpus = figure(host, "cpus", "%.0f");
  g_autofree char *free_text = size_text(number(host, "memory_available"));
  g_autofree char *all_text = size_text(number(host, "memory_total"));

  line(page, CLI_STYLE_BOLD, "load %s %s %s on %s CPUs   memory %s free of %s   %s scope", one,
       five, fifteen, cpus, free_text, all_text, text(top, "scope"));
}

/* The members of a list of objects. */
static JsonArray *list_of(JsonObject *top, const char *member) {
  return json_object_has_member(top, member) ? json_object_get_array_member(top, member) : NULL;
}

static guint length_of(JsonArray *list) {
  return list ? json_array_get_length(list) : 0;
}

/* "queued 3  held 0 ..." */
static void add_counts(Page *page, JsonObject *top, const char *member, const char *title,
                       const char *key) {
  JsonArray *list = list_of(top, member);
  g_autoptr(GString) all = g_string_new(title);

  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    g_string_append_printf(all, "  %s %.0f", text(one, key), number(one, "n"));
  }
  if (length_of(list) > 0)
    line(page, CLI_STYLE_NONE, "%s", all->str);
}

/* "rates     sent 3.1/s  received 3/s": only of what happens. */
static void add_rates(Page *page, JsonObject *top) {
  JsonArray *list = list_of(top, "rates");
  g_autoptr(GString) all = g_string_new("rates   ");
  guint n = 0;

  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    double rate = number(one, "per_second");
    if (rate <= 0)
      continue;
    g_string_append_printf(all, rate < 10 ? "  %s %.1f/s" : "  %s %.0f/s", text(one, "operation"),
                           rate);
    n++;
  }
  if (n > 0)
    line(page, CLI_STYLE_NONE, "%s", all->str);
}

typedef struct {
  const char *name;
  double waiting, dead;
} Agent;

static gint by_waiting(gconstpointer a, gconstpointer b) {
  const Agent *x = a, *y = b;

  return x->waiting != y->waiting ? (x->waiting < y->waiting ? 1 : -1) : strcmp(x->name, y->name);
}

static Agent *agent_of(GArray *agents, const char *name) {
  const Agent one = {.name = name};

  for (guint i = 0; i < agents->len; i++)
    if (strcmp(g_array_index(agents, Agent, i).name, name) == 0)
      return &g_array_index(agents, Agent, i);
  g_array_append_val(agents, one);
  return &g_array_index(agents, Agent, agents->len - 1);
}

/* "agents  alice 12  bob 3 (1 dead)": who has the most mail that is not done with. */
static void add_agents(Page *page, JsonObject *top) {
  JsonArray *list = list_of(top, "agents");
  g_autoptr(GArray) agents = g_array_new(FALSE, FALSE, sizeof(Agent));
  g_autoptr(GString) all = g_string_new("agents  ");

  for (guint i = 0; i < length_of(list); i++) { /* one for each agent and state */
    JsonObject *one = json_array_get_object_element(list, i);
    Agent *agent = agent_of(agents, text(one, "agent"));
    gboolean is_dead = strcmp(text(one, "state"), "dead") == 0;
    agent->waiting += is_dead ? 0 : MAX(number(one, "n"), 0);
    agent->dead += is_dead ? MAX(number(one, "n"), 0) : 0;
  }
  g_array_sort(agents, by_waiting);
  for (guint i = 0; i < agents->len; i++) {
    const Agent *agent = &g_array_index(agents, Agent, i);
    g_string_append_printf(all, "  %s %.0f", agent->name, agent->waiting);
    if (agent->dead > 0)
      g_string_append_printf(all, " (%.0f dead)", agent->dead);
  }
  if (agents->len > 0)
    line(page, CLI_STYLE_NONE, "%s", all->str);
}

static void add_latency(Page *page, JsonObject *top) {
  JsonArray *list = list_of(top, "latency");
  g_autoptr(GString) all = g_string_new("latency");

  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    double ms = number(one, "seconds") * 1000;
    g_string_append_printf(all, ms < 10 ? "  %s p%s %.2gms" : "  %s p%s %.0fms", text(one, "stage"),
                           text(one, "quantile"), ms);
  }
  if (length_of(list) > 0)
    line(page, CLI_STYLE_NONE, "%s", all->str);
}

/* Of a list with `n` lines; where that is fewer, a line says how many more there are. */
static guint room_for(const Page *page, guint n) {
  guint room = page->rows == G_MAXUINT ? G_MAXUINT : MAX(page->rows / 4, 3);

  return n <= room ? n : room - 1;
}

static void line_of_more(Page *page, guint n, const char *where) {
  if (n > 0)
    line(page, CLI_STYLE_WARNING, "  and %u more: waggle %s", n, where);
}

/* (element-type JsonObject) in an order; none of it is owned. */
static GPtrArray *sorted(JsonArray *list, GCompareFunc func) {
  GPtrArray *all = g_ptr_array_new();

  for (guint i = 0; i < length_of(list); i++)
    g_ptr_array_add(all, json_array_get_object_element(list, i));
  g_ptr_array_sort(all, func);
  return all;
}

static guint weight(JsonObject *alert) {
  guint pending = strcmp(text(alert, "state"), "pending") == 0 ? 8 : 0;

  if (strcmp(text(alert, "severity"), "critical") == 0)
    return pending;
  return pending + (strcmp(text(alert, "severity"), "info") == 0 ? 2 : 1);
}

/* What fires first, then what is worse, then what is newer. */
static gint by_need(gconstpointer a, gconstpointer b) {
  JsonObject *x = *(JsonObject *const *)a, *y = *(JsonObject *const *)b;
  double first = number(x, "since_usec"), second = number(y, "since_usec");

  if (weight(x) != weight(y))
    return weight(x) < weight(y) ? -1 : 1;
  return first != second ? (first > second ? -1 : 1) : strcmp(text(x, "unit"), text(y, "unit"));
}

static void add_alerts(Page *page, JsonObject *top) {
  g_autoptr(GPtrArray) alerts = sorted(list_of(top, "alerts"), by_need);
  JsonArray *troubles = list_of(top, "degraded");
  guint room = room_for(page, alerts->len);

  for (guint i = 0; i < length_of(troubles); i++)
    line(page, CLI_STYLE_BAD, "! the monitor is degraded: %s",
         json_array_get_string_element(troubles, i));
  for (guint i = 0; i < room; i++) {
    JsonObject *one = g_ptr_array_index(alerts, i);
    gboolean critical = strcmp(text(one, "severity"), "critical") == 0;
    const char *unit = json_object_get_string_member_with_default(one, "unit", "");
    line(page, critical ? CLI_STYLE_BAD : CLI_STYLE_WARNING, "! %s %s%s%s: %s", text(one, "alert"),
         text(one, "state"), *unit ? " " : "", unit, text(one, "summary"));
  }
  line_of_more(page, alerts->len - room, "alerts list");
}

static gint by_state_and_name(gconstpointer a, gconstpointer b) {
  JsonObject *x = *(JsonObject *const *)a, *y = *(JsonObject *const *)b;
  gint service = strcmp(text(x, "service"), text(y, "service"));

  if ((number(x, "up") == 1) != (number(y, "up") == 1))
    return number(y, "up") == 1 ? -1 : 1;
  return service != 0 ? service : strcmp(text(x, "probe"), text(y, "probe"));
}

static void add_probes(Page *page, JsonObject *top) {
  g_autoptr(GPtrArray) probes = sorted(list_of(top, "probes"), by_state_and_name);
  guint down = 0;

  while (down < probes->len && number(g_ptr_array_index(probes, down), "up") != 1)
    down++;
  if (probes->len > 0)
    line(page, down == 0 ? CLI_STYLE_NONE : CLI_STYLE_WARNING, "probes  %u of %u up",
         probes->len - down, probes->len);
  guint room = room_for(page, down);
  for (guint i = 0; i < room; i++) {
    JsonObject *one = g_ptr_array_index(probes, i);
    line(page, CLI_STYLE_BAD, "  down: %s/%s (%s)", text(one, "service"), text(one, "probe"),
         text(one, "type"));
  }
  line_of_more(page, down - room, "service list --all");
}

static void add_units(Page *page, JsonObject *top) {
  JsonArray *units = list_of(top, "units");
  guint name = page->columns > 70 ? MIN(page->columns - 46, 60) : 24;

  line(page, CLI_STYLE_BOLD, "%-*s %-12s %6s %10s %6s %5s", (int)name, "UNIT", "STATE", "CPU%",
       "MEMORY", "TASKS", "RST");
  for (guint i = 0; i < length_of(units); i++) {
    JsonObject *one = json_array_get_object_element(units, i);
    g_autofree char *unit = padded(text(one, "unit"), name, FALSE);
    g_autofree char *bytes = size_text(number(one, "memory")), *memory = padded(bytes, 10, TRUE);
    double cpu = number(one, "cpu"), tasks = number(one, "tasks");
    g_autofree char *cpu_text = cpu < 0 ? g_strdup("-") : g_strdup_printf("%.1f", cpu * 100);
    g_autofree char *tasks_text = tasks < 0 ? g_strdup("-") : g_strdup_printf("%.0f", tasks);
    gboolean failed = strcmp(text(one, "active"), "failed") == 0;
    line(page, failed ? CLI_STYLE_BAD : CLI_STYLE_NONE, "%s %-12s %6s %s %6s %5" G_GINT64_FORMAT,
         unit, text(one, "active"), cpu_text, memory, tasks_text,
         json_object_get_int_member_with_default(one, "restarts", 0));
  }
}

static void line_clear(gpointer data) {
  g_free(((CliTopLine *)data)->text);
}

GArray *cli_top_lines(JsonObject *top, guint rows, guint columns) {
  Page page = {g_array_new(FALSE, FALSE, sizeof(CliTopLine)), rows, columns};

  g_array_set_clear_func(page.lines, line_clear);
  add_host(&page, top);
  add_counts(&page, top, "units_by_state", "units   ", "state");
  add_alerts(&page, top);
  add_counts(&page, top, "messages", "messages", "state");
  add_rates(&page, top);
  add_agents(&page, top);
  add_latency(&page, top);
  add_probes(&page, top);
  add_units(&page, top);
  return page.lines;
}

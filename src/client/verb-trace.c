/* verb-trace.c: one time line of a message: its receipts and the journal's lines about it.
 *
 * The journal is read directly; where it may not be read, or there is none, the receipts alone are
 * the time line and a note on stderr says so. */
#include "client/ids.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/receipts.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"
#include "common/names.h"

#include <stdio.h>
#include <systemd/sd-journal.h>

typedef struct {
  guint64 time;
  char *source; /* "receipt" or the journal's identifier */
  char *agent, *what, *by;
  gboolean journal;
} Line;

static void line_free(Line *line) {
  g_free(line->source);
  g_free(line->agent);
  g_free(line->what);
  g_free(line->by);
  g_free(line);
}

static gint by_time(gconstpointer a, gconstpointer b) {
  const Line *x = *(const Line *const *)a, *y = *(const Line *const *)b;

  return x->time < y->time ? -1 : x->time > y->time;
}

static void add_receipts(GPtrArray *lines, GVariant *receipts) {
  for (gsize i = 0; i < g_variant_n_children(receipts); i++) {
    const char *agent, *state, *cause, *actor;
    Line *line = g_new0(Line, 1);
    g_variant_get_child(receipts, i, "(&s&st&s&s)", &agent, &state, &line->time, &cause, &actor);
    line->source = g_strdup("receipt");
    line->agent = g_strdup(agent);
    line->what = *cause ? g_strdup_printf("%s: %s", state, cause) : g_strdup(state);
    line->by = g_strdup(actor);
    g_ptr_array_add(lines, line);
  }
}

static char *field(sd_journal *journal, const char *name) {
  const void *data;
  size_t n, skip = strlen(name) + 1;

  if (sd_journal_get_data(journal, name, &data, &n) < 0 || n < skip)
    return g_strdup("");
  return g_strndup((const char *)data + skip, n - skip);
}

static void add_entry(GPtrArray *lines, sd_journal *journal) {
  Line *line = g_new0(Line, 1);

  sd_journal_get_realtime_usec(journal, &line->time);
  line->source = field(journal, "SYSLOG_IDENTIFIER");
  line->agent = field(journal, WG_FIELD_AGENT);
  line->what = field(journal, "MESSAGE");
  g_autofree char *pid = field(journal, "_PID");
  line->by = *pid ? g_strdup_printf("pid:%s", pid) : g_strdup("");
  line->journal = TRUE;
  g_ptr_array_add(lines, line);
}

/* Returns 0 or a negative errno. */
static int add_journal(GPtrArray *lines, guint64 message) {
  g_autofree char *match = g_strdup_printf(WG_FIELD_MESSAGE "=%" G_GUINT64_FORMAT, message);
  sd_journal *journal = NULL;

  int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
  if (r < 0)
    return r;
  r = sd_journal_add_match(journal, match, 0);
  if (r >= 0)
    r = sd_journal_seek_head(journal);
  while (r >= 0 && (r = sd_journal_next(journal)) > 0)
    add_entry(lines, journal);
  sd_journal_close(journal);
  return r;
}

static void print_json(const Cli *cli, const GPtrArray *lines) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < lines->len; i++) {
    const Line *line = lines->pdata[i];
    JsonObject *object = json_object_new();
    cli_json_add_time(object, "time", line->time);
    json_object_set_string_member(object, "source", line->source);
    json_object_set_string_member(object, "agent", line->agent);
    json_object_set_string_member(object, "what", line->what);
    json_object_set_string_member(object, "by", line->by);
    json_array_add_object_element(array, object);
  }
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_take_array(node, array);
  cli_json_print(cli, node);
}

static void print_table(const Cli *cli, const GPtrArray *lines) {
  static const CliColumn columns[] = {
      {"TIME"},           {"AFTER", TRUE},  {"SOURCE"}, {"AGENT", FALSE, 1},
      {"WHAT", FALSE, 3}, {"BY", FALSE, 2}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);
  guint64 before = 0;

  for (guint i = 0; i < lines->len; i++) {
    const Line *line = lines->pdata[i];
    g_autofree char *when = cli_time_precise(line->time);
    g_autofree char *gap =
        before && line->time >= before ? cli_time_span(line->time - before) : NULL;
    cli_table_add(table, when, CLI_STYLE_NONE);
    cli_table_add_printf(table, CLI_STYLE_DIM, "%s%s", gap ? "+" : "", gap ?: "");
    cli_table_add(table, line->source, line->journal ? CLI_STYLE_DIM : CLI_STYLE_NONE);
    cli_table_add(table, line->agent, CLI_STYLE_NONE);
    cli_table_add(table, line->what, CLI_STYLE_NONE);
    cli_table_add(table, line->by, CLI_STYLE_DIM);
    before = line->time;
  }
  cli_table_print(table, cli);
}

int cli_verb_trace(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func((GDestroyNotify)line_free);
  guint64 message;

  if (!cli_message_parse(cli_args_word(args, 0), &message, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) receipts = cli_receipts_get(cli, message, cli_args_get(args, "agent"), error);
  if (!receipts)
    return CLI_EXIT_FAILURE;
  add_receipts(lines, receipts);
  int r = cli->host ? 0 : add_journal(lines, message);
  if (r < 0 && !cli->no_legend)
    fprintf(stderr, "(the journal cannot be read: %s; only receipts are shown)\n", g_strerror(-r));
  g_ptr_array_sort(lines, by_time);
  if (cli->json != CLI_JSON_OFF) {
    print_json(cli, lines);
    return CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  print_table(cli, lines);
  return CLI_EXIT_OK;
}

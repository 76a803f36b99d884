/* deploy-screen.c: see deploy-screen.h. */
#include "client/deploy-screen.h"

#include "client/json.h"
#include "client/terminal.h"
#include "client/times.h"

#include <stdio.h>
#include <string.h>

#define BAR 20

typedef struct {
  guint64 id;
  char *target, *state, *text, *cause;
  int percent;
  guint passed, failed;
  gboolean ended;
} Row;

struct CliDeployScreen {
  Cli *cli;
  GPtrArray *rows; /* (element-type Row) in the order they were first heard of */
  guint drawn;     /* lines on the terminal that belong to the display */
  gboolean live;
};

static void row_free(gpointer data) {
  Row *row = data;

  g_free(row->target);
  g_free(row->state);
  g_free(row->text);
  g_free(row->cause);
  g_free(row);
}

CliDeployScreen *cli_deploy_screen_new(Cli *cli, const char *job) {
  CliDeployScreen *screen = g_new0(CliDeployScreen, 1);

  screen->cli = cli;
  screen->rows = g_ptr_array_new_with_free_func(row_free);
  screen->live =
      cli_is_terminal() && cli->json == CLI_JSON_OFF && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
  if (screen->live && !cli->no_legend)
    printf("%sCtrl-C leaves it running; \"waggle deploy status\" shows it.%s\n",
           cli_style(CLI_STYLE_DIM), cli_style_end(CLI_STYLE_DIM));
  return screen;
}

void cli_deploy_screen_free(CliDeployScreen *screen) {
  g_ptr_array_unref(screen->rows);
  g_free(screen);
}

static Row *row_of(CliDeployScreen *screen, guint64 id, const char *target) {
  for (guint i = 0; i < screen->rows->len; i++)
    if (((Row *)screen->rows->pdata[i])->id == id)
      return screen->rows->pdata[i];
  Row *row = g_new0(Row, 1);
  row->id = id;
  row->target = g_strdup(target ? target : "?");
  g_ptr_array_add(screen->rows, row);
  return row;
}

static CliStyle style_of(const char *state) {
  if (g_strcmp0(state, "done") == 0 || g_strcmp0(state, "committed") == 0 ||
      g_strcmp0(state, "verified") == 0)
    return CLI_STYLE_GOOD;
  if (g_strcmp0(state, "rollback-failed") == 0 || g_strcmp0(state, "aborted") == 0)
    return CLI_STYLE_BAD;
  if (state && strstr(state, "roll"))
    return CLI_STYLE_WARNING;
  return CLI_STYLE_NONE;
}

/* Over what was drawn before; the cursor ends below it. */
static void draw(CliDeployScreen *screen) {
  if (!screen->live)
    return;
  if (screen->drawn > 0)
    printf("\033[%uA", screen->drawn);
  for (guint i = 0; i < screen->rows->len; i++) {
    const Row *row = screen->rows->pdata[i];
    CliStyle style = style_of(row->state);
    int filled = row->percent * BAR / 100;
    g_autofree char *checks =
        row->passed + row->failed > 0
            ? g_strdup_printf("  %u/%u checks", row->passed, row->passed + row->failed)
            : g_strdup("");
    g_autofree char *line = g_strdup_printf(
        "%-20s %-13s %3d%% %.*s%.*s%s  %s", row->target, row->state ? row->state : "", row->percent,
        filled * 3, "━━━━━━━━━━━━━━━━━━━━", (BAR - filled) * 3, "────────────────────", checks,
        row->text ? row->text : "");
    g_autofree char *cut = cli_text_ellipsize(line, cli_columns() - 1);
    printf("\r\033[2K%s%s%s\n", cli_style(style), cut, cli_style_end(style));
  }
  screen->drawn = screen->rows->len;
  fflush(stdout);
}

/* Above the display, where it stays. */
static void say(CliDeployScreen *screen, CliStyle style, const char *text) {
  if (screen->live && screen->drawn > 0)
    printf("\033[%uA\r\033[J", screen->drawn);
  screen->drawn = 0;
  printf("%s%s%s\n", cli_style(style), text, cli_style_end(style));
  fflush(stdout);
}

/* (transfer full) */
static void print_event(JsonObject *object) {
  g_autofree char *line = cli_json_line(object);

  printf("%s\n", line);
  fflush(stdout);
}

static JsonObject *event(const char *kind, guint64 id, const char *target) {
  JsonObject *object = json_object_new();

  json_object_set_string_member(object, "event", kind);
  json_object_set_int_member(object, "deployment", (gint64)id);
  json_object_set_string_member(object, "target", target);
  return object;
}

void cli_deploy_screen_state(CliDeployScreen *screen, guint64 id, const char *target,
                             const char *state, const char *cause) {
  Row *row = row_of(screen, id, target);
  g_autofree char *safe = cli_text_one_line(cause ? cause : "");

  if (g_strcmp0(row->state, state) == 0)
    return;
  g_free(row->state);
  row->state = g_strdup(state);
  g_clear_pointer(&row->text, g_free);
  if (g_strcmp0(state, "rolling-back") == 0)
    row->passed = row->failed = 0; /* from now on those of the release before */
  if (screen->cli->json != CLI_JSON_OFF) {
    JsonObject *told = event("state", id, row->target);
    json_object_set_string_member(told, "state", state);
    json_object_set_string_member(told, "cause", cause ? cause : "");
    print_event(told);
    return;
  }
  gboolean told = g_strcmp0(row->cause, safe) == 0; /* the end repeats why it began to go back */
  if (!screen->live || (*safe && !told)) {
    g_autofree char *text = g_strdup_printf("%s: %s%s%s", row->target, state,
                                            *safe && !told ? ": " : "", told ? "" : safe);
    say(screen, style_of(state), text);
  }
  g_free(row->cause);
  row->cause = g_steal_pointer(&safe);
  draw(screen);
}

void cli_deploy_screen_progress(CliDeployScreen *screen, guint64 id, int percent,
                                const char *text) {
  Row *row = row_of(screen, id, NULL);

  row->percent = CLAMP(percent, 0, 100);
  g_free(row->text);
  row->text = cli_text_one_line(text);
  draw(screen);
}

void cli_deploy_screen_result(CliDeployScreen *screen, guint64 id, const char *json) {
  Row *row = row_of(screen, id, NULL);
  g_autoptr(JsonNode) node = json_from_string(json, NULL);
  JsonObject *result = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

  if (!result)
    return;
  const char *verdict = json_object_get_string_member_with_default(result, "verdict", "");
  const char *name = json_object_get_string_member_with_default(result, "name", "?");
  const char *why = json_object_get_string_member_with_default(result, "text", "");
  gboolean good = g_str_equal(verdict, "pass") || g_str_equal(verdict, "skip");
  row->passed += good;
  row->failed += !good;
  if (screen->cli->json != CLI_JSON_OFF) {
    JsonObject *told = event("result", id, row->target);
    json_object_set_member(told, "result", json_node_copy(node));
    print_event(told);
    return;
  }
  if (!good || !screen->live) {
    g_autofree char *text =
        g_strdup_printf("%s: %s: %s%s%s", row->target, verdict, name, *why ? ": " : "", why);
    g_autofree char *safe = cli_text_one_line(text);
    say(screen, good ? CLI_STYLE_NONE : CLI_STYLE_BAD, safe);
  }
  draw(screen);
}

void cli_deploy_screen_end(CliDeployScreen *screen, guint64 id, const char *target,
                           JsonNode *shown) {
  JsonObject *object = json_node_get_object(shown);
  const char *state = json_object_get_string_member_with_default(object, "state", "?");
  const char *cause = json_object_get_string_member_with_default(object, "cause", "");

  cli_deploy_screen_state(screen, id, target, state, cause);
  row_of(screen, id, target)->percent = 100;
}

void cli_deploy_screen_finish(CliDeployScreen *screen, const char *result, guint64 failed) {
  if (screen->cli->json != CLI_JSON_OFF) {
    JsonObject *told = json_object_new();
    json_object_set_string_member(told, "event", "end");
    json_object_set_string_member(told, "result", result ? result : "");
    json_object_set_int_member(told, "failed", (gint64)failed);
    print_event(told);
    return;
  }
  draw(screen);
  if (screen->cli->no_legend)
    return;
  g_autofree char *text =
      screen->rows->len > 1 ? g_strdup_printf("%s: %u targets, %" G_GUINT64_FORMAT " not deployed.",
                                              result, screen->rows->len, failed)
                            : g_strdup_printf("%s.", result);
  screen->drawn = 0;
  say(screen, failed > 0 ? CLI_STYLE_BAD : CLI_STYLE_GOOD, text);
}

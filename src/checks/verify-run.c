/* verify-run.c: one run of waggle-verify, from the first look to the status of the process. A
 * signal ends it at once with what is known by then; threads that hang are left to the process's
 * end. */
#include "checks/explain-journal.h"
#include "checks/verify.h"

#include "checks/baseline.h"
#include "checks/generate.h"
#include "checks/looking.h"
#include "checks/runner.h"
#include "checks/world.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
  const ChkVerify *verify;
  GMainLoop *loop;
  ChkRun *run;
  ChkReport *report;
  guint n_done, n_all;
  gboolean progress;
} Running;

static void print_line(JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autofree char *line = json_to_string(node, FALSE);

  json_object_unref(object);
  fprintf(stdout, "%s\n", line);
  fflush(stdout);
}

static void show_progress(const Running *r, const char *name) {
  if (r->progress)
    fprintf(stderr, "\r\033[K[%u/%u] %.60s", r->n_done, r->n_all, name);
}

static void on_result(const ChkResult *result, gpointer user_data) {
  Running *r = user_data;

  r->n_done++;
  show_progress(r, result->check->name);
  if (!r->verify->events)
    return;
  JsonObject *object = json_object_new();
  json_object_set_string_member(object, "event", "result");
  json_object_set_int_member(object, "done", r->n_done);
  json_object_set_int_member(object, "all", r->n_all);
  json_object_set_member(object, "result", chk_result_json(result));
  print_line(object);
}

static void on_done(ChkReport *report, gpointer user_data) {
  Running *r = user_data;

  r->run = NULL;
  r->report = report;
  g_main_loop_quit(r->loop);
}

static gboolean on_signal(gpointer user_data) {
  Running *r = user_data;

  if (r->run)
    chk_run_cancel(r->run, "the run was interrupted before it was known");
  return G_SOURCE_CONTINUE;
}

static gboolean has_colours(void) {
  const char *term = g_getenv("TERM");

  return isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR") && term && g_strcmp0(term, "dumb") != 0;
}

static guint columns(void) {
  struct winsize size;

  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
    return MIN(size.ws_col, 160);
  return 80;
}

/* A file's JSON through `parse`; NULL is told. */
static JsonNode *read_json(const char *file, JsonNode *(*parse)(const char *, gsize, GError **)) {
  g_autoptr(GError) error = NULL;
  gsize size;
  g_autofree char *bytes = chk_verify_read(file, &size, &error);
  JsonNode *node = bytes ? parse(bytes, size, &error) : NULL;

  if (!node)
    g_printerr("waggle-verify: %s: %s\n", file, error->message);
  return node;
}

static JsonNode *parse_any(const char *bytes, gsize size, GError **error) {
  return json_from_string(bytes, error);
}

static gboolean set_context(const ChkVerify *c, ChkWorld *world) {
  g_autoptr(GError) error = NULL;

  if (!c->context)
    return TRUE;
  g_autoptr(JsonNode) context = read_json(c->context, parse_any);
  if (context && chk_world_set_context(world, context, &error))
    return TRUE;
  if (error)
    g_printerr("waggle-verify: %s: %s\n", c->context, error->message);
  return FALSE;
}

static int finish_record(const ChkVerify *c, const ChkReport *report) {
  g_autofree char *text = chk_baseline_text(report);
  g_autofree char *summary = chk_summary_text(report);
  g_autoptr(GError) error = NULL;
  guint unknown = report->summary.error;

  if (!g_file_set_contents_full(c->record, text, -1,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644,
                                &error)) {
    g_printerr("waggle-verify: %s\n", error->message);
    return CHK_EXIT_ERROR;
  }
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (r->found == CHK_ERROR)
      g_printerr("not recorded: %s: %s\n", r->check->name, r->text ? r->text : "unknown");
  }
  g_printerr("recorded: %s\n", summary);
  return unknown > 0 ? CHK_EXIT_ERROR : CHK_EXIT_PASS;
}

static char **journal_of(const ChkVerify *c, const ChkWorld *world, const ChkReport *report) {
  for (guint i = 0; c->explain && i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (g_strcmp0(r->check->name, c->explain) == 0)
      return chk_explain_journal(world, NULL, r->check);
  }
  return NULL;
}

static int finish(const ChkVerify *c, const ChkWorld *world, const ChkReport *report) {
  g_auto(GStrv) journal = journal_of(c, world, report);
  ChkOutputOptions options = {.strict = c->strict,
                              .colours = has_colours(),
                              .width = columns(),
                              .journal = (const char *const *)journal};
  g_autofree char *text = NULL;

  if (c->record)
    return finish_record(c, report);
  if (c->events) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "event", "end");
    json_object_set_member(object, "results", chk_report_json(report, c->strict));
    print_line(object);
  } else {
    text = c->explain ? chk_output_explain(report, c->explain, &options)
                      : chk_output(report, c->format, &options);
    fputs(text, stdout);
  }
  if (fflush(stdout) != 0) {
    g_printerr("waggle-verify: the results cannot be written\n");
    return CHK_EXIT_ERROR;
  }
  return chk_output_exit(report, c->events ? CHK_FORMAT_JSON : c->format, c->strict);
}

int chk_verify_run(const ChkVerify *c, ChkPlan *plan) {
  g_autoptr(ChkWorld) world = chk_world_new(c->user, c->root);
  g_autoptr(JsonNode) baseline = c->baseline ? read_json(c->baseline, chk_baseline_parse) : NULL;
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  Running r = {.verify = c,
               .loop = loop,
               .n_all = plan->checks->len,
               .progress = isatty(STDERR_FILENO) && !c->events};
  ChkRunOptions options = {.baseline = baseline,
                           .bind = chk_bind_check,
                           .observe_only = c->record != NULL,
                           .result = on_result,
                           .done = on_done,
                           .user_data = &r};

  if ((c->baseline && !baseline) || !set_context(c, world))
    return CHK_EXIT_FILE;
  guint interrupt = g_unix_signal_add(SIGINT, on_signal, &r);
  guint terminate = g_unix_signal_add(SIGTERM, on_signal, &r);
  r.run = chk_run_start(world, plan, &options);
  g_main_loop_run(loop);
  g_source_remove(interrupt);
  g_source_remove(terminate);
  if (r.progress)
    fputs("\r\033[K", stderr);
  int status = finish(c, world, r.report);
  chk_report_free(r.report);
  return status;
}

static int told_good(const ChkVerify *c, const ChkPlan *plan) {
  g_print("%s: %u check%s\n", c->file, plan->checks->len, plan->checks->len == 1 ? "" : "s");
  return CHK_EXIT_PASS;
}

int chk_verify_main(int argc, char **argv) {
  ChkVerify c = {0};
  int status;

  setlocale(LC_CTYPE, ""); /* no other category: numbers are written with points */
  if (argc > 1 && (g_str_equal(argv[1], "add") || g_str_equal(argv[1], "autoadd")))
    return chk_generate_main(argc - 1, argv + 1);
  if (chk_verify_parse(&c, argc, argv, &status)) {
    g_autoptr(ChkPlan) plan = c.types ? NULL : chk_verify_load(&c, &status);
    if (c.types)
      status = chk_verify_types();
    else if (plan && c.check)
      status = told_good(&c, plan);
    else if (plan)
      status = c.list ? chk_verify_list(plan) : chk_verify_run(&c, plan);
  }
  chk_verify_clear(&c);
  /* what libraries clean up at exit a thread that hangs may still use */
  if (chk_looking_n_hung() > 0)
    _exit(status);
  return status;
}

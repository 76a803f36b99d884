/* test-hooks.c: a phase's hooks: the order, the environment, ends, limits, what they wrote. As
 * processes of ours and as units of a manager that runs them. */
#include "mock-fixture.h"

#include "deployment/hooks.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

typedef struct {
  gboolean done;
  GError *error;
  GPtrArray *outputs;
  char *json;
  gboolean cut;
} Outcome;

static void outcome_clear(Outcome *o) {
  g_clear_error(&o->error);
  g_clear_pointer(&o->outputs, g_ptr_array_unref);
  g_clear_pointer(&o->json, g_free);
  *o = (Outcome){0};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static void on_done(const GPtrArray *ends, const GError *error, gpointer data) {
  Outcome *o = data;

  g_assert_false(o->done);
  o->done = TRUE;
  o->error = error ? g_error_copy(error) : NULL;
  o->outputs = g_ptr_array_new_with_free_func(g_free);
  o->json = dpl_hook_ends_json(DPL_HOOK_POST_START, ends);
  for (guint i = 0; i < ends->len; i++) {
    const DplHookEnd *end = ends->pdata[i];
    g_assert_cmpuint(end->index, ==, i);
    g_ptr_array_add(o->outputs, g_strdup(end->output));
    o->cut = end->cut;
  }
}

static gboolean is_done(gpointer data) {
  return ((Outcome *)data)->done;
}

/* Each text is a script. */
static GPtrArray *hooks_of(guint64 timeout, const char *first, const char *second) {
  GPtrArray *hooks = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_hook_free);
  const char *scripts[] = {first, second};

  for (guint i = 0; i < 2 && scripts[i]; i++) {
    const char *command[] = {"sh", "-c", scripts[i], NULL};
    DplHook hook = {.command = (char **)command, .timeout = timeout};
    g_ptr_array_add(hooks, dpl_hook_copy(&hook));
  }
  return hooks;
}

static DplHookContext context;

static void run(const char *first, const char *second, guint64 timeout, guint64 limit, Outcome *o) {
  g_autoptr(GPtrArray) hooks = hooks_of(timeout, first, second);

  outcome_clear(o);
  dpl_hooks_start(DPL_HOOK_POST_START, hooks, &context, limit, on_done, o);
  g_assert_false(o->done);
  mock_until(is_done, o);
}

static void fails(const Outcome *o, int code, const char *text) {
  g_assert_error(o->error, WG_ERROR, code);
  if (strstr(o->error->message, text) == NULL)
    g_error("'%s' is not in: %s", text, o->error->message);
}

static void test_order(void) {
  g_auto(Outcome) o = {0};

  run("echo one; echo two >&2", "pwd", 0, 0, &o);
  g_assert_no_error(o.error);
  g_assert_cmpuint(o.outputs->len, ==, 2);
  g_assert_nonnull(strstr(o.outputs->pdata[0], "one\n"));
  g_assert_nonnull(strstr(o.outputs->pdata[0], "two\n"));
  g_assert_cmpstr(o.outputs->pdata[1], ==, "/tmp\n");
  run(NULL, NULL, 0, 0, &o);
  g_assert_no_error(o.error);
  g_assert_cmpstr(o.json, ==, "[]");
}

static void test_failure(void) {
  g_auto(Outcome) o = {0};

  run("echo a; echo b; echo c; echo d; exit 3", "true", 0, 0, &o);
  fails(&o, WG_ERROR_FAILED,
        "the post-start hook sh -c 'echo a; echo b; echo c; echo d; exit 3': exited with status 3; "
        "it said: b / c / d");
  g_assert_cmpuint(o.outputs->len, ==, 1); /* the next was not begun */
  g_assert_nonnull(strstr(o.json, "\"hook\":\"post-start\""));
  g_assert_nonnull(strstr(o.json, "\"good\":false"));
  run("kill -9 $$", NULL, 0, 0, &o);
  fails(&o, WG_ERROR_FAILED, "killed by signal 9 (KILL)");
}

static void test_time(void) {
  g_auto(Outcome) o = {0};

  run("exec sleep 1000", NULL, 100000, 0, &o);
  fails(&o, WG_ERROR_TIMEOUT, "ran longer than 100ms");
  run("exec sleep 1000", NULL, 60000000, 100000, &o); /* the phase's time */
  fails(&o, WG_ERROR_TIMEOUT, "ran longer than");
}

/* Exactly this, and a manifest cannot forge it. */
static void test_environment(void) {
  const char *command[] = {"env", NULL};
  const char *own[] = {"OWN=a b", "WAGGLE_TARGET=forged", "TRACEPARENT=forged", NULL};
  DplHook hook = {.command = (char **)command, .environment = (char **)own};
  g_autoptr(GPtrArray) hooks = g_ptr_array_new();
  g_auto(Outcome) o = {0};

  g_ptr_array_add(hooks, &hook);
  g_setenv("NOTIFY_SOCKET", "/ours", TRUE);
  dpl_hooks_start(DPL_HOOK_POST_START, hooks, &context, 0, on_done, &o);
  mock_until(is_done, &o);
  g_unsetenv("NOTIFY_SOCKET");
  g_assert_no_error(o.error);
  g_auto(GStrv) got = g_strsplit(o.outputs->pdata[0], "\n", -1);
  static const char *const wanted[] = {"OWN=a b",
                                       "WAGGLE_HOOK=post-start",
                                       "WAGGLE_TARGET=shop",
                                       "WAGGLE_ROOT=/srv",
                                       "WAGGLE_RELEASE=new",
                                       "WAGGLE_RELEASE_PATH=/srv/releases/new",
                                       "WAGGLE_VERSION=2",
                                       "WAGGLE_PREVIOUS=old",
                                       "WAGGLE_PREVIOUS_PATH=/srv/releases/old",
                                       "WAGGLE_DEPLOYMENT=12",
                                       "WAGGLE_INSTANCE=7",
                                       ("TRACEPARENT=" TRACE)};
  for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
    if (!g_strv_contains((const char *const *)got, wanted[i]))
      g_error("no %s in %s", wanted[i], (char *)o.outputs->pdata[0]);
  for (char **line = got; *line; line++) {
    g_assert_false(g_str_has_prefix(*line, "NOTIFY_SOCKET="));
    g_assert_cmpstr(*line, !=, "WAGGLE_TARGET=forged");
    g_assert_cmpstr(*line, !=, "TRACEPARENT=forged");
  }
}

/* The end of it is kept, whole lines, and valid whatever was written. */
static void test_output(void) {
  g_auto(Outcome) o = {0};

  run("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; printf '\\377x\\n'", NULL, 0,
      0, &o);
  g_assert_no_error(o.error);
  const char *output = o.outputs->pdata[0];
  g_assert_cmpuint(strlen(output), <=, 16 * 1024);
  g_assert_cmpuint(strlen(output), >, 15 * 1024);
  g_assert_true(g_str_has_prefix(output, "line "));
  g_assert_true(g_str_has_suffix(output, "line 4999\n\xef\xbf\xbdx\n"));
  g_assert_true(g_utf8_validate(output, -1, NULL));
  g_assert_true(o.cut);
}

static void test_cancel(void) {
  g_autoptr(GPtrArray) hooks = hooks_of(0, "exec sleep 1000", "true");
  g_auto(Outcome) o = {0};
  g_auto(Outcome) forgotten = {0};

  DplHooks *running = dpl_hooks_start(DPL_HOOK_POST_START, hooks, &context, 0, on_done, &o);
  dpl_hooks_forget(dpl_hooks_start(DPL_HOOK_POST_START, hooks, &context, 0, on_done, &forgotten));
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration(NULL, FALSE);
  dpl_hooks_cancel(running);
  mock_until(is_done, &o);
  g_assert_error(o.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint(o.outputs->len, <=, 1);
  g_assert_false(forgotten.done);
}

static void test_phases(void) {
  DplHookPhase phase;

  for (guint i = 0; i < _DPL_HOOK_MAX; i++) {
    g_assert_true(dpl_hook_phase_parse(dpl_hook_phase_name((DplHookPhase)i), &phase));
    g_assert_cmpint(phase, ==, i);
  }
  g_assert_false(dpl_hook_phase_parse("post-nothing", &phase));
}

/* waggle-manifest(5) lists the variables of the table, and no other. */
static void test_manual(void) {
  const char *path = g_getenv("WAGGLE_MANIFEST_MANUAL");
  g_autofree char *page = NULL;
  guint n = 0;

  g_assert_true(g_file_get_contents(path, &page, NULL, NULL));
  char *list = strstr(page, ".\\\" variables: hook\n");
  g_assert_nonnull(list);
  char *end = strstr(list, "\n.PP");
  g_assert_nonnull(end);
  *end = '\0';
  for (const char *p = list; (p = strstr(p, "\n.TP\n")); p++)
    n++;
  for (const DplHookVariable *v = dpl_hook_variables; v->name; v++, n--) {
    g_autofree char *head =
        g_strdup_printf(".TP\n\\fB%s\\fR\n%c", v->name, g_ascii_toupper(*v->help));
    g_auto(GStrv) parts = g_strsplit(v->help + 1, "-", -1);
    g_autofree char *help = g_strjoinv("\\-", parts);
    g_autofree char *entry = g_strconcat(head, help, ".", NULL);
    if (strstr(list, entry) == NULL)
      g_error("waggle-manifest(5) does not say: %s", entry);
  }
  g_assert_cmpuint(n, ==, 0);
}

static const struct {
  const char *name;
  void (*test)(void);
} tests[] = {
    {"order", test_order},   {"failure", test_failure},
    {"time", test_time},     {"environment", test_environment},
    {"output", test_output}, {"cancel", test_cancel},
};

static void set_context(void) {
  context = (DplHookContext){.target = "shop",
                             .root = "/srv",
                             .release = "new",
                             .release_path = "/srv/releases/new",
                             .previous = "old",
                             .previous_path = "/srv/releases/old",
                             .version = "2",
                             .deployment = "12",
                             .instance = "7",
                             .traceparent = TRACE,
                             .directory = "/tmp"};
}

static void as_process(gconstpointer test) {
  set_context();
  context.how = WG_RUN_PLAIN;
  ((void (*)(void))test)();
}

static void as_unit(gconstpointer test) {
  mock_up();
  set_context();
  context.how = WG_RUN_UNIT;
  context.bus = mock.bus;
  ((void (*)(void))test)();
  g_assert_cmpuint(mock_count("StartTransientUnit waggle-hook-post-start-12-"), >, 0);
  mock_down();
}

int main(int argc, char **argv) {
  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deploy/hooks/phases", test_phases);
  g_test_add_func("/deploy/hooks/manual", test_manual);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *process = g_strconcat("/deploy/hooks/process/", tests[i].name, NULL);
    g_autofree char *unit = g_strconcat("/deploy/hooks/unit/", tests[i].name, NULL);
    g_test_add_data_func(process, (gconstpointer)tests[i].test, as_process);
    g_test_add_data_func(unit, (gconstpointer)tests[i].test, as_unit);
  }
  int status = g_test_run();
  mock_end();
  return status;
}

/* run-fixture.c: see run-fixture.h. */
#include "run-fixture.h"

#include "process-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MSEC 60000

extern char **environ;

/* Writes "own-pid grandchild-pid" as a line; the grandchild hears no request to end, and keeps the
 * output open. */
static void with_grandchild(gboolean leader_stays) {
  printf("%d %d\n", getpid(), process_deaf_child());
  fflush(stdout);
  while (leader_stays)
    pause();
}

static void write_lines(guint n) {
  for (guint i = 0; i < n; i++)
    fprintf(i % 2 ? stderr : stdout, "line %u of output\n", i);
}

/* `n` bytes without a newline but for a last one. */
static void write_bytes(gsize n) {
  g_autofree char *text = g_strnfill(65536, 'x');

  for (gsize left = n; left > 0;) {
    gsize part = MIN(left, 65536);
    g_assert_cmpuint(fwrite(text, 1, part, stdout), ==, part);
    left -= part;
  }
  putchar('\n');
}

static void die_of(int number) {
  struct rlimit none = {0, 0};

  setrlimit(RLIMIT_CORE, &none);
  signal(number, SIG_DFL); /* a sanitizer has it */
  raise(number);
}

static void hang(void) {
  puts("here");
  fflush(stdout);
  for (;;)
    pause();
}

static void copy_input(void) {
  char data[4096];
  gsize n;

  while ((n = fread(data, 1, sizeof data, stdin)) > 0)
    fwrite(data, 1, n, stdout);
}

static void act(const char *what, const char *first, const char *second) {
  if (g_str_equal(what, "exit"))
    exit(atoi(first));
  if (g_str_equal(what, "signal"))
    die_of(atoi(first));
  if (g_str_equal(what, "say")) {
    fputs(first, stdout);
    fputs(second, stderr);
  }
  if (g_str_equal(what, "environment"))
    for (char **name = environ; *name; name++)
      printf("%s\n", *name);
  if (g_str_equal(what, "process"))
    process_describe(stdout);
  if (g_str_equal(what, "input"))
    copy_input();
  if (g_str_equal(what, "family") || g_str_equal(what, "orphan"))
    with_grandchild(g_str_equal(what, "family"));
  if (g_str_equal(what, "deaf"))
    signal(SIGTERM, SIG_IGN);
  if (g_str_equal(what, "polite"))
    signal(SIGTERM, _exit); /* not 0, but calm */
  if (g_str_equal(what, "deaf") || g_str_equal(what, "hang") || g_str_equal(what, "polite"))
    hang();
  if (g_str_equal(what, "lines"))
    write_lines((guint)atoi(first));
  if (g_str_equal(what, "bytes"))
    write_bytes((gsize)atoll(first));
}

void run_act(int argc, char **argv) {
  if (argc < 2 || !g_str_has_prefix(argv[1], "--act="))
    return;
  act(argv[1] + 6, argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
  fflush(stdout);
  exit(0);
}

Ran *ran_new(void) {
  Ran *ran = g_new0(Ran, 1);

  ran->lines = g_ptr_array_new_with_free_func(g_free);
  ran->errors = g_ptr_array_new_with_free_func(g_free);
  return ran;
}

void ran_free(Ran *ran) {
  g_assert_null(ran->run);
  g_free(ran->text);
  g_clear_pointer(&ran->out, g_bytes_unref);
  g_clear_pointer(&ran->err, g_bytes_unref);
  g_ptr_array_unref(ran->lines);
  g_ptr_array_unref(ran->errors);
  g_free(ran);
}

static void done(const WgRunEnd *end, gpointer data) {
  Ran *ran = data;

  g_assert_nonnull(ran->run); /* never inside the start */
  g_assert_nonnull(end->text);
  ran->run = NULL;
  ran->n_done++;
  ran->how = end->how;
  ran->code = end->code;
  ran->text = g_strdup(end->text);
  ran->out = end->out ? g_bytes_ref(end->out) : NULL;
  ran->err = end->err ? g_bytes_ref(end->err) : NULL;
  ran->cut = end->cut;
  ran->no_manager = end->no_manager;
}

static void line(WgRun *run, const char *text, gpointer data) {
  Ran *ran = data;

  g_assert_true(run == ran->run);
  g_ptr_array_add(ran->lines, g_strdup(text));
  if (ran->cancel_at_line)
    wg_run_cancel(run);
  if (ran->forget_at_line) {
    ran->run = NULL;
    wg_run_forget(run);
  }
}

static void error_line(WgRun *run, const char *text, gpointer data) {
  g_ptr_array_add(((Ran *)data)->errors, g_strdup(text));
}

void ran_start(Ran *ran, const WgRunOptions *options, const char *what, const char *first,
               const char *second) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *argument = g_strconcat("--act=", what, NULL);
  const char *argv[] = {self, argument, first, first ? second : NULL, NULL};
  WgRunOptions o = {.how = WG_RUN_PLAIN, .input = -1};

  if (options)
    o = *options;
  if (o.argv == NULL)
    o.argv = argv;
  if (o.line)
    o.line = line;
  if (o.error_line)
    o.error_line = error_line;
  ran->run = wg_run_start(&o, done, ran);
  g_assert_cmpuint(ran->n_done, ==, 0);
}

static gboolean tick(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static gboolean out_of_patience(gpointer data) {
  g_print("Bail out! %s waited in vain\n", g_test_get_path());
  abort();
}

void run_until(gboolean (*holds)(gpointer data), gpointer data) {
  guint guard = g_timeout_add(PATIENCE_MSEC, out_of_patience, NULL);
  guint source = g_timeout_add(5, tick, NULL);

  while (!holds(data))
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(source);
  g_source_remove(guard);
}

static gboolean is_done(gpointer data) {
  return ((Ran *)data)->n_done > 0;
}

void ran_wait(Ran *ran) {
  run_until(is_done, ran);
}

void ran_ends(const WgRunOptions *options, const char *what, const char *first, const char *second,
              WgRunEndHow how, int code, const char *text) {
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, options, what, first, second);
  ran_wait(ran);
  g_assert_cmpstr(ran->text, ==, text);
  g_assert_cmpint(ran->how, ==, how);
  g_assert_cmpint(ran->code, ==, code);
}

static char *text_of(GBytes *bytes) {
  g_assert_nonnull(bytes);
  return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

char *ran_out(const Ran *ran) {
  return text_of(ran->out);
}

char *ran_err(const Ran *ran) {
  return text_of(ran->err);
}

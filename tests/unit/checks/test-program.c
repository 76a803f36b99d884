/* test-program.c: programs that a look runs on its worker thread: they end with the look, and with
 * all that they started; and what rpm and pacman say, in their own words, when they know nothing.
 */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include "checks/program.h"
#include "checks/types.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  ChkLook look;
  const char *argv[4];
  int status;
  char *out, *err;
  GError *error;
} Run;

static gpointer run(gpointer data) {
  Run *r = data;

  r->status = chk_program(&r->look, r->argv, &r->out, &r->err, &r->error);
  return NULL;
}

static void run_clear(Run *r) {
  g_clear_object(&r->look.cancel);
  g_clear_pointer(&r->out, g_free);
  g_clear_pointer(&r->err, g_free);
  g_clear_error(&r->error);
}

static void test_ends(void) {
  Run r = {.look.cancel = g_cancellable_new(),
           .argv = {"sh", "-c", "echo $LC_ALL; echo no >&2; exit 3"}};

  run(&r);
  g_assert_no_error(r.error);
  g_assert_cmpint(r.status, ==, 3);
  g_assert_cmpstr(r.out, ==, "C\n");
  g_assert_cmpstr(r.err, ==, "no\n");
  run_clear(&r);
  r = (Run){.look.cancel = g_cancellable_new(), .argv = {"/nowhere/to/be/found"}};
  run(&r);
  g_assert_cmpint(r.status, ==, -1);
  g_assert_nonnull(r.error);
  run_clear(&r);
  r = (Run){.look.cancel = g_cancellable_new(), .argv = {"printf", "\\377"}};
  run(&r);
  g_assert_cmpint(r.status, ==, -1); /* no text */
  run_clear(&r);
}

/* The grandchild has the pipes, and the writing end of the FIFO that says it lives. */
static void test_cancelled(void) {
  g_autofree char *top = g_dir_make_tmp("waggle-program-XXXXXX", NULL);
  g_autofree char *fifo = g_build_filename(top, "lives", NULL);
  g_autofree char *script = g_strdup_printf("exec 9>'%s'; sleep 1000 & wait", fifo);
  Run r = {.look.cancel = g_cancellable_new(), .argv = {"sh", "-c", script}};
  char byte;

  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  GThread *thread = g_thread_new("look", run, &r);
  int lives = g_open(fifo, O_RDONLY | O_CLOEXEC, 0); /* returns when it has begun */
  g_assert_cmpint(lives, >=, 0);
  g_cancellable_cancel(r.look.cancel);
  g_thread_join(thread);
  g_assert_cmpint(r.status, ==, -1);
  g_assert_nonnull(strstr(r.error->message, "signal 9"));
  g_assert_cmpint(read(lives, &byte, 1), ==, 0); /* all of them are gone */
  close(lives);
  run_clear(&r);
  g_unlink(fifo);
  g_rmdir(top);
}

/* Cancelled from another thread at any moment of a short life: nothing is left over, which the
 * sanitizers judge, and each run ends. */
static void test_race(void) {
  for (guint i = 0; i < 60; i++) {
    Run r = {.look.cancel = g_cancellable_new(), .argv = {"true"}};
    GThread *thread = g_thread_new("look", run, &r);
    g_usleep((i * 97) % 3000);
    g_cancellable_cancel(r.look.cancel);
    g_thread_join(thread);
    g_assert_cmpint(r.status, ==, r.error ? -1 : 0);
    run_clear(&r);
  }
}

static void put_program(const char *top, const char *name, const char *script) {
  g_autofree char *path = g_build_filename(top, name, NULL);
  g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);

  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  g_assert_cmpint(g_chmod(path, 0755), ==, 0);
}

/* As rpm 4.18 and pacman 6.0.2 said it, with status 1 each time. */
static void test_packages(void) {
  static const struct {
    const char *manager, *script, *key, *expected;
  } cases[] = {
      {"rpm", "printf '5.2-1\\n5.1-3\\n'", "version", "\"5.2-1\""},
      {"rpm", "echo package bash is not installed; exit 1", "installed", "false"},
      {"rpm",
       "echo package bash is not installed; echo 'error: cannot open Packages database in /x' >&2;"
       "exit 1",
       "installed", "unknown: rpm: error: cannot open Packages database in /x"},
      {"pacman", "echo bash 5.2-1", "version", "\"5.2-1\""},
      {"pacman", "echo \"error: package 'bash' was not found\" >&2; exit 1", "installed", "false"},
      {"pacman", "echo 'error: config file /etc/pacman.conf could not be read' >&2; exit 1",
       "installed", "unknown: pacman: error: config file /etc/pacman.conf could not be read"},
      {"pacman", "exit 255", "installed", "unknown: pacman: it failed"},
  };
  g_autofree char *top = g_dir_make_tmp("waggle-program-XXXXXX", NULL);
  g_autofree char *before = g_strdup(g_getenv("PATH"));
  g_autofree char *path = g_strconcat(top, ":", before, NULL);

  g_setenv("PATH", path, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *options = g_strdup_printf("{\"manager\": \"%s\"}", cases[i].manager);
    put_program(top, cases[i].manager, cases[i].script);
    g_auto(LookResult) result = chk_look_once_with(NULL, &chk_type_package, "bash", options, 0);
    g_autofree char *seen = result.known == CHK_OBSERVED
                                ? chk_look_value(&result, cases[i].key)
                                : g_strconcat("unknown: ", result.text, NULL);
    g_assert_cmpstr(seen, ==, cases[i].expected);
    g_autofree char *program = g_build_filename(top, cases[i].manager, NULL);
    g_unlink(program);
  }
  g_setenv("PATH", before, TRUE);
  g_rmdir(top);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/program/ends", test_ends);
  g_test_add_func("/program/cancelled", test_cancelled);
  g_test_add_func("/program/race", test_race);
  g_test_add_func("/program/packages", test_packages);
  return g_test_run();
}

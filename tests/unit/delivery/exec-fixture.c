/* exec-fixture.c: see exec-fixture.h. */
#include "exec-fixture.h"

#include "../common/process-fixture.h"

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

extern char **environ;

static void copy_input(const char *path) {
  FILE *file = fopen(path, "w");
  char data[65536];
  gsize n;

  while ((n = fread(data, 1, sizeof data, stdin)) > 0)
    g_assert_cmpuint(fwrite(data, 1, n, file), ==, n);
  g_assert_cmpint(fclose(file), ==, 0);
}

static void write_environment(const char *path) {
  FILE *file = fopen(path, "w");

  for (char **name = environ; *name; name++)
    fprintf(file, "%s\n", *name);
  fclose(file);
}

static void write_process(const char *path) {
  FILE *file = fopen(path, "w");

  process_describe(file);
  fclose(file);
}

/* Writes "own-pid grandchild-pid" to a FIFO; the grandchild hears no request to end. */
static void with_grandchild(const char *path, gboolean leader_stays) {
  g_autofree char *text = g_strdup_printf("%d %d\n", getpid(), process_deaf_child());
  int fd = open(path, O_WRONLY);
  g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
  close(fd);
  while (leader_stays)
    pause();
}

static void write_lines(guint n) {
  for (guint i = 0; i < n; i++)
    fprintf(i % 2 ? stderr : stdout, "line %u of output\n", i);
  fflush(stdout);
}

static void die_of(int number) {
  struct rlimit none = {0, 0};

  setrlimit(RLIMIT_CORE, &none);
  raise(number);
}

void exec_act(int argc, char **argv) {
  const char *what = argc > 1 && g_str_has_prefix(argv[1], "--exec=") ? argv[1] + 7 : NULL;
  const char *first = argc > 2 ? argv[2] : "";

  if (what == NULL)
    return;
  if (g_str_equal(what, "exit"))
    exit(atoi(first));
  if (g_str_equal(what, "complain")) {
    fputs(first, stderr);
    exit(atoi(argv[3]));
  }
  if (g_str_equal(what, "signal"))
    die_of(atoi(first));
  if (g_str_equal(what, "stdin"))
    copy_input(first);
  if (g_str_equal(what, "environment"))
    write_environment(first);
  if (g_str_equal(what, "process"))
    write_process(first);
  if (g_str_equal(what, "family"))
    with_grandchild(first, TRUE);
  if (g_str_equal(what, "orphan"))
    with_grandchild(first, FALSE);
  if (g_str_equal(what, "deaf"))
    signal(SIGTERM, SIG_IGN);
  if (g_str_equal(what, "polite"))
    signal(SIGTERM, _exit); /* not 0, but calm */
  if (g_str_equal(what, "deaf") || g_str_equal(what, "hang") || g_str_equal(what, "polite"))
    for (;;)
      pause();
  if (g_str_equal(what, "output"))
    write_lines((guint)atoi(first));
  exit(0);
}

/* No systemd. */
sd_bus *dlv_courier_bus(DlvCourier *courier) {
  return NULL;
}

static gpointer configure(const char *what, const char *arguments, const char *options) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);

  return test_configure(&dlv_backend_exec, "{\"command\": [\"%s\", \"--exec=%s\"%s]%s}", self, what,
                        arguments, options);
}

gpointer exec_configure_any(const char *what, const char *arguments, const char *options) {
  return configure(what, arguments, options);
}

gpointer exec_configure(const char *what, const char *arguments, const char *options) {
  g_autofree char *all = g_strdup_printf("%s, \"plain\": true", options);

  return configure(what, arguments, all);
}

char *exec_one(gpointer state, DlvResult result) {
  return test_job_run(&dlv_backend_exec, state, 41, 1, result);
}

void exec_ends(const char *what, const char *arguments, const char *options, DlvResult result,
               const char *cause) {
  gpointer state = exec_configure(what, arguments, options);
  g_autofree char *got = exec_one(state, result);

  g_assert_cmpstr(got, ==, cause);
  dlv_backend_exec.free(state);
}

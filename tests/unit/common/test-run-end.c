/* test-run-end.c: commands that do not end by themselves, are given up or forgotten, and many at
 * once. Plain processes. */
#include "process-fixture.h"
#include "run-fixture.h"

#include <stdio.h>
#include <string.h>

static void wanted(WgRun *run, const char *line, gpointer data) {
}

static const WgRunOptions lines = {.how = WG_RUN_PLAIN, .line = wanted, .error_line = wanted};

static gboolean has_line(gpointer data) {
  return ((Ran *)data)->lines->len > 0;
}

typedef struct {
  int leader, grandchild;
} Family;

static void family_start(Ran *ran, Family *family, const WgRunOptions *o, const char *what) {
  ran_start(ran, o, what, NULL, NULL);
  run_until(has_line, ran);
  g_assert_cmpint(sscanf(ran->lines->pdata[0], "%d %d", &family->leader, &family->grandchild), ==,
                  2);
}

/* The kernel needs a moment to end a process that was killed. */
static gboolean family_gone(gpointer data) {
  Family *family = data;

  return !process_lives(family->leader) && !process_lives(family->grandchild);
}

static void test_timeout(void) {
  WgRunOptions o = {.how = WG_RUN_PLAIN, .timeout = 50000, .line = wanted};

  ran_ends(&o, "hang", NULL, NULL, WG_RUN_TIMEOUT, 0, "ran longer than 50ms");
  /* it ends itself, which is no success */
  ran_ends(&o, "polite", NULL, NULL, WG_RUN_TIMEOUT, 0, "ran longer than 50ms");
  o.kill_after = 50000; /* it has to be killed */
  ran_ends(&o, "deaf", NULL, NULL, WG_RUN_TIMEOUT, 0, "ran longer than 50ms");
}

/* Time is up: the whole group goes, even a grandchild that does not listen. */
static void test_timeout_family(void) {
  WgRunOptions o = lines;
  g_autoptr(Ran) ran = ran_new();
  Family family;

  o.timeout = 5 * G_USEC_PER_SEC;
  family_start(ran, &family, &o, "family");
  g_assert_true(process_lives(family.leader) && process_lives(family.grandchild));
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_TIMEOUT);
  run_until(family_gone, &family);
}

/* The command is through, but left somebody behind who holds the output open. */
static void test_orphan(void) {
  g_autoptr(Ran) ran = ran_new();
  Family family;

  family_start(ran, &family, &lines, "orphan");
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_EXITED);
  run_until(family_gone, &family);
}

static void test_cancel(void) {
  WgRunOptions o = lines;
  g_autoptr(Ran) ran = ran_new();
  Family family;

  o.kill_after = 50000;
  family_start(ran, &family, &o, "family");
  wg_run_cancel(ran->run);
  wg_run_cancel(ran->run);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
  g_assert_cmpstr(ran->text, ==, "canceled");
  run_until(family_gone, &family);
}

/* Before the loop came to it, and from inside of a line. */
static void test_cancel_early(void) {
  g_autoptr(Ran) ran = ran_new();
  g_autoptr(Ran) inside = ran_new();

  ran_start(ran, NULL, "hang", NULL, NULL);
  wg_run_cancel(ran->run);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
  inside->cancel_at_line = TRUE;
  ran_start(inside, &lines, "hang", NULL, NULL);
  ran_wait(inside);
  g_assert_cmpint(inside->how, ==, WG_RUN_CANCELED);
}

static gboolean no_children(gpointer data) {
  return !process_has_children();
}

static void test_forget(void) {
  g_autoptr(Ran) ran = ran_new();
  g_autoptr(Ran) early = ran_new();
  g_autoptr(Ran) inside = ran_new();
  Family family;

  family_start(ran, &family, &lines, "family");
  wg_run_forget(g_steal_pointer(&ran->run));
  run_until(family_gone, &family);
  ran_start(early, &lines, "hang", NULL, NULL);
  wg_run_forget(g_steal_pointer(&early->run));
  inside->forget_at_line = TRUE;
  ran_start(inside, &lines, "lines", "1000", NULL);
  run_until(has_line, inside);
  run_until(no_children, NULL);
  g_assert_cmpuint(inside->lines->len, ==, 1); /* not one more */
  g_assert_cmpuint(ran->n_done + early->n_done + inside->n_done, ==, 0);
}

static guint n_over;

static void count(const WgRunEnd *end, gpointer data) {
  g_assert_cmpint(end->how, ==, WG_RUN_EXITED);
  g_assert_cmpint(end->code, ==, GPOINTER_TO_INT(data));
  n_over++;
}

static gboolean all_over(gpointer data) {
  return n_over == 200;
}

static void test_many(void) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);

  for (int i = 0; i < 200; i++) {
    g_autofree char *status = g_strdup_printf("%d", i);
    const char *argv[] = {self, "--act=exit", status, NULL};
    WgRunOptions o = {.how = WG_RUN_PLAIN, .argv = argv, .output_max = 10};
    wg_run_start(&o, count, GINT_TO_POINTER(i));
  }
  run_until(all_over, NULL);
}

/* No descriptor and no process is left, whatever happens. */
static void test_leaks(void) {
  static const char *const ways[][2] = {{"exit", "0"}, {"signal", "9"}, {"hang", ""}};
  static const char *const nothing[] = {"/not/here", NULL};
  WgRunOptions o = {.how = WG_RUN_PLAIN, .output_max = 10, .timeout = 20000, .line = wanted};
  guint before = process_descriptors();

  for (guint i = 0; i < 20; i++)
    for (guint k = 0; k <= G_N_ELEMENTS(ways); k++) {
      g_autoptr(Ran) ran = ran_new();
      const char *const *way = ways[k % G_N_ELEMENTS(ways)];
      o.argv = k == G_N_ELEMENTS(ways) ? nothing : NULL;
      ran_start(ran, &o, way[0], way[1], NULL);
      if (i % 5 == 4)
        wg_run_forget(g_steal_pointer(&ran->run));
      else
        ran_wait(ran);
    }
  run_until(no_children, NULL);
  g_assert_cmpuint(process_descriptors(), ==, before);
}

int main(int argc, char **argv) {
  run_act(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/run/end/timeout", test_timeout);
  g_test_add_func("/run/end/timeout-family", test_timeout_family);
  g_test_add_func("/run/end/orphan", test_orphan);
  g_test_add_func("/run/end/cancel", test_cancel);
  g_test_add_func("/run/end/cancel-early", test_cancel_early);
  g_test_add_func("/run/end/forget", test_forget);
  g_test_add_func("/run/end/many", test_many);
  g_test_add_func("/run/end/leaks", test_leaks);
  return g_test_run();
}

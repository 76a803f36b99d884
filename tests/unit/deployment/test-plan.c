/* test-plan.c: what a plan says is what a deployment does: files, unit differences, order,
 * commands, reasons against; and making one changes nothing. Texts are compared line by line as
 * well. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/diff.h"
#include "deployment/plan.h"
#include "deployment/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- differences ---- */
static char *diff_of(const char *old, const char *new) {
  g_auto(GStrv) lines = dpl_diff(old, new);

  return g_strjoinv("\n", lines);
}

static void test_diff(void) {
  static const char *const cases[][3] = {
      {NULL, NULL, ""},
      {"", "", ""},
      {"a\nb\n", "a\nb\n", ""},
      {NULL, "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b"},
      {"a\nb\n", NULL, "@@ -1,2 +0,0 @@\n-a\n-b"},
      {"a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c"},
      {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nnew\n5\n6\n7\n8\n9\n",
       "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+new\n 5\n 6\n 7"},
      {"a\n2\n3\n4\n5\n6\n7\n8\n9\nb\n", "A\n2\n3\n4\n5\n6\n7\n8\n9\nB\n",
       "@@ -1,4 +1,4 @@\n-a\n+A\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-b\n+B"},
      {"a\n2\n3\n4\n5\n6\n7\nb\n", "A\n2\n3\n4\n5\n6\n7\nB\n",
       "@@ -1,8 +1,8 @@\n-a\n+A\n 2\n 3\n 4\n 5\n 6\n 7\n-b\n+B"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *got = diff_of(cases[i][0], cases[i][1]);
    g_assert_cmpstr(got, ==, cases[i][2]);
  }
}

/* A difference applied to the old text gives the new one, whatever they are. */
static void test_diff_random(void) {
  for (guint round = 0; round < 500; round++) {
    g_autoptr(GString) old = g_string_new(NULL), new = g_string_new(NULL), got = g_string_new(NULL);
    int n = g_test_rand_int_range(0, 30), at = 0;
    for (int i = 0; i < n; i++)
      g_string_append_printf(old, "%c\n", 'a' + g_test_rand_int_range(0, 4));
    for (int i = 0; i < n; i++) {
      int what = g_test_rand_int_range(0, 10);
      if (what != 0)
        g_string_append_printf(new, "%c\n", old->str[2 * i]);
      if (what == 1)
        g_string_append_printf(new, "%c\n", 'a' + g_test_rand_int_range(0, 4));
    }
    g_auto(GStrv) lines = dpl_diff(old->str, new->str);
    for (guint i = 0; lines[i]; i++) {
      int from;
      if (sscanf(lines[i], "@@ -%d,", &from) == 1) {
        gboolean nothing = strstr(lines[i], ",0 +") != NULL;
        for (; at < from - !nothing; at++)
          g_string_append_printf(got, "%c\n", old->str[2 * at]);
        continue;
      }
      if (*lines[i] != '-')
        g_string_append_printf(got, "%s\n", lines[i] + 1);
      if (*lines[i] != '+')
        g_assert_cmpint(lines[i][1], ==, old->str[2 * at++]);
    }
    for (; at < n; at++)
      g_string_append_printf(got, "%c\n", old->str[2 * at]);
    g_assert_cmpstr(got->str, ==, new->str);
  }
}

/* ---- order ---- */
static void expect_order(const char *units, const char *files, const char *order) {
  g_auto(GStrv) names = g_strsplit(units, " ", -1), pairs = g_strsplit(files, "|", -1);
  g_autoptr(GHashTable) contents =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_bytes_unref);

  for (guint i = 0; pairs[i] && pairs[i + 1]; i += 2)
    g_hash_table_insert(contents, pairs[i], g_bytes_new(pairs[i + 1], strlen(pairs[i + 1])));
  g_auto(GStrv) got = dpl_plan_order((const char *const *)names, contents);
  g_autofree char *joined = g_strjoinv(" ", got);
  g_assert_cmpstr(joined, ==, order);
}

static void test_order(void) {
  expect_order("c a b", "", "c a b");
  expect_order("c a b", "c|[Unit]\n After=x b a\n|b|After=a", "a b c");
  expect_order("a b", "b|Before=a x", "b a");
  expect_order("a b", "a|After=b|b|After=a", "a b"); /* a loop */
  expect_order("w@1.service db.service w@2.service", "w@.service|After=db.service",
               "db.service w@1.service w@2.service");
}

/* ---- a whole one ---- */
typedef struct {
  char *top, *root, *base, *units;
  int fd, units_fd;
} Place;

static void put(const char *dir, const char *path, const char *text) {
  g_autofree char *whole = g_build_filename(dir, path, NULL);
  g_autofree char *parent = g_path_get_dirname(whole);

  g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
  g_assert_true(g_file_set_contents(whole, text, -1, NULL));
  g_assert_cmpint(g_chmod(whole, 0644), ==, 0);
}

static void set_up(Place *p, gconstpointer data) {
  p->top = g_dir_make_tmp("plan-XXXXXX", NULL);
  g_assert_cmpint(g_chmod(p->top, 0755), ==, 0);
  p->root = g_build_filename(p->top, "root", NULL);
  p->base = g_build_filename(p->top, "base", NULL);
  p->units = g_build_filename(p->top, "units", NULL);
  g_assert_cmpint(g_mkdir(p->base, 0755) | g_mkdir(p->units, 0755), ==, 0);
  p->fd = -1;
  p->units_fd = open(p->units, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tear_down(Place *p, gconstpointer data) {
  int parent = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *name = g_path_get_basename(p->top);
  GError *error = NULL;

  dpl_within_remove(parent, name, NULL, &error);
  g_assert_no_error(error);
  close(parent);
  close(p->units_fd);
  if (p->fd >= 0)
    close(p->fd);
  g_free(p->top);
  g_free(p->root);
  g_free(p->base);
  g_free(p->units);
}

static const char manifest_text[] =
    "name: shop\nversion: '%s'\ntarget: {name: shop, root: '%s', instance: '3'}\n"
    "artifacts: [{source: tree}]\n"
    "configuration: [{file: etc/a.conf, template: etc/a.in}, {file: etc/b.conf, content: 'v=%s'}]\n"
    "units: {install: [units/shop.service], link: [units/shop.socket], start: [shop.service, "
    "shop.socket], enable: shop.socket}\n"
    "hooks: {pre-switch: [{command: [bin/tell, '${target.instance}'], timeout: 5s}]}\n"
    "backup: [/no/such/data]\nshared: {directories: [log]}\n"
    "checks: [{file: /tmp, name: there}, {file: /no, level: wanted}]\nrequire: {commands: "
    "[no-such-program]}\n";

static DplManifest *manifest(const Place *p, const char *version) {
  g_autofree char *text = g_strdup_printf(manifest_text, version, p->root, version);
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) m = dpl_manifest_load(text, strlen(text), problems);
  DplManifest *made = m ? dpl_manifest_for(m, m->own_target, problems) : NULL;
  g_autofree char *wrong = wg_problems_text(problems, "f");

  g_assert_cmpstr(wrong, ==, "");
  return made;
}

/* Deploys what the manifest says, as far as files go; the release's name. */
static char *deploy(Place *p, const DplManifest *m) {
  g_auto(DplStaged) staged = {0};
  DplStageOptions options = {.transaction = "t1", .realtime = 1795435200000000};
  GError *error = NULL;

  p->fd = p->fd >= 0 ? p->fd : dpl_layout_open(p->root, "shop", TRUE, &error);
  g_assert_no_error(error);
  g_autoptr(DplSources) sources = dpl_sources_open(m, m->own_target, p->base, &error);
  g_assert_no_error(error);
  dpl_sources_stage(sources, &options);
  dpl_stage(p->fd, &options, NULL, &staged, &error);
  g_assert_no_error(error);
  g_assert_true(dpl_current_set(p->fd, staged.release, &error));
  return g_strdup(staged.release);
}

static char *at(JsonNode *plan, const char *pointer) {
  JsonNode *node = wg_json_pointer(plan, pointer);

  return node ? wg_json_canonical(node) : g_strdup("absent");
}

static void expect(JsonNode *plan, const char *pointer, const char *value) {
  g_autofree char *got = at(plan, pointer);

  if (strcmp(got, value) != 0)
    g_error("%s is %s, not %s", pointer, got, value);
}

static JsonNode *plan_of(const Place *p, const DplManifest *m, const char *current) {
  const DplPlanInput input = {
      .preflight = {.manifest = m,
                    .site = m->own_target,
                    .base = p->base,
                    .root = p->fd,
                    .current = current},
      .units = p->units_fd,
      .n_history = 3,
      .expect_downtime = 1500000,
  };
  GError *error = NULL;
  JsonNode *plan = dpl_plan(&input, NULL, &error);

  g_assert_no_error(error);
  return plan;
}

static void fill(const Place *p) {
  put(p->base, "tree/bin/tell", "one\n");
  put(p->base, "tree/keep", "same\n");
  put(p->base, "tree/gone", "old\n");
  put(p->base, "tree/etc/a.in", "name=${target.name}\n");
  put(p->base, "tree/units/shop.service",
      "[Unit]\nAfter=shop.socket\n[Service]\nExecStart=/bin/a\n");
  put(p->base, "tree/units/shop.socket", "[Socket]\nListenStream=1\n");
}

/* Nothing is there yet: everything is new, and making a plan makes nothing. */
static void test_first(Place *p, gconstpointer data) {
  fill(p);
  g_autoptr(DplManifest) m = manifest(p, "1");
  g_autoptr(JsonNode) plan = plan_of(p, m, NULL);

  g_assert_cmpint(g_access(p->root, F_OK), ==, -1);
  expect(plan, "/files/n-changed", "0");
  expect(plan, "/files/n-removed", "0");
  expect(plan, "/units/0/change", "\"new\"");
  expect(plan, "/units/1/diff", "[\"@@ -0,0 +1,2 @@\",\"+[Socket]\",\"+ListenStream=1\"]");
  expect(plan, "/restarts/order", "[\"shop.socket\",\"shop.service\"]");
  expect(plan, "/release/is-there-as", "absent");
  g_autofree char *release = deploy(p, m);
  g_autofree char *digest = at(plan, "/release/digest");
  g_assert_true(strncmp(digest + 1, release, 16) == 0); /* it is what was planned */
  g_autoptr(JsonNode) again = plan_of(p, m, release);
  expect(again, "/release/is-current", "true");
  expect(again, "/files/n-added", "0");
}

static void test_second(Place *p, gconstpointer data) {
  fill(p);
  g_autoptr(DplManifest) before = manifest(p, "1"), m = manifest(p, "2");
  g_autofree char *release = deploy(p, before);
  g_autofree char *gone = g_build_filename(p->base, "tree", "gone", NULL);

  put(p->units, "shop.service", "[Unit]\nAfter=shop.socket\n[Service]\nExecStart=/bin/old\n");
  g_assert_cmpint(g_unlink(gone), ==, 0);
  put(p->base, "tree/bin/tell", "two\n");
  put(p->base, "tree/new", "new\n");
  g_autoptr(JsonNode) plan = plan_of(p, m, release);
  expect(plan, "/files/added", "[{\"bytes\":4,\"path\":\"new\"}]");
  expect(plan, "/files/changed",
         "[{\"bytes\":4,\"path\":\"bin/tell\"},{\"bytes\":3,\"path\":\"etc/b.conf\"}]");
  expect(plan, "/files/removed", "[{\"bytes\":4,\"path\":\"gone\"}]");
  expect(plan, "/units/0/change", "\"changed\"");
  expect(plan, "/units/0/diff",
         "[\"@@ -1,4 +1,4 @@\",\" [Unit]\",\" After=shop.socket\",\" [Service]\","
         "\"-ExecStart=/bin/old\",\"+ExecStart=/bin/a\"]");
  expect(plan, "/units/1/change", "\"same\"");
  expect(plan, "/hooks",
         "[{\"command\":[\"bin/tell\",\"3\"],\"point\":\"pre-switch\",\"timeout\":5000000}]");
  expect(plan, "/backup", "[\"/no/such/data\"]");
  expect(plan, "/checks/0",
         "{\"level\":\"required\",\"name\":\"there\",\"subject\":\"/tmp\",\"type\":\"file\"}");
  expect(plan, "/checks/1/level", "\"wanted\"");
  expect(plan, "/expected/downtime", "1500000");
  expect(plan, "/reasons-against",
         "[\"the command no-such-program that the manifest requires is "
         "not here, or cannot be executed\"]");
  g_autofree char *current = NULL;
  g_assert_true(dpl_current_read(p->fd, &current, NULL));
  g_assert_cmpstr(current, ==, release);
}

/* A release that somebody wrote into could not be returned to. */
static void test_damaged(Place *p, gconstpointer data) {
  fill(p);
  g_autoptr(DplManifest) m = manifest(p, "1");
  g_autofree char *release = deploy(p, m);
  g_autofree char *keep = g_build_filename(p->root, "current", "keep", NULL);

  int fd = open(keep, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(pwrite(fd, "S", 1, 0), ==, 1); /* its size stays */
  close(fd);
  g_autoptr(JsonNode) plan = plan_of(p, m, release);
  g_autofree char *reason = at(plan, "/reasons-against/1");
  g_assert_true(g_str_has_prefix(reason, "\"the release that serves could not be returned to: "));
  expect(plan, "/release/is-there-as", "absent");
}

#define TEST(name) g_test_add("/plan/" #name, Place, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plan/diff", test_diff);
  g_test_add_func("/plan/diff-random", test_diff_random);
  g_test_add_func("/plan/order", test_order);
  TEST(first);
  TEST(second);
  TEST(damaged);
  return g_test_run();
}

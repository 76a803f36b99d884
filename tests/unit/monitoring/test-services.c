/* test-services.c: services as they are written down: files, documents of calls, [X-Waggle]. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/service-spec.h"
#include "monitoring/xwaggle.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <string.h>

static MonServiceSpec *good(const char *text) {
  g_autoptr(GError) error = NULL;
  MonServiceSpec *spec = mon_service_from_text(text, &error);

  g_assert_no_error(error);
  return spec;
}

static const MonProbeSpec *probe(const MonServiceSpec *spec, guint i) {
  g_assert_cmpuint(i, <, spec->probes->len);
  return spec->probes->pdata[i];
}

static void test_whole(void) {
  g_autoptr(MonServiceSpec) s = good(
      "name: shop\ntags: [web, front, web]\ncapabilities: orders\nmetadata: {team: red, a: b}\n"
      "endpoints: [{name: http, address: 'http://127.0.0.1:8080'}]\nunit: shop\nprobes:\n"
      "  - http: http://127.0.0.1:8080/health\n    expect: {status: 200}\n    name: web\n"
      "    kind: liveness\n    interval: 2s\n    timeout: 500ms\n    jitter: 20%\n    failures: 3\n"
      "    successes: 2\n    within: {failures: 5, of: 10}\n    quiet: [Sat..Sun, '02:00..04:00']\n"
      "  - unit: shop.service\n  - push: backup\n    every: 1d\n"
      "  - queue: {agent: x, at-most: 5}\n  - journal: shop.service\n    severity: err\n"
      "    expect: {count: 0}\n");
  const MonProbeSpec *web = probe(s, 0);

  g_assert_cmpstr(s->unit, ==, "shop.service");
  g_assert_cmpuint(g_strv_length(s->tags), ==, 2);
  g_assert_cmpstr(s->tags[0], ==, "front");
  g_assert_cmpstr(s->metadata->pdata[0], ==, "a");
  g_assert_cmpstr(web->name, ==, "web");
  g_assert_cmpint(web->kind, ==, MON_PROBE_LIVENESS);
  g_assert_cmpuint(web->interval, ==, 2000000);
  g_assert_cmpuint(web->retry_interval, ==, 2000000);
  g_assert_cmpuint(web->timeout, ==, 500000);
  g_assert_cmpuint(web->jitter, ==, 20);
  g_assert_cmpuint(web->within_of, ==, 10);
  g_assert_cmpuint(web->quiet->len, ==, 2);
  g_assert_cmpstr(web->check, ==,
                  "{\"expect\":{\"status\":200},\"http\":\"http://127.0.0.1:8080/health\"}");
  g_assert_cmpint(probe(s, 1)->how, ==, MON_PROBE_UNIT);
  g_assert_cmpstr(probe(s, 1)->name, ==, "unit");
  g_assert_cmpint(probe(s, 2)->how, ==, MON_PROBE_PUSH);
  g_assert_cmpstr(probe(s, 2)->name, ==, "backup");
  g_assert_cmpint(probe(s, 3)->how, ==, MON_PROBE_QUEUE);
  g_assert_cmpuint(probe(s, 3)->at_most, ==, 5);
  g_assert_true(probe(s, 4)->keeps_cursor);
}

static void test_equal(void) {
  const char *text = "{\"name\": \"a\", \"tags\": [\"x\"], \"probes\": [{\"tcp\": \"h:1\"}]}";
  g_autoptr(MonServiceSpec) a = good(text), b = good(text);
  g_autoptr(MonServiceSpec) c =
      good("{\"name\": \"a\", \"tags\": [\"x\"], \"probes\": [{\"tcp\": \"h:2\"}]}");

  g_assert_true(mon_service_spec_equal(a, b));
  g_assert_false(mon_service_spec_equal(a, c));
}

static const struct {
  const char *text, *told;
} wrong[] = {
    {"name: a b", "is no name"},
    {"tags: [x]", "name"},
    {"name: a\nprobs: []", "did you mean probes?"},
    {"name: a\nprobes:\n  - htpp: x", "did you mean http?"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    intervall: 5s",
     "the service:4: /probes/0/intervall: a probe has no \"intervall\"; did you mean interval?"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    expect: {statsu: 200}", "did you mean status?"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    quiet: Sunday..Monday",
     "no calendar expression"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    within: {failures: 5, of: 3}",
     "more failures than looks"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    jitter: 80%", "0% to 50%"},
    {"name: a\nprobes:\n  - http: 'http://x/'\n    attempts: 3",
     "belongs to the checks of a verify file"},
    {"name: a\nprobes:\n  - push: x", "write every: 1d"},
    {"name: a\nprobes:\n  - push: x\n    every: 1d\n    expect: {}", "expect"},
    {"name: a\nprobes:\n  - tcp: 'h:1'\n  - tcp: 'h:2'",
     "two probes of the service are named \"tcp\""},
    {"name: a\nprobes:\n  - kind: liveness", "exactly one key that is a type"},
    {"name: a\nprobes: [5]", "object"},
    {"[1]", "object"},
    {"name: a\nmetadata: {x: [1]}", "/metadata/x"},
    {"name: a\nendpoints: [{name: x}]", "address"},
};

static void test_wrong(void) {
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(MonServiceSpec) spec = mon_service_from_text(wrong[i].text, &error);
    g_test_message("%s", wrong[i].text);
    g_assert_null(spec);
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, wrong[i].told));
  }
}

static void put(const char *dir, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(dir, "services.d", name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void drop(const char *dir, const char *name) {
  g_autofree char *path = g_build_filename(dir, "services.d", name, NULL);

  g_assert_cmpint(g_unlink(path), ==, 0);
}

/* A later directory hides a file of the same name; every problem of every file is told. */
static void test_files(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *base = g_dir_make_tmp("services-XXXXXX", NULL);
  g_autofree char *vendor = g_build_filename(base, "vendor", NULL);
  g_autofree char *admin = g_build_filename(base, "admin", NULL);
  const char *const dirs[] = {vendor, admin, NULL};

  put(vendor, "a.yaml", "name: one\n"); /* one service, without a list */
  put(vendor, "b.yaml", "services: [{name: two}]\n");
  put(admin, "b.yaml", "services: [{name: three}, {name: four}]\n");
  put(admin, "c.json", "{\"services\": []}");
  put(admin, "notes.txt", "nothing for us");
  g_autoptr(GPtrArray) services = mon_services_load(dirs, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(services->len, ==, 3);
  g_assert_cmpstr(((MonServiceSpec *)services->pdata[1])->name, ==, "three");

  put(admin, "d.yaml", "services:\n  - name: one\n  - nam: five\n");
  put(admin, "e.yaml", "services: {");
  g_assert_null(mon_services_load(dirs, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, "d.yaml:2: /services/0: a service \"one\" stands in"));
  g_assert_nonnull(strstr(error->message, "d.yaml:3: /services/1"));
  g_assert_nonnull(strstr(error->message, "e.yaml:2:1: "));

  drop(vendor, "a.yaml");
  drop(vendor, "b.yaml");
  for (const char *const *n =
           (const char *const[]){"b.yaml", "c.json", "notes.txt", "d.yaml", "e.yaml", NULL};
       *n; n++)
    drop(admin, *n);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *path = g_build_filename(dirs[i], "services.d", NULL);
    g_rmdir(path);
    g_rmdir(dirs[i]);
  }
  g_assert_cmpint(g_rmdir(base), ==, 0);
}

/* What a file has a call may have, too; each is told alone, as it is stored. */
static void test_one_or_many(void) {
  static const char *const bad[][2] = {
      {"services: [{name: a}, {name: a}]", "/services/1: a service \"a\" stands in the list"},
      {"services: [{name: a}, {nam: b}]", "/services/1/nam: "},
      {"servces: [{name: a}]", "did you mean services?"},
      {"name: a\nservices: [{name: b}]", "cannot be both"},
      {"tags: [a]", "'name' is missing"},
      {"services: {name: a}", "/services: "},
  };
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) documents = NULL, alone = NULL;
  g_autoptr(GPtrArray) two =
      mon_services_from_text("services:\n- name: a\n- {name: b, unit: x}\n", &documents, &error);

  g_assert_no_error(error);
  g_assert_cmpuint(two->len, ==, 2);
  g_assert_cmpuint(g_strv_length(documents), ==, 2);
  g_autoptr(MonServiceSpec) again = mon_service_from_text(documents[1], &error);
  g_assert_no_error(error);
  g_assert_true(mon_service_spec_equal(again, two->pdata[1]));
  g_autoptr(GPtrArray) one = mon_services_from_text("name: a # as it is\n", &alone, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(one->len, ==, 1);
  g_assert_cmpstr(alone[0], ==, "name: a # as it is\n");
  g_assert_null(mon_service_from_text("services: [{name: a}, {name: b}]", NULL));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) why = NULL;
    g_auto(GStrv) none = NULL;
    g_assert_null(mon_services_from_text(bad[i][0], &none, &why));
    g_test_message("%s", why->message);
    g_assert_nonnull(strstr(why->message, bad[i][1]));
  }
}

static MonServiceSpec *from_unit(const char *unit, const char *const *files, char **ret_told) {
  g_autoptr(MonXWaggle) x = mon_xwaggle_new(unit);
  g_autoptr(WgProblems) problems = wg_problems_new();

  for (guint i = 0; files[i]; i++) {
    g_autofree char *name = g_strdup_printf("file-%u", i);
    mon_xwaggle_add(x, files[i], name, problems);
  }
  MonServiceSpec *spec = mon_xwaggle_service(x, problems);
  g_autofree char *told = wg_problems_text(problems, unit);
  g_test_message("%s", told);
  if (ret_told)
    *ret_told = g_steal_pointer(&told);
  return spec;
}

static void test_xwaggle(void) {
  const char *const files[] = {
      "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[X-Waggle]\nName=shop\nTags=web \\\n"
      "  front\nProbe=tcp 127.0.0.1:1\nMetadata=team=red\n# Tags=none\n",
      "[X-Waggle]\nTags=more\nProbe=\nProbe=http http://127.0.0.1:8080/?a=b interval=5s "
      "kind=liveness expect='{\"status\": 204}'\nEndpoint=http http://127.0.0.1:8080\n",
      "[Service]\nNice=1\n[X-Waggle]\nName=%p-%i\n", NULL};
  g_autoptr(MonServiceSpec) s = from_unit("shop@7.service", files, NULL);

  g_assert_nonnull(s);
  g_assert_cmpstr(s->name, ==, "shop-7");
  g_assert_cmpstr(s->unit, ==, "shop@7.service");
  g_assert_cmpuint(g_strv_length(s->tags), ==, 3);
  g_assert_cmpuint(s->probes->len, ==, 1);
  g_assert_cmpstr(probe(s, 0)->subject, ==, "http://127.0.0.1:8080/?a=b");
  g_assert_cmpuint(probe(s, 0)->interval, ==, 5000000);
  g_assert_cmpstr(s->metadata->pdata[1], ==, "red");
  g_assert_cmpstr(((MonEndpoint *)s->endpoints->pdata[0])->name, ==, "http");
}

static void test_xwaggle_alone(void) {
  const char *const with[] = {"[X-Waggle]\n", NULL}, *const without[] = {"[Service]\n", NULL};
  g_autoptr(MonServiceSpec) s = from_unit("a.service", with, NULL);

  g_assert_cmpstr(s->name, ==, "a");
  g_assert_null(from_unit("a.service", without, NULL));
}

static void test_xwaggle_wrong(void) {
  const char *const files[] = {"[X-Waggle]\nTag=web\nProbe=htpp x\nnothing\n", NULL};
  g_autofree char *told = NULL;

  g_assert_null(from_unit("a.service", files, &told));
  g_assert_nonnull(strstr(told, "did you mean Tags?"));
  g_assert_nonnull(strstr(told, "did you mean http?"));
  g_assert_nonnull(strstr(told, "KEY=VALUE"));
}

/* What a probe is about is judged when it is read, at the line that says it. */
static void test_xwaggle_subjects(void) {
  const char *const files[] = {"[X-Waggle]\nProbe=tcp 127.0.0.1:1\n",
                               "[X-Waggle]\n\nProbe=\"\nProbe=http not a url\n"
                               "Probe=tcp \\\n nohost\n",
                               NULL};
  g_autofree char *told = NULL;

  g_assert_null(from_unit("a.service", files, &told));
  g_assert_nonnull(strstr(told, ":3: file-1: "));
  g_assert_nonnull(strstr(told, ":4: file-1: /probes/1/http 'not a url' is no URL of HTTP"));
  g_assert_nonnull(strstr(told, ":6: file-1: /probes/2/tcp 'nohost' is no address"));
}

static void test_subjects(void) {
  static const char text[] = "name: a\n"
                             "probes:\n"
                             "- {name: x, http: not a url}\n"
                             "- tcp: nohost\n"
                             "- name: c\n"
                             "  dns: ''\n"
                             "- {name: d, http: http://localhost, samples: 0}\n";
  g_autoptr(GError) error = NULL;

  g_assert_null(mon_service_from_text(text, &error));
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, ":3: /probes/0/http: 'not a url' is no URL of HTTP"));
  g_assert_nonnull(strstr(error->message, ":4: /probes/1/tcp: 'nohost' is no address"));
  g_assert_nonnull(strstr(error->message, ":6: /probes/2/dns: a name is needed"));
  g_assert_nonnull(strstr(error->message, ":7: /probes/3/samples: \"samples\" is a number"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/services/whole", test_whole);
  g_test_add_func("/services/equal", test_equal);
  g_test_add_func("/services/wrong", test_wrong);
  g_test_add_func("/services/files", test_files);
  g_test_add_func("/services/one-or-many", test_one_or_many);
  g_test_add_func("/xwaggle/drop-ins", test_xwaggle);
  g_test_add_func("/xwaggle/alone", test_xwaggle_alone);
  g_test_add_func("/xwaggle/wrong", test_xwaggle_wrong);
  g_test_add_func("/xwaggle/subjects", test_xwaggle_subjects);
  g_test_add_func("/services/subjects", test_subjects);
  return g_test_run();
}

/* test-manifest.c: manifests: a full one read into its structs, the whole lists of problems of
 * wrong ones, what they become for a target, and what is kept of them. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/manifest.h"

#include <string.h>

#define LEAST "name: shop\nversion: '1'\ntarget: shop\nartifacts: [{source: tree}]\n"
#define CHECKS "checks: [{file: /tmp}]\n"

static const char full[] =
    "name: shop\n"
    "version: 2.4.1\n"
    "description: the shop\n"
    "target: {name: [a, b]}\n"
    "artifacts:\n"
    "  - {source: shop.tar.zst, sha256: "
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff, signature: shop.minisig,\n"
    "     into: lib/shop, strip: 1, keep-owners: true, allow-setuid: true,\n"
    "     allow-capabilities: true}\n"
    "  - {source: ./plain}\n"
    "shared: {directories: [log, var/data], files: etc/local.conf}\n"
    "configuration:\n"
    "  - {file: etc/shop.conf, from: shop.conf.in, mode: '0640'}\n"
    "  - {file: etc/b.conf, template: etc/b.conf.in}\n"
    "  - {file: etc/c.conf, content: 'port=${port}'}\n"
    "units:\n"
    "  install: units/shop@.service\n"
    "  link: [units/shop.socket]\n"
    "  enable: shop.socket\n"
    "  start: ['shop@${target.instance}.service', shop.socket]\n"
    "  reload: [nginx.service]\n"
    "  stop-first: true\n"
    "hooks:\n"
    "  pre-switch:\n"
    "    - {command: [bin/tell, '${target.name}'], timeout: 5s, memory-max: 256M, network: false,\n"
    "       user: www-data, environment: [A=b], tasks-max: 9, cpu-quota: 50}\n"
    "  post-commit: [{command: bin/done}]\n"
    "backup: ['/var/lib/${target.name}']\n"
    "vars: {port: 8080, greeting: hello, on: true}\n"
    "budgets: {deploy: 1min, verify: 30s, rollback: 20s}\n"
    "strategy: {parallel: 4, max-failures: 2, confirm: 10min, restart: stop-start,\n"
    "  isolate-rehearsal: true}\n"
    "retention: {count: 3, size: 2G, age: 90d, failed: 1, failed-size: 1G, failed-age: 1d}\n"
    "state:\n"
    "  directory: /var/lib/shop\n"
    "  schema: 7\n"
    "  reads: 5..7\n"
    "  migrate: {up: {command: [bin/up]}, down: {command: [bin/down], timeout: 1min}}\n"
    "  snapshot: true\n"
    "poison: {days: 3}\n"
    "require: {space: 1G, inodes: 1000, commands: [tar], credentials: [key], ports-free: [80, "
    "'${port}']}\n"
    "x-team: {any: thing}\n" CHECKS;

static DplManifest *load(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  DplManifest *m = dpl_manifest_load(text, strlen(text), problems);
  g_autofree char *wrong = wg_problems_text(problems, "f");

  g_assert_cmpstr(wrong, ==, "");
  g_assert_nonnull(m);
  return m;
}

static DplSite *site(const char *name) {
  g_autofree char *root = g_strconcat("/srv/", name, NULL);
  DplSite *s = dpl_site_new(name, root, NULL);

  g_free(s->instance);
  s->instance = g_strdup("7");
  g_hash_table_insert(s->vars, g_strdup("greeting"), g_strdup("hi"));
  g_hash_table_insert(s->labels, g_strdup("rack"), g_strdup("r1"));
  return s;
}

static void test_full(void) {
  g_autoptr(DplManifest) m = load(full);
  const DplArtifactSpec *a = m->artifacts->pdata[0], *b = m->artifacts->pdata[1];
  const DplHook *hook = m->hooks[DPL_HOOK_PRE_SWITCH]->pdata[0];

  g_assert_cmpstr(m->name, ==, "shop");
  g_assert_cmpstr(m->version, ==, "2.4.1");
  g_assert_cmpuint(g_strv_length(m->target.names), ==, 2);
  g_assert_cmpstr(a->into, ==, "lib/shop");
  g_assert_true(a->strip == 1 && a->keep_owners && a->allow_setuid && a->allow_capabilities);
  g_assert_cmpstr(b->into, ==, ".");
  g_assert_null(b->sha256);
  g_assert_cmpstr(m->shared.files[0], ==, "etc/local.conf");
  g_assert_cmpuint(((DplConfiguration *)m->configuration->pdata[0])->mode, ==, 0640);
  g_assert_cmpuint(((DplConfiguration *)m->configuration->pdata[1])->mode, ==, 0644);
  g_assert_cmpstr(m->units.enable[0], ==, "shop.socket");
  g_assert_true(m->units.stop_first);
  g_assert_cmpstr(hook->command[1], ==, "${target.name}");
  g_assert_true(hook->timeout == 5000000 && hook->memory_max == 256 << 20 && hook->no_network);
  g_assert_cmpuint(hook->tasks_max, ==, 9);
  hook = m->hooks[DPL_HOOK_POST_COMMIT]->pdata[0];
  g_assert_true(hook->timeout == 30000000 && hook->memory_max == 0 && !hook->no_network);
  g_assert_cmpuint(m->budgets.rollback, ==, 20000000);
  g_assert_true(m->strategy.confirm == 600000000 && m->strategy.restart == DPL_STOP_START);
  g_assert_true(m->retention.count == 3 && m->retention.size == (guint64)2 << 30);
  g_assert_cmpuint(m->retention.failed_age, ==, 86400000000);
  g_assert_true(m->state.schema == 7 && m->state.writes == 7 && m->state.reads_from == 5);
  g_assert_cmpuint(m->state.down->timeout, ==, 60000000);
  g_assert_cmpuint(m->poison_days, ==, 3);
  g_assert_cmpstr(m->require.ports[1], ==, "${port}");
  g_assert_cmpstr(g_hash_table_lookup(m->vars, "on"), ==, "true");
  g_assert_cmpuint(strlen(m->hash), ==, 64);
}

static void test_defaults(void) {
  g_autoptr(DplManifest) m = load(LEAST CHECKS);

  g_assert_true(m->budgets.deploy == 300000000 && m->budgets.verify == 600000000 &&
                m->budgets.rollback == 120000000);
  g_assert_true(m->strategy.parallel == 1 && m->strategy.max_failures == 1);
  g_assert_true(m->strategy.confirm == 0 && m->strategy.restart == DPL_RESTART);
  g_assert_true(m->retention.count == 5 && m->retention.failed == 2);
  g_assert_cmpuint(m->poison_days, ==, 7);
  g_assert_null(m->state.directory);
  g_assert_cmpuint(g_strv_length(m->backup) + g_strv_length(m->units.start), ==, 0);
  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    g_assert_cmpuint(m->hooks[i]->len, ==, 0);
}

/* The notation makes no difference to the hash; a value does. */
static void test_hash(void) {
  g_autoptr(DplManifest) yaml = load(LEAST CHECKS);
  g_autoptr(DplManifest) json =
      load("{\"checks\": [{\"file\": \"/tmp\"}], \"artifacts\": [{\"source\": \"tree\"}],\n"
           "\"target\": \"shop\", \"version\": \"1\", \"name\": \"shop\"}");
  g_autoptr(DplManifest) other = load(LEAST CHECKS "backup: /a\n");

  g_assert_cmpstr(yaml->hash, ==, json->hash);
  g_assert_cmpstr(yaml->hash, !=, other->hash);
}

/* ---- wrong ones ---- */
static const struct {
  const char *text, *problems;
} wrong[] = {
    {"[]", "f:1: this is an object: keys and values\n"},
    {"{}", "f:1: 'name' is missing: what is deployed\n"
           "f:1: 'version' is missing: its version, for people\n"
           "f:1: 'target' is missing: the target, or how targets are chosen\n"
           "f:1: 'artifacts' is missing: what the release consists of, in the order of unpacking\n"
           "f: warning: no 'checks'"},
    {LEAST CHECKS "untis: {}\nunits: {stert: [a.service]}\nx-mine: 1\n",
     "f:6: /untis: unknown key 'untis'; did you mean units?\n"
     "f:7: /units/stert: unknown key 'stert'; did you mean start?\n"},
    {"name: a b\nversion: 2.4\ntarget: 5\nartifacts: {}\n" CHECKS,
     "f:1: /name: 'a b' is no name: letters, digits, '.', '_', '-' and '@', at most 64, not first "
     "'.' or '-'\n"
     "f:2: /version: 'version' is a text; write it in quotes\n"
     "f:3: /target: 'target' is a text or a list of texts\n"
     "f:3: /target: 'target' is the name of a target, or an object\n"
     "f:4: /artifacts: 'artifacts' is a list\n"
     "f:4: /artifacts: 'artifacts' is empty: a release consists of something\n"},
    {"name: a\nversion: v\ntarget: {domain: web, name: b, instance: 1st}\n"
     "artifacts: [{sha256: 00, into: ../x, strip: 65}]\n" CHECKS,
     "f:3: /target/instance: 'instance' belongs to a target with a 'root'\n"
     "f:3: /target: 'name' and 'domain' or 'labels': which one counts?\n"
     "f:4: /artifacts/0: 'source' is missing: a directory, a tar archive or a Debian package\n"
     "f:4: /artifacts/0/strip: 'strip' is between 0 and 64\n"
     "f:4: /artifacts/0/sha256: 'sha256' has 64 hexadecimal digits\n"
     "f:4: /artifacts/0/into: '../x' is no path in a release: relative, without '.', '..' and "
     "'//'\n"},
    {LEAST CHECKS "shared:\n  directories: [log, /abs, a]\n  files: [log/x, a]\n",
     "f:7: /shared/directories: '/abs' is no path in a release: relative, without '.', '..' and "
     "'//'\n"
     "f:8: /shared/files: 'log/x' lies in 'log', which is shared, too\n"
     "f:8: /shared/files: 'a' lies in 'a', which is shared, too\n"},
    {LEAST CHECKS "configuration:\n- {file: a}\n- {file: a, from: b, content: c}\n- {file: b, "
                  "from: c, mode: '9'}\n",
     "f:7: /configuration/0: one of 'from', 'template' and 'content' says what is in the file\n"
     "f:8: /configuration/1: one of 'from', 'template' and 'content' says what is in the file\n"
     "f:8: /configuration/1/file: /configuration/0 makes the same file\n"
     "f:9: /configuration/2/mode: 'mode' is a mode in octal digits: \"0640\"\n"},
    {LEAST CHECKS "units:\n  install: [u/a.service, v/a.service]\n  link: u/x.conf\n"
                  "  start: [shop, a.service, a.service]\n  reload: a.service\n",
     "f:7: /units/install: 'v/a.service': a unit file of that name is here already\n"
     "f:8: /units/link: 'x.conf' is no name of a unit, as shop.service\n"
     "f:9: /units/start: 'shop' is no name of a unit, as shop.service\n"
     "f:9: /units/start: 'a.service' is here twice\n"
     "f:10: /units/reload: 'a.service' is under 'start', too; which one counts?\n"},
    {LEAST CHECKS "hooks:\n  pre-swich: []\n  pre-stage: [{timeout: 1h, environment: [a-b=c]}, "
                  "{command: []}]\n  post-start: {command: x}\n",
     "f:7: /hooks/pre-swich: unknown key 'pre-swich'; did you mean pre-switch?\n"
     "f:8: /hooks/pre-stage/0: 'command' is missing: the program and its arguments\n"
     "f:8: /hooks/pre-stage/0/timeout: 'timeout' is between 1ms and 10min\n"
     "f:8: /hooks/pre-stage/0/environment: 'a-b=c' is no NAME=VALUE\n"
     "f:8: /hooks/pre-stage/1/command: 'command' is empty: the program and its arguments\n"
     "f:9: /hooks/post-start: 'post-start' is a list\n"},
    {LEAST CHECKS "budgets: {deploy: 6min, verify: 0}\nstrategy: {restart: kill, parallel: 0}\n"
                  "poison: {days: 400}\nbackup: [a/b]\nvars: {1a: x, b: [1]}\n",
     "f:6: /budgets/deploy: 'deploy' is between 1s and 5min\n"
     "f:6: /budgets/verify: 'verify' is between 1s and 10min\n"
     "f:7: /strategy/parallel: 'parallel' is between 1 and 1000\n"
     "f:7: /strategy/restart: 'restart' cannot be 'kill'; there are: restart, reload-or-restart, "
     "stop-start\n"
     "f:8: /poison/days: 'days' is between 0 and 365\n"
     "f:9: /backup: 'a/b' is no absolute path without '.', '..' and '//'\n"
     "f:10: /vars/1a: '1a' is no name of a variable: letters, digits, '_' and '-'\n"
     "f:10: /vars/b: a variable is a text, a number, true or false\n"},
    {LEAST CHECKS "state: {directory: lib, reads: 1-3, migrate: {down: {command: x}}}\n"
                  "require: {ports-free: [0, x, 65536], space: lots}\n",
     "f:6: /state: 'schema' is missing: the version of the data after the deployment\n"
     "f:6: /state/migrate: 'down' without 'up': there is nothing to undo\n"
     "f:6: /state/directory: 'lib' is no absolute path without '.', '..' and '//'\n"
     "f:6: /state/reads: '1-3' is no range of versions, as \"5..7\" or \"7\"\n"
     "f:7: /require/space: 'space' is a size: \"64K\", \"16M\", or a number of bytes\n"
     "f:7: /require/ports-free: element 0 is no TCP port: 1 to 65535\n"
     "f:7: /require/ports-free: element 1 is no TCP port: 1 to 65535\n"
     "f:7: /require/ports-free: element 2 is no TCP port: 1 to 65535\n"},
    {LEAST CHECKS "state: {directory: /d, schema: 4, reads: 5..7}\n",
     "f:6: /state/schema: the release cannot read 4 (\"reads\")\n"},
    {LEAST CHECKS "state: {directory: /d, schema: 6, reads: 5..7, writes: 8}\n",
     "f:6: /state/writes: the release cannot read 8 (\"reads\")\n"},
    {"name: a\nversion: ${name}\ntarget: {root: /srv/a}\nartifacts: []\ngroups: []\n",
     "f: 'groups', 'waivers' and 'defaults' need 'checks'\n"
     "f:2: /version: a version has no variables in it\n"
     "f:3: /target: a target with a 'root' has one 'name'\n"
     "f:4: /artifacts: 'artifacts' is empty: a release consists of something\n"},
};

static void test_wrong(void) {
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(WgProblems) problems = wg_problems_new();
    g_autoptr(DplManifest) m = dpl_manifest_load(wrong[i].text, strlen(wrong[i].text), problems);
    g_autofree char *told = wg_problems_text(problems, "f");
    g_assert_null(m);
    if (i == 1) /* a warning has no line and comes first */
      g_assert_nonnull(strstr(told, "f:1: 'name' is missing: what is deployed\n"));
    else
      g_assert_cmpstr(told, ==, wrong[i].problems);
  }
}

static void test_no_checks(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) m = dpl_manifest_load(LEAST, strlen(LEAST), problems);
  g_autofree char *told = wg_problems_text(problems, "f");

  g_assert_nonnull(m);
  g_assert_cmpstr(told, ==,
                  "f: warning: no 'checks': the release counts as good when its units "
                  "have started\n");
  g_assert_null(m->verify);
}

/* ---- for a target ---- */
static void test_for(void) {
  g_autoptr(DplManifest) m = load(full);
  g_autoptr(DplSite) a = site("a");
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) made = dpl_manifest_for(m, a, problems);
  g_autofree char *told = wg_problems_text(problems, "f");

  g_assert_cmpstr(told, ==, "");
  g_assert_cmpstr(made->hash, ==, m->hash);
  g_assert_cmpstr(made->units.start[0], ==, "shop@7.service");
  g_assert_cmpstr(made->backup[0], ==, "/var/lib/a");
  g_assert_cmpstr(made->require.ports[1], ==, "8080");
  g_assert_cmpstr(((DplConfiguration *)made->configuration->pdata[2])->content, ==, "port=8080");
  /* what is kept reads back as the same */
  g_autofree char *text = dpl_manifest_text(made);
  g_autoptr(DplManifest) kept = dpl_manifest_from_text(text, made->hash, NULL);
  g_autofree char *again = dpl_manifest_text(kept);
  g_assert_cmpstr(again, ==, text);
  g_assert_cmpstr(kept->hash, ==, m->hash);
  g_assert_cmpstr(kept->units.start[0], ==, "shop@7.service");
  /* and knows its target, whatever becomes of the target's file */
  const DplSite *own = kept->own_target;
  g_assert_cmpstr(own->name, ==, "a");
  g_assert_cmpstr(own->root, ==, "/srv/a");
  g_assert_cmpstr(own->instance, ==, "7");
  g_assert_cmpstr(g_hash_table_lookup(own->labels, "rack"), ==, "r1");
  g_assert_cmpstr(g_hash_table_lookup(kept->vars, "greeting"), ==, "hi");
  g_autofree char *now = dpl_manifest_verify_text(made, a, "ID");
  g_autofree char *later = dpl_manifest_verify_text(kept, own, "ID");
  g_assert_cmpstr(later, ==, now);
}

static void test_for_wrong(void) {
  static const char text[] = LEAST "backup: ['${target.nme}', '${vars.dir}/x']\n"
                                   "vars: {dir: relative}\n"
                                   "units: {start: 'shop@${target.instance}'}\n" CHECKS;
  g_autoptr(DplManifest) m = load(text);
  g_autoptr(DplSite) a = site("a");
  g_autoptr(WgProblems) problems = wg_problems_new(), more = wg_problems_new();

  g_assert_null(dpl_manifest_for(m, a, problems));
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_cmpstr(told, ==,
                  "f:5: /backup/0: at target a: unknown variable ${target.nme}; did you mean "
                  "target.name? (a literal ${ is $${)\n");
  g_autoptr(GString) mended = g_string_new(text);
  g_string_replace(mended, "target.nme}", "target.root}", 0);
  g_autoptr(DplManifest) second = load(mended->str);
  g_assert_null(dpl_manifest_for(second, a, more));
  g_autofree char *second_told = wg_problems_text(more, "f");
  g_assert_cmpstr(second_told, ==,
                  "f:5: /backup: at target a: 'relative/x' is no absolute path without '.', '..' "
                  "and '//'\n"
                  "f:7: /units/start: at target a: 'shop@7' is no name of a unit, as "
                  "shop.service\n");
}

static void test_verify_text(void) {
  g_autoptr(DplManifest) m = load(LEAST "vars: {port: 8080, greeting: x, name: sly}\n"
                                        "budgets: {verify: 90s}\n"
                                        "checks: [{http: 'http://h:${port}/${release}'}]\n");
  g_autoptr(DplSite) a = site("a");
  g_autofree char *text = dpl_manifest_verify_text(m, a, "ID");
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  g_assert_cmpint(json_node_get_int(wg_json_pointer(node, "/vars/port")), ==, 8080);
  g_assert_cmpint(json_node_get_int(wg_json_pointer(node, "/vars/vars.port")), ==, 8080);
  static const char *const texts[][2] = {{"/vars/release", "ID"},
                                         {"/vars/greeting", "hi"}, /* the target's own */
                                         {"/vars/name", "shop"},
                                         {"/vars/vars.name", "sly"},
                                         {"/vars/target.labels.rack", "r1"},
                                         {"/vars/target.root", "/srv/a"},
                                         {"/checks/0/http", "http://h:${port}/${release}"}};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_assert_cmpstr(json_node_get_string(wg_json_pointer(node, texts[i][0])), ==, texts[i][1]);
  g_assert_cmpfloat(json_node_get_double(wg_json_pointer(node, "/deadline")), ==, 90);
}

static void test_targets(void) {
  const char *const nowhere[] = {"/nonexistent", NULL};
  g_autoptr(DplSites) sites = dpl_sites_load(nowhere, NULL);
  g_autoptr(DplManifest) own = load("name: s\nversion: '1'\nartifacts: [{source: t}]\n" CHECKS
                                    "target: {name: s, root: /srv/s, domain: d, instance: i, "
                                    "labels: {a: b}}\n");
  g_autoptr(GPtrArray) list = dpl_manifest_targets(own, sites, NULL, NULL);
  const DplSite *s = list->pdata[0];
  DplSelection wanted = {.domain = (char *)"web"};
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr(s->root, ==, "/srv/s");
  g_assert_cmpstr(s->instance, ==, "i");
  g_assert_cmpstr(g_hash_table_lookup(s->labels, "a"), ==, "b");
  g_assert_null(dpl_manifest_targets(own, sites, &wanted, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
}

/* The table has the hooks in the order of the phases. */
static void test_hook_names(void) {
  guint phase = 0;

  for (const DplKey *key = dpl_manifest_keys; key->section; key++)
    if (strcmp(key->section, "hooks") == 0)
      g_assert_cmpstr(key->name, ==, dpl_hook_phase_name((DplHookPhase)phase++));
  g_assert_cmpuint(phase, ==, DPL_HOOK_POINTS);
}

/* The checks are judged by their own loader, with the target's variables in them. */
static void test_wrong_checks(void) {
  g_autoptr(DplManifest) m = load(LEAST "vars: {dir: tmp}\nchecks:\n- {file: '/${dir}'}\n"
                                        "- {file: '/${dri}'}\n- {fyle: /x}\n");
  g_autoptr(DplSite) a = site("a");
  g_autoptr(WgProblems) problems = wg_problems_new();

  g_assert_null(dpl_manifest_for(m, a, problems));
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_nonnull(strstr(told, "f:8: /checks/1"));
  g_assert_nonnull(strstr(told, "f:9: /checks/2"));
  g_assert_null(strstr(told, "/checks/0"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/manifest/full", test_full);
  g_test_add_func("/manifest/defaults", test_defaults);
  g_test_add_func("/manifest/hash", test_hash);
  g_test_add_func("/manifest/wrong", test_wrong);
  g_test_add_func("/manifest/no-checks", test_no_checks);
  g_test_add_func("/manifest/for", test_for);
  g_test_add_func("/manifest/for-wrong", test_for_wrong);
  g_test_add_func("/manifest/verify-text", test_verify_text);
  g_test_add_func("/manifest/targets", test_targets);
  g_test_add_func("/manifest/hook-names", test_hook_names);
  g_test_add_func("/manifest/wrong-checks", test_wrong_checks);
  return g_test_run();
}

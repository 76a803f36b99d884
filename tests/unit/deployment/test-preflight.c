/* test-preflight.c: what stands in the way of a deployment is told, all at once: data without a way
 * back, missing files and programs, ports that others listen on, a release that is not what it was,
 * unit files that systemd would not take. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/preflight.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEAST "name: shop\ntarget: shop\nartifacts: [{source: tree}]\nchecks: [{file: /tmp}]\n"

static DplSite *site_at(const char *root) {
  return dpl_site_new("shop", root, NULL);
}

static DplManifest *manifest(const char *version, const char *rest) {
  g_autofree char *text = g_strdup_printf(LEAST "version: '%s'\n%s", version, rest);
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplSite) site = site_at("/srv/shop");
  g_autoptr(DplManifest) m = dpl_manifest_load(text, strlen(text), problems);
  DplManifest *made = m ? dpl_manifest_for(m, site, problems) : NULL;
  g_autofree char *wrong = wg_problems_text(problems, "f");

  g_assert_cmpstr(wrong, ==, "");
  return made;
}

/* ---- data ---- */
#define UP "migrate: {up: {command: x}}"
#define UP_DOWN "migrate: {up: {command: x}, down: {command: y}}"
static const struct {
  const char *before, *now; /* the insides of "state"; NULL: no release, "": no state */
  const char *result;
} contracts[] = {
    {NULL, "", "no none-needed"},
    {"", "", "no none-needed"},
    {NULL, "schema: 5", "no none-needed"},
    {NULL, "schema: 5, " UP, "migrate none-needed"},
    {NULL, "schema: 5, " UP_DOWN, "migrate down"},
    {NULL, "schema: 5, snapshot: true, " UP, "migrate snapshot"},
    {"", "schema: 5", "no none-needed"},
    {"", "schema: 5, " UP, "no way back: 5, before does not say what it reads"},
    {"schema: 5", "schema: 5", "no reads"},
    {"schema: 5", "schema: 5, " UP, "no reads"}, /* nothing to migrate */
    {"schema: 5", "schema: 6, " UP, "no way back: 6, before reads only 5 to 5"},
    {"schema: 5, reads: 5..6", "schema: 6, " UP, "migrate reads"},
    {"schema: 5, reads: 5..6", "schema: 6, writes: 7, reads: 6..7, " UP,
     "no way back: 7, before reads only 5 to 6"},
    {"schema: 5", "schema: 6, " UP_DOWN, "migrate down"},
    {"schema: 5", "schema: 6, snapshot: true, " UP, "migrate snapshot"},
    {"schema: 5", "schema: 6", "cannot take 5: has no migration"},
    {"schema: 5, reads: 5..6", "schema: 6, reads: 5..6", "no reads"},
    {"schema: 5", "schema: 6, reads: 5..6", "no way back: 6, before reads only 5 to 5"},
    {"schema: 6", "schema: 5", "cannot take 6: data are never migrated downwards"},
    {"schema: 6, reads: 5..6", "schema: 5, reads: 4..6", "no reads"},
    {"schema: 5", "", "no none-needed"},
};

static DplManifest *with_state(const char *version, const char *state) {
  g_autofree char *rest =
      *state ? g_strdup_printf("state: {directory: /d, %s}\n", state) : g_strdup("");

  return manifest(version, rest);
}

static char *judged(const DplManifest *before, const DplManifest *now) {
  g_autoptr(GError) error = NULL;
  DplStatePlan plan;

  if (dpl_state_contract(before, now, &plan, &error))
    return g_strdup_printf("%s %s", plan.migrate ? "migrate" : "no", dpl_way_back_name(plan.back));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  return g_strdup(error->message);
}

static void test_contract(void) {
  for (guint i = 0; i < G_N_ELEMENTS(contracts); i++) {
    g_autoptr(DplManifest) before =
        contracts[i].before ? with_state("old", contracts[i].before) : NULL;
    g_autoptr(DplManifest) now = with_state("new", contracts[i].now);
    g_autofree char *got = judged(before, now);
    guint there = 0, low, high;
    g_autofree char *short_form = NULL;
    const char *way = strstr(got, "there would be no way back");
    if (way && sscanf(got,
                      "there would be no way back: the data in /d become version %u, and the "
                      "release before (old) reads only %u to %u;",
                      &there, &low, &high) == 3)
      short_form = g_strdup_printf("no way back: %u, before reads only %u to %u", there, low, high);
    else if (way)
      short_form = g_strdup_printf("no way back: %u, before does not say what it reads", there);
    else if (sscanf(got, "the data in /d are of version %u; this release reads %u to %u", &there,
                    &low, &high) == 3)
      short_form = g_strdup_printf("cannot take %u: %s", there,
                                   strstr(got, "has no migration") ? "has no migration"
                                   : strstr(got, "data are never migrated downwards")
                                       ? "data are never migrated downwards"
                                       : "?");
    if (g_strcmp0(short_form ?: got, contracts[i].result) != 0)
      g_error("case %u: \"%s\" is not \"%s\"", i, short_form ?: got, contracts[i].result);
  }
}

/* ---- all reasons ---- */
static int listener(guint *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint(listen(fd, 1), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
  *ret_port = ntohs(address.sin_port);
  return fd;
}

static void has(const GPtrArray *reasons, guint i, const char *begin, const char *end) {
  const char *reason = i < reasons->len ? reasons->pdata[i] : "(nothing)";

  if (!g_str_has_prefix(reason, begin) || !g_str_has_suffix(reason, end))
    g_error("reason %u is \"%s\", not \"%s...%s\"", i, reason, begin, end);
}

static void test_reasons(void) {
  g_autofree char *top = g_dir_make_tmp("preflight-XXXXXX", NULL);
  g_autofree char *root = g_build_filename(top, "none", "yet", NULL);
  guint port, other;
  int fd = listener(&port), free_fd = listener(&other);
  close(free_fd);
  g_autofree char *rest = g_strdup_printf(
      "require: {space: 1000P, commands: [no-such-program, cat], credentials: [key], "
      "ports-free: [%u, %u]}\n"
      "hooks: {pre-stage: [{command: [bin/own]}, {command: ['%s/current/x']}, {command: "
      "[no-such-hook], user: no-such-user}]}\n"
      "configuration: [{file: a, from: a.in}]\n",
      port, other, root);
  g_autoptr(DplManifest) m = manifest("1", rest);
  g_autoptr(DplSite) site = site_at(root);
  const char *const credentials[] = {top, NULL};
  DplPreflight p = {
      .manifest = m, .site = site, .base = top, .root = -1, .credential_directories = credentials};
  g_autoptr(GPtrArray) reasons = dpl_preflight(&p, NULL, NULL);
  g_autofree char *listens =
      g_strdup_printf("port %u is not free: process %d, ", port, (int)getpid());

  has(reasons, 0, "the artifact ", "/tree cannot be looked at: No such file or directory");
  has(reasons, 1, "the template ", "/a.in cannot be looked at: No such file or directory");
  g_assert_nonnull(strstr(reasons->pdata[2], root));
  has(reasons, 3, "the command no-such-program that the manifest requires is not here", "");
  has(reasons, 4, "the command no-such-hook of a hook is not here", "");
  has(reasons, 5, "there is no user 'no-such-user'", "");
  has(reasons, 6, "the credential key is not in ", top);
  has(reasons, 7, listens, " listens there");
  g_assert_cmpuint(reasons->len, ==, 8);
  g_autoptr(GError) error = NULL;
  g_assert_false(dpl_preflight_judge(reasons, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  g_assert_true(g_str_has_prefix(error->message, "nothing was changed: the artifact "));
  close(fd);
  g_assert_cmpint(g_rmdir(top), ==, 0);
}

/* ---- unit files ---- */
typedef struct {
  GMainLoop *loop;
  char *remark;
  GError *error;
} Outcome;

static void verified(const char *remark, const GError *error, gpointer user_data) {
  Outcome *o = user_data;

  o->remark = g_strdup(remark);
  o->error = error ? g_error_copy(error) : NULL;
  g_main_loop_quit(o->loop);
}

static void verify(const char *text, Outcome *o) {
  g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_unit_text_free);
  DplUnitText *unit = g_new0(DplUnitText, 1);

  unit->name = g_strdup("waggle-shop.service");
  unit->content = g_bytes_new(text, strlen(text));
  g_ptr_array_add(units, unit);
  *o = (Outcome){.loop = g_main_loop_new(NULL, FALSE)};
  dpl_unit_verify_start(units, "/nonexistent/current", "/bin/..", FALSE, 30 * G_USEC_PER_SEC,
                        verified, o);
  g_main_loop_run(o->loop);
  g_main_loop_unref(o->loop);
}

static void outcome_clear(Outcome *o) {
  g_free(o->remark);
  g_clear_error(&o->error);
}

/* The unit's program is below `current`, where the new release is not yet. */
static void test_units(void) {
  g_autofree char *program = g_find_program_in_path("systemd-analyze");
  Outcome o;

  verify("[Service]\nExecStart=/nonexistent/current/bin/cat\n", &o);
  if (!program) {
    g_assert_true(g_str_has_prefix(o.remark, "the unit files were not verified beforehand: "));
    outcome_clear(&o);
    g_test_skip("systemd-analyze is not installed");
    return;
  }
  g_assert_no_error(o.error);
  g_assert_null(o.remark);
  outcome_clear(&o);
  verify("[Service]\nExecStart=/nonexistent/current/bin/no-such-program\n", &o);
  g_assert_error(o.error, WG_ERROR, WG_ERROR_INVALID_STATE);
  g_assert_nonnull(strstr(o.error->message, "no-such-program"));
  outcome_clear(&o);
  verify("[Service]\nType=simple\n", &o);
  g_assert_error(o.error, WG_ERROR, WG_ERROR_INVALID_STATE);
  g_assert_true(g_str_has_prefix(
      o.error->message, "systemd would not take the unit files of this release: waggle-shop"));
  outcome_clear(&o);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/preflight/contract", test_contract);
  g_test_add_func("/preflight/reasons", test_reasons);
  g_test_add_func("/preflight/units", test_units);
  return g_test_run();
}

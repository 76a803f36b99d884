/* test-faults.c: staging, switch, backup, restore and retention with SIGKILL, ENOSPC and EIO at
 * each single call that changes something: afterwards nothing half-made has a name, what serves is
 * whole, and the same work done again succeeds. What a staging that was cut off has made is gone
 * after its discard, wherever the cut was. Each run is a process of its own. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/backup.h"
#include "deployment/retention.h"
#include "deployment/switch.h"
#include "faults.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOON G_GUINT64_CONSTANT(1795435200000000)
#define CALLS_MAX 2000

enum { UNTOUCHED = 10, IN_SPITE, FAILED };

static const char *self;

/* The release "one" or "two": the sources lie in the temporary directory. */
static gboolean do_stage(int root, const char *base, const char *which, GError **error) {
  static const char *const shared[] = {"log", NULL};
  g_autofree char *path = g_build_filename(base, which, NULL);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const DplArtifact artifact = {.fd = fd, .options = {.name = which}};
  g_autoptr(GBytes) content = g_bytes_new_static("conf", 4);
  const DplConfigFile file = {"etc/conf", content, 0};
  const DplStageOptions options = {.transaction = which,
                                   .artifacts = &artifact,
                                   .n_artifacts = 1,
                                   .files = &file,
                                   .n_files = 1,
                                   .shared_directories = shared,
                                   .realtime = NOON};
  g_auto(DplStaged) staged = {0};
  gboolean ok = dpl_stage(root, &options, NULL, &staged, error);

  close(fd);
  return ok;
}

static char *find(int root, const char *directory, guint nth) {
  g_autoptr(GPtrArray) list = dpl_releases(root, directory, NULL);

  return nth < list->len ? g_strdup(((DplRelease *)list->pdata[nth])->id) : NULL;
}

/* The one that is not current. */
static char *other(int root) {
  g_autofree char *current = NULL;

  g_assert_true(dpl_current_read(root, &current, NULL));
  for (guint i = 0;; i++) {
    g_autofree char *id = find(root, DPL_DIR_RELEASES, i);
    if (!id || g_strcmp0(id, current) != 0)
      return g_steal_pointer(&id);
  }
}

static gboolean act(const char *what, int root, const char *base, GError **error) {
  g_autofree char *state = g_build_filename(base, "state", NULL);
  const char *const paths[] = {state, NULL};
  DplBackupInfo info;

  if (strcmp(what, "stage") == 0)
    return dpl_stage_discard(root, "two", NULL, error) && do_stage(root, base, "two", error);
  if (strcmp(what, "cut-off") == 0)
    return do_stage(root, base, "two", error);
  if (strcmp(what, "discard") == 0)
    return dpl_stage_discard(root, "two", NULL, error);
  if (strcmp(what, "switch") == 0) {
    g_autofree char *id = other(root);
    return !id || dpl_current_set(root, id, error);
  }
  if (strcmp(what, "unset") == 0)
    return dpl_current_unset(root, error);
  if (strcmp(what, "backup") == 0)
    return dpl_backup(root, "b", paths, NULL, &info, error);
  if (strcmp(what, "restore") == 0)
    return dpl_backup_restore(root, "b", NULL, NULL, error);
  if (strcmp(what, "drop") == 0)
    return dpl_backup_drop(root, "b", NULL, error);
  g_autofree char *id = other(root);
  if (strcmp(what, "fail") == 0) {
    g_autofree char *begun = id ? g_strdup(id) : find(root, DPL_DIR_FAILED, 0);
    return dpl_release_fail(root, begun, error);
  }
  const DplRetention one = {.count = 1};
  return dpl_retention_apply(root, &one, NULL, NOON, NULL, NULL, error);
}

static int child(char **argv) {
  g_autoptr(GError) error = NULL;
  g_autofree char *target = g_build_filename(argv[3], "root", NULL);
  int root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  faults_arm((guint)atoi(argv[4]), atoi(argv[5]));
  gboolean ok = act(argv[2], root, argv[3], &error);
  gboolean hit = faults_hit();
  faults_arm(0, 0);
  if (ok)
    return hit ? IN_SPITE : UNTOUCHED;
  g_assert_true(error->domain == WG_ERROR && *error->message);
  g_assert_true(hit);
  return FAILED;
}

/* How it ended: one of the above, or 0: killed. */
static int run(Files *f, const char *what, guint n, int errnum) {
  g_autofree char *at = g_strdup_printf("%u", n), *how = g_strdup_printf("%d", errnum);
  const char *argv[] = {self, "--child", what, f->path, at, how, NULL};
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "ASAN_OPTIONS", "detect_leaks=0", TRUE);
  int status;

  g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) < UNTOUCHED || WEXITSTATUS(status) > FAILED)
    g_error("%s at call %u (%d): status %x", what, n, errnum, (guint)status);
  return WEXITSTATUS(status);
}

static void prepare(Files *f, const char *what) {
  g_autoptr(GError) error = NULL;
  gboolean backup = g_str_has_prefix(what, "restore") || g_str_has_prefix(what, "drop");
  DplBackupInfo info;

  files_begin(f, NULL);
  g_autofree char *state = files_path(f, "state");
  const char *const paths[] = {state, NULL};
  files_write(f, "one/bin/shop", "one");
  files_write(f, "one/log/x", "seed");
  files_write(f, "two/bin/shop", "two");
  files_write(f, "two/bin/more", "more");
  files_link(f, "two/link", "bin/more");
  files_write(f, "state/a", "good a");
  files_write(f, "state/sub/b", "good b");
  do_stage(f->root, f->path, "one", &error);
  g_assert_no_error(error);
  g_autofree char *id = find(f->root, DPL_DIR_RELEASES, 0);
  g_assert_true(dpl_current_set(f->root, id, &error));
  g_assert_true(dpl_stage_forget(f->root, "one", NULL, &error));
  if (strcmp(what, "stage") != 0 && strcmp(what, "cut-off") != 0)
    do_stage(f->root, f->path, "two", &error);
  g_assert_no_error(error);
  if (!backup)
    return;
  g_assert_true(dpl_backup(f->root, "b", paths, NULL, &info, &error));
  files_write(f, "state/a", "bad a");
  files_write(f, "state/new", "bad");
}

/* What holds at every instant. */
static void check_always(Files *f, const char *what) {
  g_autoptr(GError) error = NULL;
  g_autofree char *current = NULL;
  static const char *const directories[] = {DPL_DIR_RELEASES, DPL_DIR_FAILED};

  dpl_current_read(f->root, &current, &error);
  g_assert_no_error(error);
  if (strcmp(what, "unset") != 0)
    g_assert_nonnull(current);
  if (current)
    dpl_release_prove(f->root, current, NULL, DPL_PROOF_FULL, NULL, &error);
  g_assert_no_error(error);
  for (guint i = 0;; i++) {
    g_autofree char *id = find(f->root, directories[0], i);
    if (!id)
      break;
    /* between its two renames a failed release may have left its tree file behind, no other may */
    if (strcmp(what, "fail") != 0)
      dpl_release_prove(f->root, id, NULL, DPL_PROOF_FULL, NULL, &error);
    g_assert_no_error(error);
  }
  /* the state is the one or the other, never a mixture */
  g_autofree char *a = files_read(f, "state/a"), *b = files_read(f, "state/sub/b");
  g_assert_cmpstr(b, ==, "good b");
  g_assert_true(strcmp(a, "bad a") == 0 ? files_exist(f, "state/new")
                                        : strcmp(a, "good a") == 0 && !files_exist(f, "state/new"));
}

static guint count_in(Files *f, const char *directory) {
  g_autofree char *path = g_build_filename(f->target, directory, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name(dir))
    n++;
  return n;
}

/* What holds when it said that it succeeded. */
static void check_done(Files *f, const char *what) {
  g_autoptr(GError) error = NULL;
  g_autofree char *current = NULL, *second = other(f->root);

  g_assert_true(dpl_current_read(f->root, &current, NULL));
  if (strcmp(what, "stage") == 0) {
    g_assert_nonnull(second);
    g_assert_cmpuint(count_in(f, "staging"), ==, 1); /* the note of its name */
    g_assert_cmpuint(count_in(f, "releases"), ==, 4);
  } else if (strcmp(what, "discard") == 0) {
    g_assert_null(second);
    g_assert_cmpuint(count_in(f, "staging"), ==, 0);
    g_assert_cmpuint(count_in(f, "releases"), ==, 2);
  } else if (strcmp(what, "switch") == 0) {
    g_autofree char *shop = files_read(f, "root/current/bin/shop");
    g_assert_nonnull(shop);
  } else if (strcmp(what, "unset") == 0) {
    g_assert_null(current);
  } else if (strcmp(what, "backup") == 0) {
    g_assert_true(dpl_backup_exists(f->root, "b"));
  } else if (strcmp(what, "restore") == 0) {
    g_autofree char *a = files_read(f, "state/a");
    g_assert_cmpstr(a, ==, "good a");
  } else if (strcmp(what, "drop") == 0) {
    g_assert_cmpuint(count_in(f, "backup"), ==, 0);
  } else if (strcmp(what, "fail") == 0) {
    g_assert_null(second);
    g_assert_cmpuint(count_in(f, "failed"), ==, 2);
  } else {
    g_assert_null(second);
    g_assert_cmpuint(count_in(f, "staging"), ==, 0);
    g_assert_cmpuint(count_in(f, "releases"), ==, 2);
  }
}

static void test_faults(gconstpointer data) {
  const char *what = data;
  gboolean cut_off = strcmp(what, "cut-off") == 0;
  const char *then = cut_off ? "discard" : what, *done = cut_off ? "stage" : what;
  guint calls = 0;

  /* killed at each call; then each fails, with the one error and the other in turns */
  for (guint killed = 0; killed < 2; killed++)
    for (guint n = 1;; n++) {
      Files f;
      g_assert_cmpuint(n, <, CALLS_MAX);
      prepare(&f, what);
      int end = run(&f, what, n, killed ? 0 : n % 2 ? ENOSPC : EIO);
      check_always(&f, what);
      if (end == UNTOUCHED || end == IN_SPITE)
        check_done(&f, done);
      /* again, without a fault; "switch" may have happened and would go back */
      if ((end != UNTOUCHED || cut_off) && strcmp(what, "switch") != 0) {
        g_assert_cmpint(run(&f, then, 0, 0), ==, UNTOUCHED);
        check_always(&f, what);
        check_done(&f, then);
      }
      files_end(&f);
      calls = MAX(calls, n - 1);
      if (end == UNTOUCHED)
        break;
    }
  g_test_message("%s: %u calls", what, calls);
  g_assert_cmpuint(calls, >=, 2);
}

int main(int argc, char **argv) {
  static const char *const names[] = {"stage",  "cut-off", "discard", "switch", "unset",
                                      "backup", "restore", "drop",    "fail",   "retention"};
  self = argv[0];
  if (argc == 6 && strcmp(argv[1], "--child") == 0)
    return child(argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *name = g_strconcat("/faults/", names[i], NULL);
    g_test_add_data_func(name, names[i], test_faults);
  }
  return g_test_run();
}

/* stage.c: staging a release against what a person would type, and the switch.
 *
 * The release is a directory of files; the reference is `cp -a` of it and sha256sum of every file,
 * each of one run after the other with ours (A B A B), sources in the page cache for both. Ours
 * ends with everything on the disk, the reference does not, so a second ratio gives it a `sync -f`.
 */
#include "bench.h"

#include "deployment/stage.h"
#include "deployment/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON G_GUINT64_CONSTANT(1795435200000000)
#define SWITCHES 50

typedef struct {
  char *base, *source, *copy, *target;
  int root;
  guint n_files, n_runs;
  gsize file_size;
  gboolean tar;
} Site;

static void die(const char *what, const GError *error) {
  fprintf(stderr, "%s: %s\n", what, error ? error->message : g_strerror(errno));
  exit(1);
}

static void run(const char *const *argv, const char *directory) {
  g_autoptr(GError) error = NULL;
  int status;

  if (!g_spawn_sync(directory, (char **)argv, NULL,
                    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                    &status, &error) ||
      !g_spawn_check_wait_status(status, &error))
    die(argv[0], error);
}

/* Files of the one size in a hundred directories, none like another. */
static void make_source(Site *s) {
  g_autofree guint32 *bytes = g_malloc(s->file_size);
  GRand *rand = g_rand_new_with_seed(4);

  for (gsize i = 0; i < s->file_size / 4; i++)
    bytes[i] = g_rand_int(rand);
  for (guint i = 0; i < s->n_files; i++) {
    g_autofree char *directory = g_strdup_printf("%s/d%02u", s->source, i % 100);
    g_autofree char *path = g_strdup_printf("%s/file-%05u", directory, i);
    g_autoptr(GError) error = NULL;
    bytes[0] = i;
    if (g_mkdir_with_parents(directory, 0755) < 0 ||
        !g_file_set_contents_full(path, (char *)bytes, (gssize)s->file_size,
                                  G_FILE_SET_CONTENTS_NONE, 0644, &error))
      die("source", error);
  }
  g_rand_free(rand);
}

static void remove_tree(const char *path) {
  const char *const argv[] = {"rm", "-rf", path, NULL};

  run(argv, NULL);
}

/* us; `durable` includes a sync of the copy's file system. */
static double reference(Site *s, double *ret_durable) {
  const char *const copy[] = {"cp", "-a", s->source, s->copy, NULL};
  const char *const sums[] = {"find",      ".",  "-type", "f", "-exec",
                              "sha256sum", "--", "{}",    "+", NULL};
  const char *const sync[] = {"sync", "-f", s->copy, NULL};

  remove_tree(s->copy);
  gint64 begin = g_get_monotonic_time();
  run(copy, NULL);
  run(sums, s->source);
  double plain = (double)(g_get_monotonic_time() - begin);
  run(sync, NULL);
  *ret_durable = (double)(g_get_monotonic_time() - begin);
  return plain;
}

static double ours(Site *s, char **ret_release) {
  g_autoptr(GError) error = NULL;
  g_autofree char *mark = g_strdup_printf("run %u\n", s->n_runs++);
  g_autoptr(GBytes) content = g_bytes_new(mark, strlen(mark));
  const DplConfigFile file = {"run", content, 0}; /* each run is a release of its own */
  g_auto(DplStaged) staged = {0};
  int fd = open(s->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const DplArtifact artifact = {.fd = fd, .options = {.name = "bench"}};
  const DplStageOptions options = {.transaction = "bench",
                                   .artifacts = &artifact,
                                   .n_artifacts = 1,
                                   .files = &file,
                                   .n_files = 1,
                                   .realtime = NOON + s->n_runs * G_USEC_PER_SEC};

  gint64 begin = g_get_monotonic_time();
  if (!dpl_stage(s->root, &options, NULL, &staged, &error))
    die("stage", error);
  double usec = (double)(g_get_monotonic_time() - begin);
  close(fd);
  *ret_release = g_steal_pointer(&staged.release);
  return usec;
}

static double switches(Site *s, const char *a, const char *b) {
  double samples[SWITCHES];

  for (guint i = 0; i < SWITCHES; i++) {
    g_autoptr(GError) error = NULL;
    gint64 begin = g_get_monotonic_time();
    if (!dpl_current_set(s->root, i % 2 ? a : b, &error))
      die("switch", error);
    samples[i] = (double)(g_get_monotonic_time() - begin);
  }
  return median(samples, SWITCHES);
}

static void measure(Site *s, guint rounds, Report *report) {
  double ratios[BENCH_MAX_ROUNDS], durable[BENCH_MAX_ROUNDS], rate = 0;
  double bytes = (double)s->n_files * (double)s->file_size;
  g_autofree char *before = NULL, *last = NULL;

  for (guint i = 0; i < rounds; i++) {
    g_autofree char *release = NULL;
    double with_sync, theirs = reference(s, &with_sync);
    double usec = ours(s, &release);
    ratios[i] = theirs / usec;
    durable[i] = with_sync / usec;
    rate = MAX(rate, bytes / usec);
    printf("staging %u files, %.0f MiB: %.0f ms; cp -a and sha256sum %.0f ms, with sync %.0f ms\n",
           s->n_files, bytes / 1048576, usec / 1000, theirs / 1000, with_sync / 1000);
    g_free(before);
    before = last;
    last = g_steal_pointer(&release);
  }
  report_goal(report, "staging, as a share of the speed of cp -a and sha256sum",
              median(ratios, rounds), TRUE, 0.7, "");
  report_note(report, "staging: %.2f of cp -a, sha256sum and sync -f; at best %.0f MB/s",
              median(durable, rounds), rate);
  double usec = switches(s, before, last);
  report_goal(report, "the switch of `current`, on the disk", usec / 1000, FALSE, 50, " ms");
  report_json(report, "stage", "ratio", median(ratios, rounds), "ratio_durable",
              median(durable, rounds), "switch_us", usec, "mb_s", rate, NULL);
}

static void parse(BenchOptions *o, int argc, char **argv) {
  GOptionEntry entries[] = {
      {"dir", 0, 0, G_OPTION_ARG_FILENAME, &o->dir, "where the files go (on a disk)", "DIR"},
      {"json", 0, 0, G_OPTION_ARG_FILENAME, &o->json, "write the figures as JSON lines", "FILE"},
      {"quick", 0, 0, G_OPTION_ARG_NONE, &o->quick, "a tenth of the size", NULL},
      {"strict", 0, 0, G_OPTION_ARG_NONE, &o->strict, "fail when a target is missed", NULL},
      {"rounds", 0, 0, G_OPTION_ARG_INT, &o->rounds, "of which the median counts", "N"},
      {NULL}};
  g_autoptr(GOptionContext) context = g_option_context_new("- measures staging and the switch");
  g_autoptr(GError) error = NULL;

  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    fprintf(stderr, "%s\n", error->message);
    exit(2);
  }
  o->rounds = CLAMP(o->rounds ? o->rounds : 3, 2, BENCH_MAX_ROUNDS);
}

int main(int argc, char **argv) {
  BenchOptions options = {0};
  g_autoptr(GError) error = NULL;
  Report report;

  parse(&options, argc, argv);
  options.dir = g_canonicalize_filename(options.dir ? options.dir : ".", NULL);
  report_init(&report, options.json);
  Site s = {.n_files = options.quick ? 1000 : 10000, .file_size = 107374};
  s.base = g_build_filename(options.dir, "bench-stage-XXXXXX", NULL);
  if (!g_mkdtemp(s.base))
    die("directory", NULL);
  s.source = g_build_filename(s.base, "source", NULL);
  s.copy = g_build_filename(s.base, "copy", NULL);
  s.target = g_build_filename(s.base, "target", NULL);
  s.root = dpl_layout_open(s.target, "bench", TRUE, &error);
  if (s.root < 0)
    die("target", error);
  make_source(&s);
  measure(&s, (guint)options.rounds, &report);
  close(s.root);
  remove_tree(s.base);
  report_goals(&report);
  int status = options.strict && report.n_failed > 0;
  report_clear(&report);
  return status;
}

/* test-inbox.c: mail in a directory: what lies there, when, and until when. */
#include "job-fixture.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const DlvBackendClass *const inbox = &dlv_backend_inbox;

typedef struct {
  char *top, *path;
  gpointer state;
} Place;

static void place_init(Place *place) {
  place->top = test_directory();
  place->path = g_build_filename(place->top, "mail", NULL);
  place->state = test_configure(inbox, "{\"directory\": \"%s\"}", place->path);
}

static void place_clear(Place *place) {
  inbox->free(place->state);
  test_rmtree(place->top);
  g_free(place->top);
  g_free(place->path);
}

/* The names in a sub-directory. */
static GPtrArray *names(const Place *place, const char *sub) {
  g_autofree char *path = g_build_filename(place->path, sub, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
  const char *name;

  g_assert_nonnull(dir);
  while ((name = g_dir_read_name(dir)) != NULL)
    g_ptr_array_add(list, g_strdup(name));
  return list;
}

static guint count(const Place *place, const char *sub) {
  g_autoptr(GPtrArray) list = names(place, sub);

  return list->len;
}

static char *only_file(const Place *place, const char *sub) {
  g_autoptr(GPtrArray) list = names(place, sub);

  g_assert_cmpuint(list->len, ==, 1);
  return g_build_filename(place->path, sub, list->pdata[0], NULL);
}

static void announce(Place *place, guint64 first, guint n) {
  g_autofree char *cause = test_job_run(inbox, place->state, first, n, DLV_ANNOUNCED);

  g_assert_null(cause);
}

static void test_file(void) {
  Place place;
  struct stat st;
  gsize length;

  place_init(&place);
  announce(&place, 17, 1);
  g_autofree char *path = only_file(&place, "new");
  g_autofree char *base = g_path_get_basename(path);
  g_assert_cmpstr(base, ==, "1700000000.M089018W17." TEST_AGENT);
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, &length, NULL));
  g_assert_cmpstr(text, ==,
                  "{\"agent\":\"" TEST_AGENT "\",\"message\":17,\"text\":\"body of 17\"}\n");
  g_assert_cmpint(g_stat(path, &st), ==, 0);
  g_assert_cmpuint(st.st_mode, ==, S_IFREG | 0600);
  g_assert_cmpint(g_stat(place.path, &st), ==, 0);
  g_assert_cmpuint(st.st_mode, ==, S_IFDIR | 0700);
  g_assert_cmpuint(count(&place, "tmp") + count(&place, "cur"), ==, 0);
  place_clear(&place);
}

static void test_mode(void) {
  g_autofree char *top = test_directory();
  gpointer state = test_configure(inbox, "{\"directory\": \"%s/m\", \"mode\": \"0640\"}", top);
  Place place = {.path = g_build_filename(top, "m", NULL), .top = top, .state = state};
  mode_t before = umask(077);
  struct stat st;

  announce(&place, 1, 1);
  umask(before);
  g_autofree char *path = only_file(&place, "new");
  g_assert_cmpint(g_stat(path, &st), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
  inbox->free(state);
  test_rmtree(top);
  g_free(place.path);
}

/* The same message twice is one file, wherever the reader has it, and after a restart. */
static void test_twice(void) {
  Place place;
  struct stat first, second;

  place_init(&place);
  announce(&place, 5, 3);
  g_autoptr(GPtrArray) list = names(&place, "new");
  g_autofree char *path = g_build_filename(place.path, "new", list->pdata[0], NULL);
  g_assert_cmpint(g_stat(path, &first), ==, 0);
  announce(&place, 5, 3);
  g_assert_cmpint(g_stat(path, &second), ==, 0);
  g_assert_cmpuint(first.st_ino, ==, second.st_ino); /* nor written again */
  g_autofree char *moved = g_strdup_printf("%s/cur/%s:2,S", place.path, (char *)list->pdata[0]);
  g_assert_cmpint(g_rename(path, moved), ==, 0);
  inbox->free(place.state);
  place.state = test_configure(inbox, "{\"directory\": \"%s\"}", place.path);
  announce(&place, 5, 3);
  g_assert_cmpuint(count(&place, "new"), ==, 2);
  g_assert_cmpuint(count(&place, "cur"), ==, 1);
  place_clear(&place);
}

/* One that the owner removed comes again when it is delivered again. */
static void test_removed(void) {
  Place place;

  place_init(&place);
  announce(&place, 5, 1);
  g_autofree char *path = only_file(&place, "new");
  g_assert_cmpint(g_unlink(path), ==, 0);
  announce(&place, 5, 1);
  g_assert_cmpuint(count(&place, "new"), ==, 1);
  place_clear(&place);
}

static gboolean tick(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static gboolean empty(gpointer data) {
  return count(data, "new") + count(data, "cur") == 0;
}

/* The worker takes one thing after the other: when this is through, so is all before it. */
static gboolean swept;
static void sweep_end(guint64 number, gpointer data) {
  guint64 *sum = data;

  *sum += number;
  swept = TRUE;
}

static gboolean was_swept(gpointer data) {
  return swept;
}

static void test_finished(void) {
  Place place;

  place_init(&place);
  announce(&place, 1, 40);
  g_autoptr(GPtrArray) list = names(&place, "new");
  for (guint i = 0; i < 10; i++) { /* read, in two ways */
    const char *name = list->pdata[i];
    g_autofree char *from = g_build_filename(place.path, "new", name, NULL);
    g_autofree char *to = g_strdup_printf("%s/cur/%s%s", place.path, name, i % 2 ? ":2,S" : "");
    g_assert_cmpint(g_rename(from, to), ==, 0);
  }
  for (guint64 number = 1; number <= 40; number++)
    if (number != 7)
      inbox->finished(place.state, number, "acked");
  inbox->finished(place.state, 999, "expired"); /* never was here */
  guint64 sum = 0;
  swept = FALSE;
  inbox->sweep(place.state, sweep_end, &sum);
  test_until(was_swept, NULL);
  g_assert_cmpuint(sum, ==, 7);
  inbox->finished(place.state, 7, "dead");
  guint source = g_timeout_add(10, tick, NULL);
  test_until(empty, &place);
  g_source_remove(source);
  place_clear(&place);
}

/* After a restart what lies there is told, and goes when it is finished. */
static void test_sweep(void) {
  Place place;
  guint64 sum = 0;

  place_init(&place);
  announce(&place, 10, 3);
  g_autofree char *foreign = g_build_filename(place.path, "new", "1700.M1W5.somebody", NULL);
  g_autofree char *other = g_build_filename(place.path, "new", "note.txt", NULL);
  g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));
  g_assert_true(g_file_set_contents(other, "x", 1, NULL));
  inbox->free(place.state);
  place.state = test_configure(inbox, "{\"directory\": \"%s\"}", place.path);
  swept = FALSE;
  inbox->sweep(place.state, sweep_end, &sum);
  test_until(was_swept, NULL);
  g_assert_cmpuint(sum, ==, 10 + 11 + 12);
  for (guint64 number = 10; number < 13; number++)
    inbox->finished(place.state, number, "acked");
  inbox->finished(place.state, 5, "acked"); /* not ours */
  announce(&place, 20, 1);                  /* behind it */
  g_assert_cmpuint(count(&place, "new"), ==, 3);
  g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS));
  place_clear(&place);
}

/* A state that is freed hears nothing any more. */
static void test_sweep_freed(void) {
  Place place;
  guint64 sum = 0;

  place_init(&place);
  announce(&place, 10, 3);
  inbox->sweep(place.state, sweep_end, &sum);
  inbox->free(place.state);
  place.state = test_configure(inbox, "{\"directory\": \"%s\"}", place.path);
  announce(&place, 20, 1);
  g_assert_cmpuint(sum, ==, 0);
  place_clear(&place);
}

/* What a crash left in tmp goes; what others have there stays. */
static void test_stale(void) {
  Place place;

  place_init(&place);
  announce(&place, 1, 1);
  g_autofree char *ours = g_build_filename(place.path, "tmp", "1699.M000001W3." TEST_AGENT, NULL);
  g_autofree char *same =
      g_build_filename(place.path, "tmp", "1700000000.M089003W2." TEST_AGENT, NULL);
  g_autofree char *theirs = g_build_filename(place.path, "tmp", "mutt.123", NULL);
  g_assert_true(g_file_set_contents(same, "half", 4, NULL));
  announce(&place, 2, 1); /* the same name, in the way */
  g_assert_cmpuint(count(&place, "new"), ==, 2);
  g_assert_true(g_file_set_contents(ours, "half", 4, NULL));
  g_assert_true(g_file_set_contents(theirs, "half", 4, NULL));
  inbox->free(place.state);
  place.state = test_configure(inbox, "{\"directory\": \"%s\"}", place.path);
  announce(&place, 3, 1);
  g_assert_false(g_file_test(ours, G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(theirs, G_FILE_TEST_EXISTS));
  place_clear(&place);
}

static char *half_in(const char *directory, const char *name) {
  char *path = g_build_filename(directory, name, NULL);

  g_assert_true(g_file_set_contents(path, "half", 4, NULL));
  return path;
}

/* So do the directories of large batches; no link is followed for that. */
static void test_stale_batch(void) {
  static const char *const batches[] = {
      "batch-0123456789abcdef." TEST_AGENT,     /* ours */
      "batch-0123456789abcdee." TEST_AGENT,     /* with something of others */
      "batch-0123456789abcdef." TEST_AGENT "x", /* another agent's */
      "batch-0123." TEST_AGENT,                 /* no name of ours */
  };
  static const char name[] = "1699.M000001W3." TEST_AGENT;
  char *directories[G_N_ELEMENTS(batches)], *files[G_N_ELEMENTS(batches)];
  Place place;

  place_init(&place);
  announce(&place, 1, 1);
  for (guint i = 0; i < G_N_ELEMENTS(batches); i++) {
    directories[i] = g_build_filename(place.path, "tmp", batches[i], NULL);
    g_assert_cmpint(g_mkdir(directories[i], 0700), ==, 0);
    files[i] = half_in(directories[i], name);
  }
  g_autofree char *theirs = half_in(directories[1], "note.txt");
  g_autofree char *outside = g_build_filename(place.top, "outside", NULL);
  g_assert_cmpint(g_mkdir(outside, 0700), ==, 0);
  g_autofree char *led_to = half_in(outside, name);
  g_autofree char *link =
      g_build_filename(place.path, "tmp", "batch-0000000000000000." TEST_AGENT, NULL);
  g_assert_cmpint(symlink(outside, link), ==, 0);
  inbox->free(place.state);
  place.state = test_configure(inbox, "{\"directory\": \"%s\"}", place.path);
  announce(&place, 2, 30);
  g_assert_false(g_file_test(directories[0], G_FILE_TEST_EXISTS));
  g_assert_false(g_file_test(files[1], G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(theirs, G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(files[2], G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(files[3], G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(led_to, G_FILE_TEST_EXISTS));
  g_assert_cmpuint(count(&place, "tmp"), ==, 4);
  g_assert_cmpuint(count(&place, "new"), ==, 31);
  for (guint i = 0; i < G_N_ELEMENTS(batches); i++) {
    g_free(directories[i]);
    g_free(files[i]);
  }
  place_clear(&place);
}

/* A large batch, made in a directory of its own where that helps, leaves nothing but its files. */
static void test_batch(void) {
  Place place;
  struct stat st;

  place_init(&place);
  announce(&place, 1, 100);
  announce(&place, 51, 100); /* half of it lies there */
  g_assert_cmpuint(count(&place, "new"), ==, 150);
  g_assert_cmpuint(count(&place, "tmp"), ==, 0);
  g_autoptr(GPtrArray) list = names(&place, "new");
  for (guint i = 0; i < list->len; i++) {
    g_autofree char *path = g_build_filename(place.path, "new", list->pdata[i], NULL);
    g_assert_cmpint(g_lstat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode, ==, S_IFREG | 0600);
    g_assert_cmpuint(st.st_nlink, ==, 1);
    g_assert_cmpint(st.st_size, >, 50);
  }
  place_clear(&place);
}

/* Given up: each message has one report, and those that were not written say so. */
static void test_cancel(void) {
  Place place;

  place_init(&place);
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 256);
  inbox->run(place.state, &job->job);
  inbox->cancel(place.state, &job->job);
  inbox->cancel(place.state, &job->job);
  test_job_wait(job);
  guint announced = 0;
  for (guint i = 0; i < 256; i++)
    if (job->outcomes[i].result == DLV_ANNOUNCED)
      announced++;
    else
      g_assert_cmpint(job->outcomes[i].result, ==, DLV_HELD);
  g_assert_cmpuint(count(&place, "new"), ==, announced);
  g_assert_cmpuint(count(&place, "tmp"), ==, 0);
  place_clear(&place);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/inbox/file", test_file);
  g_test_add_func("/inbox/mode", test_mode);
  g_test_add_func("/inbox/twice", test_twice);
  g_test_add_func("/inbox/removed", test_removed);
  g_test_add_func("/inbox/finished", test_finished);
  g_test_add_func("/inbox/sweep", test_sweep);
  g_test_add_func("/inbox/sweep-freed", test_sweep_freed);
  g_test_add_func("/inbox/stale", test_stale);
  g_test_add_func("/inbox/stale-batch", test_stale_batch);
  g_test_add_func("/inbox/batch", test_batch);
  g_test_add_func("/inbox/cancel", test_cancel);
  return g_test_run();
}

/* test-inbox-way.c: the way to an inbox: who could lead it elsewhere is refused, by name.
 *
 * Runs on paths below a directory of its own that stands in for the home, and outside of it. */
#include "job-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const DlvBackendClass *const inbox = &dlv_backend_inbox;
static char *home;

#define NOBODY 65534

static const char *const deep[] = {"a",           "a/b", "a/b/mail", "a/b/mail/tmp", "a/b/mail/new",
                                   "a/b/mail/cur"};

static char *at(const char *rest) {
  return g_build_filename(home, rest, NULL);
}

static void clean(void) {
  g_autofree char *a = at("a");
  g_autofree char *elsewhere = at("elsewhere");

  test_rmtree(a);
  test_rmtree(elsewhere);
}

/* The outcome of one message to ~/a/b/mail: its cause, which must name `where`. */
static void refused(const char *where, const char *why) {
  gpointer state = test_configure(inbox, "{\"directory\": \"~/a/b/mail\"}");
  g_autofree char *cause = test_job_run(inbox, state, 1, 1, DLV_FAILED);
  g_autofree char *path = at(where);
  g_autofree char *quoted = g_strdup_printf("\"%s\"", path);

  if (strstr(cause, quoted) == NULL || strstr(cause, why) == NULL)
    g_error("neither %s nor '%s' in: %s", quoted, why, cause);
  inbox->free(state);
}

static void delivered(void) {
  gpointer state = test_configure(inbox, "{\"directory\": \"~/a/b/mail\"}");
  g_autofree char *cause = test_job_run(inbox, state, 1, 1, DLV_ANNOUNCED);

  inbox->free(state);
}

/* A link at each depth, to a place that would do: not followed, and nothing is made there. */
static void test_links(void) {
  for (guint i = 0; i < G_N_ELEMENTS(deep); i++) {
    g_autofree char *path = at(deep[i]);
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *target = at("elsewhere");

    clean();
    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_assert_cmpint(g_mkdir(target, 0700), ==, 0);
    g_assert_cmpint(symlink(target, path), ==, 0);
    refused(deep[i], "symbolic link");
    g_autoptr(GDir) dir = g_dir_open(target, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
  }
  clean();
}

/* A link that waits under the name of the file is replaced or refused, never written through. */
static void test_link_as_file(void) {
  g_autofree char *victim = at("elsewhere");
  g_autofree char *text = NULL;

  clean();
  delivered();
  g_assert_true(g_file_set_contents(victim, "mine", 4, NULL));
  for (guint i = 3; i < 5; i++) {
    g_autofree char *sub = at(deep[i]);
    g_autofree char *name = g_build_filename(sub, "1700000000.M089002W1." TEST_AGENT, NULL);
    g_unlink(name);
    g_assert_cmpint(symlink(victim, name), ==, 0);
  }
  delivered();
  g_clear_pointer(&text, g_free);
  g_assert_true(g_file_get_contents(victim, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, "mine");
  clean();
}

static void test_no_directory(void) {
  for (guint i = 0; i < G_N_ELEMENTS(deep); i++) {
    g_autofree char *path = at(deep[i]);
    g_autofree char *parent = g_path_get_dirname(path);

    clean();
    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_assert_cmpint(mknod(path, (i % 2 ? S_IFIFO : S_IFREG) | 0600, 0), ==, 0);
    refused(deep[i], "not a directory"); /* and the fifo does not block */
  }
  clean();
}

static void test_writable(void) {
  for (guint i = 0; i < G_N_ELEMENTS(deep); i++) {
    g_autofree char *path = at(deep[i]);

    clean();
    delivered();
    g_assert_cmpint(g_chmod(path, 0770), ==, 0);
    refused(deep[i], "chmod go-w");
    g_assert_cmpint(g_chmod(path, 01777), ==, 0);
    if (i < 2)
      delivered(); /* sticky: nobody else can take our entry away */
    else
      refused(deep[i], "chmod go-w");
  }
  clean();
}

static void test_owner(void) {
  if (geteuid() != 0) {
    g_test_skip("only root can give a directory away");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(deep); i++) {
    g_autofree char *path = at(deep[i]);

    clean();
    delivered();
    g_assert_cmpint(chown(path, NOBODY, (gid_t)-1), ==, 0);
    refused(deep[i], "belongs to uid 65534");
  }
  clean();
}

/* As somebody else: what may not be entered or written is told, with its name. */
static void test_permission(void) {
  g_autofree char *b = at("a/b");

  clean();
  delivered();
  if (geteuid() == 0) { /* root may do anything: be another one, who owns all this */
    g_autofree char *a = at("a");
    for (guint i = 0; i < G_N_ELEMENTS(deep); i++) {
      g_autofree char *path = at(deep[i]);
      g_assert_cmpint(chown(path, NOBODY, NOBODY), ==, 0);
    }
    g_assert_cmpint(chown(home, NOBODY, NOBODY), ==, 0);
    g_autofree char *sub = at("a/b/mail/new");
    g_autofree char *file = g_build_filename(sub, "1700000000.M089002W1." TEST_AGENT, NULL);
    g_assert_cmpint(g_unlink(file), ==, 0);
    g_assert_cmpint(setegid(NOBODY), ==, 0);
    g_assert_cmpint(seteuid(NOBODY), ==, 0);
  }
  g_assert_cmpint(g_chmod(b, 0600), ==, 0);
  refused("a/b/mail", "ermission denied");
  g_assert_cmpint(g_chmod(b, 0500), ==, 0);
  delivered(); /* nothing has to be made there */
  g_assert_cmpint(g_chmod(b, 0700), ==, 0);
  if (geteuid() == NOBODY && getuid() == 0) {
    g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_cmpint(setegid(0), ==, 0);
    g_assert_cmpint(chown(home, 0, 0), ==, 0);
  }
  clean();
}

/* Outside of home root's directories are trusted, others' are not. */
static void test_absolute(void) {
  g_autofree char *top = test_directory(); /* below a sticky directory of root's */
  g_autofree char *path = g_build_filename(top, "box", NULL);
  gpointer state = test_configure(inbox, "{\"directory\": \"%s/./box/\"}", top);
  g_autofree char *none = test_job_run(inbox, state, 1, 2, DLV_ANNOUNCED);

  g_assert_cmpint(g_chmod(top, 0777), ==, 0);
  g_autofree char *cause = test_job_run(inbox, state, 3, 1, DLV_FAILED);
  g_assert_nonnull(strstr(cause, top));
  inbox->free(state);
  test_rmtree(top);
}

static void test_options(void) {
  test_configure_refused(inbox, "{\"directory\": \"mail\"}", "neither absolute");
  test_configure_refused(inbox, "{\"directory\": \"~\"}", "neither absolute");
  test_configure_refused(inbox, "{\"directory\": \"~/\"}", "a directory of its own");
  test_configure_refused(inbox, "{\"directory\": \"/\"}", "a directory of its own");
  test_configure_refused(inbox, "{\"directory\": \"~/a/../b\"}", "\"..\"");
  for (const char *const *mode =
           (const char *const[]){"", "rw", "0800", "0200", "0622", "0755", "02600", "-600", NULL};
       *mode; mode++) {
    g_autofree char *text = g_strdup_printf("{\"directory\": \"~/a\", \"mode\": \"%s\"}", *mode);
    test_configure_refused(inbox, text, "mode:");
  }
}

int main(int argc, char **argv) {
  home = test_directory();
  g_setenv("HOME", home, TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/inbox/way/links", test_links);
  g_test_add_func("/inbox/way/link-as-file", test_link_as_file);
  g_test_add_func("/inbox/way/no-directory", test_no_directory);
  g_test_add_func("/inbox/way/writable", test_writable);
  g_test_add_func("/inbox/way/owner", test_owner);
  g_test_add_func("/inbox/way/permission", test_permission);
  g_test_add_func("/inbox/way/absolute", test_absolute);
  g_test_add_func("/inbox/way/options", test_options);
  int status = g_test_run();
  test_rmtree(home);
  g_free(home);
  return status;
}

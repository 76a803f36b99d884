/* test-profiles.c: which profile a window has, which file counts, and which are refused. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/profiles.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *top, *vendor, *user;
} Rig;

static void rig_set_up(Rig *rig, gconstpointer data) {
  rig->top = g_dir_make_tmp("waggle-profiles-XXXXXX", NULL);
  rig->vendor = g_build_filename(rig->top, "vendor", NULL);
  rig->user = g_build_filename(rig->top, "user", NULL);
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void rig_tear_down(Rig *rig, gconstpointer data) {
  remove_tree(rig->top);
  g_free(rig->top);
  g_free(rig->vendor);
  g_free(rig->user);
}

static char *make_path(const char *dir, const char *name) {
  g_autofree char *path = g_build_filename(dir, "profiles.d", name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  return g_steal_pointer(&path);
}

static void put(const char *dir, const char *name, const char *text) {
  g_autofree char *path = make_path(dir, name);

  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static TypProfiles *load(Rig *rig, GError **error) {
  const char *const dirs[] = {rig->vendor, rig->user, NULL};

  return typ_profiles_load(dirs, error);
}

static void assert_match(TypProfiles *profiles, const char *class, const char *title,
                         const char *expected) {
  g_assert_cmpstr(typ_profiles_match(profiles, class, "an-instance", title)->name, ==, expected);
}

static void test_without_files(Rig *rig, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TypProfiles) profiles = load(rig, &error);

  g_assert_no_error(error);
  const TypProfile *profile = typ_profiles_match(profiles, NULL, NULL, NULL);
  g_assert_cmpstr(profile->name, ==, "default");
  g_assert_cmpstr(profile->submit_key, ==, "Return");
  g_assert_cmpuint(profile->submit_delay, ==, 50000);
  g_assert_cmpstr(profile->newline, ==, "");
  g_assert_false(profile->tabs);
}

static void test_match(Rig *rig, gconstpointer data) {
  g_autoptr(GError) error = NULL;

  put(rig->vendor, "b.conf", "[Match]\nClass=XTerm; UX*\n");
  put(rig->vendor, "a.conf", "[Match]\nClass=xterm\nTitle=agent-*;Bee ?\n");
  put(rig->vendor, "c.conf", "[Profile]\nPriority=90\n[Match]\nInstance=AN-*\nTitle=high\n");
  put(rig->vendor, "named.conf", "[Typing]\nSubmitKey=none\n");
  g_autoptr(TypProfiles) profiles = load(rig, &error);
  g_assert_no_error(error);
  assert_match(profiles, "XTERM", "agent-1", "a");
  assert_match(profiles, "xterm", "Bee 1", "a");
  assert_match(profiles, "xterm", "bee 1", "b"); /* a title's case counts */
  assert_match(profiles, "uxterm", "x", "b");
  assert_match(profiles, "xtermx", "x", "default");
  assert_match(profiles, "xterm", "high", "c");
  g_autofree const char **names = typ_profiles_names(profiles);
  g_autofree char *all = g_strjoinv(" ", (char **)names);
  g_assert_cmpstr(all, ==, "c a b named default");
  g_assert_cmpstr(typ_profiles_find(profiles, "named", &error)->submit_key, ==, "");
}

static void test_stronger_files(Rig *rig, gconstpointer data) {
  g_autofree char *masked = make_path(rig->user, "y.conf");
  g_autoptr(GError) error = NULL;

  put(rig->vendor, "x.conf", "[Match]\nClass=x\n[Typing]\nSubmitKey=F1\nTerminal=yes\n");
  put(rig->vendor, "x.conf.d/50.conf", "[Typing]\nSubmitDelaySec=70ms\n");
  put(rig->vendor, "y.conf", "[Match]\nClass=y\n");
  put(rig->vendor, "z.conf", "[Match]\nClass=z\n");
  put(rig->vendor, "default.conf", "[Typing]\nTerminal=yes\n");
  put(rig->user, "x.conf", "[Match]\nClass=x\n[Typing]\nSubmitKey=F2\n");
  put(rig->user, "z.conf", "");
  g_assert_cmpint(symlink("/dev/null", masked), ==, 0);
  g_autoptr(TypProfiles) profiles = load(rig, &error);
  g_assert_no_error(error);
  const TypProfile *x = typ_profiles_match(profiles, "x", "", "");
  g_assert_cmpstr(x->submit_key, ==, "F2");
  g_assert_false(x->terminal); /* the vendor's file is replaced as a whole */
  g_assert_cmpuint(x->submit_delay, ==, 70000);
  assert_match(profiles, "y", "", "default");
  assert_match(profiles, "z", "", "default");
  g_assert_true(typ_profiles_match(profiles, "z", "", "")->terminal);
}

static void assert_refused(Rig *rig, const char *text, const char *word) {
  g_autoptr(GError) error = NULL;

  put(rig->user, "bad.conf", text);
  g_autoptr(TypProfiles) profiles = load(rig, &error);
  g_assert_null(profiles);
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  if (strstr(error->message, word) == NULL || strstr(error->message, "bad") == NULL)
    g_error("'%s' is not in: %s", word, error->message);
}

static void test_refused(Rig *rig, gconstpointer data) {
  assert_refused(rig, "[Typing]\nSubmitkey2=Return\n", "did you mean SubmitKey?");
  assert_refused(rig, "[Tiping]\nSubmitKey=Return\n", "did you mean Typing?");
  assert_refused(rig, "[Typing]\nSubmitDelaySec=11s\n", "SubmitDelaySec=: must be from");
  assert_refused(rig, "[Typing]\nNewline=shfit+Return\n", "did you mean shift?");
  assert_refused(rig, "[Typing]\nSubmitKey=Re turn\n", "SubmitKey=: 'Re turn' is not a key");
  assert_refused(rig, "[Typing]\nSubmitKey=ctrl+\n", "is not a key");
  assert_refused(rig, "[Typing]\nTab=tab\n", "Tab=: 'tab' is not key or space");
  assert_refused(rig, "[Profile]\nPriority=101\n", "Priority=: must be from 0 to 100");
  assert_refused(rig, "Class=x\n", "bad.conf");
}

static void test_names(Rig *rig, gconstpointer data) {
  g_autoptr(GError) error = NULL;

  put(rig->vendor, "xterm.conf", "[Match]\nClass=x\n");
  put(rig->vendor, "readme.txt", "not a profile");
  put(rig->vendor, ".hidden.conf", "[Nonsense]\n");
  g_autoptr(TypProfiles) profiles = load(rig, &error);
  g_assert_no_error(error);
  g_assert_null(typ_profiles_find(profiles, "xtrem", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "did you mean xterm?"));
  g_clear_error(&error);
  put(rig->user, "a b.conf", "");
  g_assert_null(load(rig, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
}

static void test_keys(void) {
  static const char *const good[] = {"Return", "ctrl+Return", "Shift+alt+KP_Enter", "F5", "a"};
  static const char *const bad[] = {"",        "+",          "ctrl+", "+Return", "hyper+Return",
                                    "Re;turn", "ctrl Return"};

  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    g_assert_true(typ_key_sequence_check(good[i], NULL));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(typ_key_sequence_check(bad[i], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
}

#define ADD(path, func) g_test_add(path, Rig, NULL, rig_set_up, func, rig_tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("/profiles/without-files", test_without_files);
  ADD("/profiles/match", test_match);
  ADD("/profiles/stronger", test_stronger_files);
  ADD("/profiles/refused", test_refused);
  ADD("/profiles/names", test_names);
  g_test_add_func("/profiles/keys", test_keys);
  return g_test_run();
}

/* trial.c: see trial.h. */
#include "trial.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

static const char *program, *directory;

void trial_init(int *argc, char ***argv) {
  g_test_init(argc, argv, NULL);
  g_assert_cmpint(*argc, ==, 3);
  program = (*argv)[1];
  directory = (*argv)[2];
}

void trial_rig(Rig *rig, const char *config) {
  rig_init(rig, program, directory);
  if (config)
    rig_write_config(rig, config);
}

void trial_assert_logged(Rig *rig, const char *text) {
  g_autofree char *log = rig_read_log(rig);

  if (strstr(log, text) == NULL)
    g_error("'%s' was not logged; this was:\n%s", text, log);
}

guint trial_dice(guint n) {
  return g_test_rand_int_range(0, n);
}

/* Once for the process; nothing of it is seen outside. */
static gboolean own_mounts(void) {
  static gboolean done;

  if (!done && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
    done = TRUE;
  return done;
}

gboolean trial_tmpfs(const char *path, guint64 bytes) {
  g_autofree char *options = g_strdup_printf("size=%" G_GUINT64_FORMAT ",mode=0700", bytes);

  if (own_mounts() && mount("tmpfs", path, "tmpfs", 0, options) == 0)
    return TRUE;
  g_autofree char *why = g_strdup_printf("a file system cannot be mounted: %s", g_strerror(errno));
  g_test_skip(why);
  return FALSE;
}

gboolean trial_remount(const char *path, gboolean read_only) {
  return mount(NULL, path, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL) == 0;
}

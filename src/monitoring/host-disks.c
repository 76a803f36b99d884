/* host-disks.c: file systems, see host.h.
 *
 * Only what lies on a block device: a statvfs() of a network's file system whose server is gone
 * never returns. A device that is mounted several times (bind mounts, namespaces) is one file
 * system, told under its shortest place. */
#include "monitoring/host.h"

#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

typedef struct {
  char *device, *place, *type;
  gboolean read_only; /* the file system itself, not our view of it */
} Mount;

static void mount_free(gpointer data) {
  Mount *mount = data;

  g_free(mount->device);
  g_free(mount->place);
  g_free(mount->type);
  g_free(mount);
}

/* "\040" and the like, proc(5). In place. */
static void unescape(char *text) {
  char *to = text;

  for (const char *p = text; *p; to++)
    if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
      *to = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
      p += 4;
    } else {
      *to = *p++;
    }
  *to = '\0';
}

/* "36 35 98:0 /root /place options [tags] - type /dev/source super": NULL: not on a block device.
 */
static Mount *mount_of(const char *line, const char **ret_number) {
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  guint n = g_strv_length(words), dash = 6;

  while (dash < n && strcmp(words[dash], "-") != 0)
    dash++;
  if (dash + 3 > n || !g_str_has_prefix(words[dash + 2], "/dev/"))
    return NULL;
  Mount *mount = g_new0(Mount, 1);
  mount->place = g_strdup(words[4]);
  mount->type = g_strdup(words[dash + 1]);
  mount->device = g_strdup(words[dash + 2]);
  mount->read_only = dash + 3 < n && (strcmp(words[dash + 3], "ro") == 0 ||
                                      g_str_has_prefix(words[dash + 3], "ro,"));
  unescape(mount->place);
  *ret_number = g_intern_string(words[2]); /* as many as there are devices */
  return mount;
}

static void add(const Mount *mount, MonReadings *readings) {
  struct statvfs fs;

  if (statvfs(mount->place, &fs) < 0 || fs.f_blocks == 0)
    return;
  const struct {
    MonMetricId id;
    double value;
  } rows[] = {
      {MON_M_HOST_FILESYSTEM_SIZE, (double)fs.f_blocks * (double)fs.f_frsize},
      {MON_M_HOST_FILESYSTEM_AVAILABLE, (double)fs.f_bavail * (double)fs.f_frsize},
      {MON_M_HOST_FILESYSTEM_FILES, fs.f_files > 0 ? (double)fs.f_files : NAN},
      {MON_M_HOST_FILESYSTEM_FILES_FREE, fs.f_files > 0 ? (double)fs.f_favail : NAN},
      {MON_M_HOST_FILESYSTEM_READ_ONLY, mount->read_only ? 1 : 0},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    mon_readings_add(readings, rows[i].id, rows[i].value, mount->place, mount->device, mount->type);
}

void mon_host_read_filesystems(int proc, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, "1/mountinfo", readings);
  if (!text) /* not ours to read under hidepid= */
    text = mon_host_slurp(proc, "self/mountinfo", readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
  g_autoptr(GHashTable) by_number =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, mount_free);
  GHashTableIter iter;
  gpointer mount;

  for (guint i = 0; lines && lines[i] && *lines[i]; i++) {
    const char *number;
    Mount *one = mount_of(lines[i], &number);
    const Mount *other = one ? g_hash_table_lookup(by_number, number) : NULL;
    if (one && other && strlen(other->place) <= strlen(one->place))
      mount_free(one);
    else if (one)
      g_hash_table_replace(by_number, (gpointer)number, one);
  }
  g_hash_table_iter_init(&iter, by_number);
  while (g_hash_table_iter_next(&iter, NULL, &mount))
    add(mount, readings);
}

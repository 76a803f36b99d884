/* type-mount.c: a mounted file system, from /proc/self/mountinfo and statvfs(3).
 *
 * A dead network file system makes statvfs() hang: it is asked only for what is wanted, on a worker
 * thread, and the runner leaves such a thread behind. */
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define TABLE_MAX (16 * 1024 * 1024)

static const ChkKey options[] = {
    {"holding", CHK_BOOL, "look at the file system that holds the path, wherever it is mounted"},
    {NULL},
};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "something is mounted there"},
    {"point", CHK_TEXT, "where it is mounted"},
    {"source", CHK_TEXT, "what is mounted: a device, a share"},
    {"filesystem", CHK_TEXT, "its type: ext4, tmpfs, nfs4"},
    {"options", CHK_TEXTS, "mount options, of the mount and of the file system"},
    {"read-only", CHK_BOOL, "nothing can be written"},
    {"size", CHK_BYTES, "size of the file system"},
    {"used", CHK_BYTES, "bytes in use"},
    {"free", CHK_BYTES, "bytes that are free for users without privileges"},
    {"usage", CHK_NUMBER, "percent in use, as df(1) counts it"},
    {"inodes-free", CHK_INT, "inodes that are free; absent where there are none to count"},
    {"inodes-usage", CHK_NUMBER, "percent of the inodes in use"},
    {NULL},
};

typedef struct {
  char *point, *source, *type;
  char **options;
} Mount;

static void mount_clear(Mount *mount) {
  g_free(mount->point);
  g_free(mount->source);
  g_free(mount->type);
  g_strfreev(mount->options);
  *mount = (Mount){0};
}

/* Does `point` hold `path`? */
static gboolean holds(const char *point, const char *path) {
  gsize length = strlen(point);

  if (strcmp(point, "/") == 0)
    return TRUE;
  return strncmp(path, point, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static char **merge(const char *of_mount, const char *of_super) {
  g_autofree char *all = g_strjoin(",", of_mount, of_super, NULL);
  g_auto(GStrv) parts = g_strsplit(all, ",", -1);
  g_autoptr(GPtrArray) once = g_ptr_array_new();

  for (guint i = 0; parts[i]; i++) {
    gboolean again = *parts[i] == 0;
    for (guint j = 0; j < once->len && !again; j++)
      again = strcmp(once->pdata[j], parts[i]) == 0;
    /* "rw" of the file system below an "ro" of the mount says nothing */
    if (!again && i > 0 && (strcmp(parts[i], "rw") == 0))
      again = TRUE;
    if (!again)
      g_ptr_array_add(once, parts[i]);
  }
  g_ptr_array_add(once, NULL);
  return g_strdupv((char **)once->pdata);
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS */
static gboolean line_read(char *line, Mount *ret) {
  char *dash = strstr(line, " - ");

  if (dash == NULL)
    return FALSE;
  *dash = 0;
  g_auto(GStrv) left = g_strsplit(line, " ", 7), right = g_strsplit(dash + 3, " ", 3);
  if (g_strv_length(left) < 6 || g_strv_length(right) < 3)
    return FALSE;
  *ret = (Mount){g_strcompress(left[4]), g_strcompress(right[1]), g_strdup(right[0]),
                 merge(left[5], right[2])};
  return TRUE;
}

/* The last one that is mounted there hides the ones before. */
static gboolean find(char *table, const char *path, gboolean holding, Mount *ret) {
  g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
  gboolean found = FALSE;

  for (guint i = 0; lines[i]; i++) {
    Mount each = {0};
    if (!line_read(lines[i], &each))
      continue;
    gboolean this =
        holding ? holds(each.point, path) && (!found || strlen(each.point) >= strlen(ret->point))
                : strcmp(each.point, path) == 0;
    if (this) {
      Mount old = *ret;
      *ret = each;
      each = old;
      found = TRUE;
    }
    mount_clear(&each);
  }
  return found;
}

static double percent(guint64 used, guint64 of) {
  return of == 0 ? 0 : (double)((guint64)((double)used * 10000 / (double)of + 0.5)) / 100;
}

static gboolean space(const Mount *mount, JsonObject *seen, ChkSight *ret) {
  struct statvfs st;

  if (statvfs(mount->point, &st) < 0) {
    chk_local_unknown(ret, mount->point, -errno);
    return FALSE;
  }
  guint64 unit = st.f_frsize, used = (st.f_blocks - st.f_bfree) * unit;
  json_object_set_int_member(seen, "size", (gint64)(st.f_blocks * unit));
  json_object_set_int_member(seen, "used", (gint64)used);
  json_object_set_int_member(seen, "free", (gint64)(st.f_bavail * unit));
  json_object_set_double_member(seen, "usage", percent(used, used + st.f_bavail * unit));
  if (st.f_files > 0) {
    json_object_set_int_member(seen, "inodes-free", (gint64)st.f_favail);
    json_object_set_double_member(seen, "inodes-usage",
                                  percent(st.f_files - st.f_ffree, st.f_files));
  }
  return TRUE;
}

static gboolean wants_space(const ChkLook *look) {
  static const char *const keys[] = {"size",  "used",        "free",
                                     "usage", "inodes-free", "inodes-usage"};

  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (chk_wants(look, keys[i]))
      return TRUE;
  return FALSE;
}

static char *canonical(const char *subject, gboolean holding) {
  g_autofree char *real = holding ? realpath(subject, NULL) : NULL;

  return g_canonicalize_filename(real ? real : subject, "/");
}

static void see(ChkLook *look, ChkSight *ret) {
  gboolean holding = chk_option_bool(look, "holding", FALSE);
  g_autoptr(JsonObject) seen = json_object_new();
  g_autoptr(GError) error = NULL;
  Mount mount = {0};

  if (*chk_world_root(look->world)) {
    chk_not_applicable(ret, "nothing is known of the mounts of another root directory");
    return;
  }
  g_autofree char *table = chk_local_read(look, "/proc/self/mountinfo", TABLE_MAX, NULL, &error);
  if (table == NULL) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  g_autofree char *path = canonical(look->subject, holding);
  gboolean exists = find(table, path, holding, &mount), good = TRUE;
  json_object_set_boolean_member(seen, "exists", exists);
  if (exists) {
    chk_set_text(seen, "point", mount.point);
    chk_set_text(seen, "source", mount.source);
    chk_set_text(seen, "filesystem", mount.type);
    chk_set_texts(seen, "options", (const char *const *)mount.options);
    json_object_set_boolean_member(seen, "read-only",
                                   g_strv_contains((const char *const *)mount.options, "ro"));
    good = !wants_space(look) || space(&mount, seen, ret);
  }
  mount_clear(&mount);
  if (good)
    chk_observed(ret, g_steal_pointer(&seen));
}

const ChkType chk_type_mount = {
    .name = "mount",
    .subject_help = "absolute path",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_mount,
};

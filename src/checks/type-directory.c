/* type-directory.c: a directory: whose it is, what is in it.
 *
 * Only what is asserted is walked. With "recursive" everything below it that lies on the same file
 * system is looked at; symbolic links are never followed. */
#include "checks/directory-walk.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <fcntl.h>
#include <unistd.h>

#define ENTRIES_DEFAULT 200000

static const ChkKey options[] = {
    {"recursive", CHK_BOOL, "look at everything below it, on the same file system"},
    {"pattern", CHK_TEXT, "count and list only names that match this glob"},
    {"max-entries", CHK_INT, "more than so many entries are an error (200000)"},
    {NULL},
};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is a directory of that name"},
    {"mode", CHK_MODE, "permissions with set-uid, set-gid and sticky bit"},
    {"owner", CHK_TEXT, "name of the user it belongs to"},
    {"group", CHK_TEXT, "name of the group it belongs to"},
    {"uid", CHK_INT, "number of the user it belongs to"},
    {"gid", CHK_INT, "number of the group it belongs to"},
    {"entries", CHK_TEXTS, "names in it, with \"recursive\" paths from it, sorted"},
    {"count", CHK_INT, "number of entries"},
    {"files", CHK_INT, "number of regular files"},
    {"directories", CHK_INT, "number of directories"},
    {"size", CHK_BYTES, "lengths of the regular files together"},
    {"newest", CHK_USEC, "time since the last change of its youngest regular file"},
    {"oldest", CHK_USEC, "time since the last change of its oldest regular file"},
    {"set-id", CHK_TEXTS, "files with the set-uid or set-gid bit, as absolute paths"},
    {"world-writable", CHK_TEXTS,
     "files, and directories without the sticky bit, that anybody may write"},
    {NULL},
};

static gboolean walks(const ChkLook *look) {
  static const char *const keys[] = {"entries", "count",  "files",  "directories",   "size",
                                     "newest",  "oldest", "set-id", "world-writable"};

  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (chk_wants(look, keys[i]))
      return TRUE;
  return FALSE;
}

static void set_ages(JsonObject *seen, const ChkWalk *walk) {
  gint64 now = g_get_real_time();

  if (walk->files == 0)
    return;
  json_object_set_int_member(seen, "newest", MAX(now - walk->newest, 0));
  json_object_set_int_member(seen, "oldest", MAX(now - walk->oldest, 0));
}

static gboolean contents(const ChkLook *look, JsonObject *seen, GError **error) {
  ChkWalk walk = {
      .base = look->subject,
      .recursive = chk_option_bool(look, "recursive", FALSE),
      .pattern = chk_option_text(look, "pattern", NULL),
      .max = (guint64)chk_option_int(look, "max-entries", ENTRIES_DEFAULT),
      .names = chk_wants(look, "entries"),
  };

  if (!chk_walk(look, &walk, error))
    return FALSE;
  if (walk.names)
    chk_set_sorted(seen, "entries", g_steal_pointer(&walk.entries));
  json_object_set_int_member(seen, "count", (gint64)walk.count);
  json_object_set_int_member(seen, "files", (gint64)walk.files);
  json_object_set_int_member(seen, "directories", (gint64)walk.directories);
  json_object_set_int_member(seen, "size", (gint64)walk.size);
  set_ages(seen, &walk);
  chk_set_sorted(seen, "set-id", g_steal_pointer(&walk.set_id));
  chk_set_sorted(seen, "world-writable", g_steal_pointer(&walk.world_writable));
  chk_walk_clear(&walk);
  return TRUE;
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autoptr(JsonObject) seen = json_object_new();
  g_autoptr(GError) error = NULL;
  struct stat st;
  int r = chk_local_stat(look, look->subject, TRUE, &st);

  if (r < 0 && !chk_local_absent(r)) {
    chk_local_unknown(ret, look->subject, r);
    return;
  }
  gboolean exists = r == 0 && S_ISDIR(st.st_mode);
  json_object_set_boolean_member(seen, "exists", exists);
  if (r == 0 && !exists)
    ret->text = g_strdup("there is something of that name, but no directory");
  if (exists)
    chk_set_owner(look, seen, &st);
  if (exists && walks(look) && !contents(look, seen, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  chk_observed(ret, g_steal_pointer(&seen));
}

const ChkType chk_type_directory = {
    .name = "directory",
    .subject_help = "absolute path",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_directory,
};

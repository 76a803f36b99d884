/* type-file.c: a file: what it is, whose, how old, what it contains.
 *
 * By default a symbolic link is followed and all values are those of what it leads to (a link that
 * leads nowhere does not exist); "link-target" tells the link itself. Content is only read when it
 * is asserted, and never more than max-size. */
#include "checks/file-content.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static const ChkKey options[] = {
    {"follow", CHK_BOOL, "what a symbolic link leads to (default), or the link itself"},
    {"max-size", CHK_BYTES, "content is read up to this size; a larger file is an error (4M)"},
    {NULL},
};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is something of that name"},
    {"type", CHK_TEXT, "file, directory, symlink, fifo, socket, character-device or block-device"},
    {"link-target", CHK_TEXT, "where the symbolic link of that name points, as it is written"},
    {"mode", CHK_MODE, "permissions with set-uid, set-gid and sticky bit"},
    {"owner", CHK_TEXT, "name of the user it belongs to"},
    {"group", CHK_TEXT, "name of the group it belongs to"},
    {"uid", CHK_INT, "number of the user it belongs to"},
    {"gid", CHK_INT, "number of the group it belongs to"},
    {"size", CHK_BYTES, "length of its content"},
    {"links", CHK_INT, "number of hard links"},
    {"modified", CHK_TEXT, "time of the last change of the content, RFC 3339 in UTC"},
    {"age", CHK_USEC, "time since the last change of the content"},
    {"md5", CHK_TEXT, "MD5 of the content, hexadecimal"},
    {"sha1", CHK_TEXT, "SHA-1 of the content, hexadecimal"},
    {"sha256", CHK_TEXT, "SHA-256 of the content, hexadecimal"},
    {"sha384", CHK_TEXT, "SHA-384 of the content, hexadecimal"},
    {"sha512", CHK_TEXT, "SHA-512 of the content, hexadecimal"},
    {"content", CHK_TEXT, "the content as text"},
    {"json", CHK_JSON, "the content, read as JSON"},
    {"yaml", CHK_JSON, "the content, read as YAML"},
    {"error", CHK_TEXT, "why the content is no JSON or YAML; absent when it is what was asked for"},
    {"ini", CHK_JSON, "the content, read as sections of KEY=VALUE: {section: {key: value}}"},
    {NULL},
};

static const char *type_name(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "directory";
  case S_IFLNK:
    return "symlink";
  case S_IFIFO:
    return "fifo";
  case S_IFSOCK:
    return "socket";
  case S_IFCHR:
    return "character-device";
  default:
    return "block-device";
  }
}

static char *link_target(const ChkLook *look) {
  char target[PATH_MAX + 1];
  int fd = chk_local_open(look, look->subject, O_PATH | O_NOFOLLOW);

  if (fd < 0)
    return NULL;
  ssize_t n = readlinkat(fd, "", target, sizeof target);
  close(fd);
  return n <= 0 ? NULL : g_strndup(target, (gsize)n);
}

static void describe(const ChkLook *look, JsonObject *seen, const struct stat *st) {
  gint64 changed = (gint64)st->st_mtim.tv_sec * G_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000;

  chk_set_text(seen, "type", type_name(st->st_mode));
  chk_set_owner(look, seen, st);
  json_object_set_int_member(seen, "size", st->st_size);
  json_object_set_int_member(seen, "links", (gint64)st->st_nlink);
  chk_set_time(seen, "modified", (guint64)MAX(changed, 0));
  json_object_set_int_member(seen, "age", MAX(g_get_real_time() - changed, 0));
}

static void see(ChkLook *look, ChkSight *ret) {
  gboolean follow = chk_option_bool(look, "follow", TRUE);
  g_autoptr(JsonObject) seen = json_object_new();
  g_autoptr(GError) error = NULL;
  struct stat st;
  int r = chk_local_stat(look, look->subject, follow, &st);

  if (r < 0 && !chk_local_absent(r)) {
    chk_local_unknown(ret, look->subject, r);
    return;
  }
  g_autofree char *target = link_target(look);
  json_object_set_boolean_member(seen, "exists", r == 0);
  chk_set_text(seen, "link-target", target);
  if (target)
    ret->text = g_strdup_printf(
        r < 0 ? "a symbolic link to %s, which is not there" : "a symbolic link to %s", target);
  if (r == 0) {
    describe(look, seen, &st);
    if (!chk_file_content(look, &st, seen, &error)) {
      g_clear_pointer(&ret->text, g_free);
      chk_unknown(ret, "%s", error->message);
      return;
    }
  }
  chk_observed(ret, g_steal_pointer(&seen));
}

const ChkType chk_type_file = {
    .name = "file",
    .subject_help = "absolute path",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_file,
};

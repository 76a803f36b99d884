/* local.c: see local.h. Any thread; no state. */
#include "checks/local.h"

#include "checks/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 65536

static int open_in_root(const char *root, const char *path, int flags) {
  struct open_how how = {.flags = (guint64)flags, .resolve = RESOLVE_IN_ROOT};
  int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (dir < 0)
    return -errno;
  int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
  int r = fd < 0 ? -errno : fd;
  close(dir);
  return r;
}

int chk_local_open(const ChkLook *look, const char *path, int flags) {
  const char *root = chk_world_root(look->world);

  flags |= O_CLOEXEC;
  if (!(flags & O_PATH))
    flags |= O_NONBLOCK | O_NOCTTY;
  if (root && *root)
    return open_in_root(root, path, flags);
  int fd = open(path, flags);
  return fd < 0 ? -errno : fd;
}

int chk_local_stat(const ChkLook *look, const char *path, gboolean follow, struct stat *ret) {
  int fd = chk_local_open(look, path, follow ? O_PATH : O_PATH | O_NOFOLLOW);

  if (fd < 0)
    return fd;
  int r = fstatat(fd, "", ret, AT_EMPTY_PATH) < 0 ? -errno : 0;
  close(fd);
  return r;
}

gboolean chk_local_absent(int r) {
  return r == -ENOENT || r == -ENOTDIR;
}

void chk_local_unknown(ChkSight *sight, const char *path, int r) {
  if (r == -ELOOP)
    chk_unknown(sight, "%s: the symbolic links of this path lead in a circle", path);
  else if (r == -EACCES || r == -EPERM)
    chk_unknown(sight, "%s: this user may not look at it", path);
  else
    chk_unknown(sight, "%s: %s", path, g_strerror(-r));
}

static gboolean refuse(GError **error, const char *path, const char *why) {
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%s: %s", path, why);
  return FALSE;
}

static gboolean read_all(const ChkLook *look, int fd, const char *path, gsize max, GByteArray *to,
                         GError **error) {
  guint8 block[BLOCK];

  for (;;) {
    if (chk_look_over(look))
      return refuse(error, path, "the time was over before it was read");
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return wg_error_set_errno(error, errno, "%s", path);
    if (n == 0)
      return TRUE;
    if (to->len + (gsize)n > max) {
      g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                  "%s is larger than %" G_GSIZE_FORMAT " bytes, which is as much as is read", path,
                  max);
      return FALSE;
    }
    g_byte_array_append(to, block, (guint)n);
  }
}

char *chk_local_read(const ChkLook *look, const char *path, gsize max, gsize *ret_size,
                     GError **error) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  struct stat st;
  int fd = chk_local_open(look, path, O_RDONLY);

  if (fd < 0) {
    wg_error_set_errno(error, fd, "%s", path);
    return NULL;
  }
  gboolean good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  if (!good)
    refuse(error, path, "is no regular file, so it has no content to look at");
  good = good && read_all(look, fd, path, max, bytes, error);
  close(fd);
  if (!good)
    return NULL;
  if (ret_size)
    *ret_size = bytes->len;
  g_byte_array_append(bytes, (const guint8 *)"", 1);
  return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

gboolean chk_asks(const ChkLook *look, const char *key) {
  return look->wanted != NULL && json_object_has_member(look->wanted, key);
}

void chk_set_text_n(JsonObject *values, const char *key, const char *text, gsize size) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", (gssize)size); /* no bytes: NULL */

  json_object_set_string_member(values, key, valid);
}

void chk_set_text(JsonObject *values, const char *key, const char *text) {
  if (text)
    chk_set_text_n(values, key, text, strlen(text));
}

void chk_set_texts(JsonObject *values, const char *key, const char *const *texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; texts && texts[i]; i++) {
    g_autofree char *valid = g_utf8_make_valid(texts[i], -1);
    json_array_add_string_element(array, valid);
  }
  json_object_set_array_member(values, key, array);
}

static int by_bytes(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void chk_set_sorted(JsonObject *values, const char *key, GPtrArray *texts) {
  JsonArray *array = json_array_new();

  g_ptr_array_sort(texts, by_bytes);
  for (guint i = 0; i < texts->len; i++) {
    if (i > 0 && strcmp(texts->pdata[i - 1], texts->pdata[i]) == 0)
      continue;
    g_autofree char *valid = g_utf8_make_valid(texts->pdata[i], -1);
    json_array_add_string_element(array, valid);
  }
  json_object_set_array_member(values, key, array);
  g_ptr_array_unref(texts);
}

void chk_set_mode(JsonObject *values, const char *key, mode_t mode) {
  g_autofree char *text = g_strdup_printf("%04o", (guint)(mode & 07777));

  json_object_set_string_member(values, key, text);
}

void chk_set_time(JsonObject *values, const char *key, guint64 usec) {
  g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc((gint64)(usec / G_USEC_PER_SEC));

  if (at == NULL)
    return;
  g_autofree char *text = g_date_time_format(at, "%Y-%m-%dT%H:%M:%SZ");
  json_object_set_string_member(values, key, text);
}

void chk_set_owner(const ChkLook *look, JsonObject *values, const struct stat *st) {
  g_autofree char *owner = chk_account_user_name(look, st->st_uid);
  g_autofree char *group = chk_account_group_name(look, st->st_gid);

  chk_set_mode(values, "mode", st->st_mode);
  json_object_set_int_member(values, "uid", st->st_uid);
  json_object_set_int_member(values, "gid", st->st_gid);
  chk_set_text(values, "owner", owner);
  chk_set_text(values, "group", group);
}

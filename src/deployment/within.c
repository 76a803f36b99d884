/* within.c: opening below a directory without following links; see within.h. openat2 is asked
 * first; where the kernel or a filter has none, each component is opened with O_NOFOLLOW, which
 * refuses the same paths. */
#include "deployment/within.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMPONENT_MAX 255
#define PATH_LENGTH_MAX 4095

char *dpl_path_clean(const char *path) {
  if (*path == '/' || strlen(path) > PATH_LENGTH_MAX)
    return NULL;
  g_autoptr(GString) s = g_string_sized_new(strlen(path));
  for (const char *p = path; *p;) {
    gsize n = strcspn(p, "/");
    if (n > COMPONENT_MAX || (n == 2 && p[0] == '.' && p[1] == '.'))
      return NULL;
    if (n > 0 && !(n == 1 && *p == '.')) {
      if (s->len > 0)
        g_string_append_c(s, '/');
      g_string_append_len(s, p, (gssize)n);
    }
    p += n;
    p += *p == '/';
  }
  return s->len > 0 ? g_strdup(s->str) : g_strdup(".");
}

static gboolean is_plain(guchar c) {
  return c > 0x20 && c < 0x7f && c != '\\';
}

char *dpl_path_escape(const char *path) {
  g_autoptr(GString) s = g_string_sized_new(strlen(path) + 8);

  for (const guchar *p = (const guchar *)path; *p; p++)
    if (is_plain(*p))
      g_string_append_c(s, (char)*p);
    else
      g_string_append_printf(s, "\\x%02x", *p);
  return g_strdup(s->str);
}

static int low_digit(char c) {
  return g_ascii_isupper(c) ? -1 : g_ascii_xdigit_value(c);
}

char *dpl_path_unescape(const char *text) {
  g_autoptr(GString) s = g_string_sized_new(strlen(text));

  for (const char *p = text; *p; p++) {
    if (*p != '\\') {
      if (!is_plain((guchar)*p))
        return NULL;
      g_string_append_c(s, *p);
      continue;
    }
    int high = p[1] == 'x' ? low_digit(p[2]) : -1;
    int low = high >= 0 ? low_digit(p[3]) : -1;
    int c = high * 16 + low;
    if (low < 0 || c == 0 || is_plain((guchar)c))
      return NULL;
    g_string_append_c(s, (char)c);
    p += 3;
  }
  return g_strdup(s->str);
}

static int open2(int dir, const char *path, int flags, mode_t mode) {
  struct open_how how = {
      .flags = (guint64)flags,
      .mode = flags & O_CREAT ? mode : 0,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static int open_steps(int dir, const char *path, int flags, mode_t mode) {
  int at = dir, fd = -1;

  for (const char *p = path;;) {
    const char *slash = strchr(p, '/');
    g_autofree char *name = slash ? g_strndup(p, (gsize)(slash - p)) : g_strdup(p);
    fd = slash ? openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
               : openat(at, name, flags, mode);
    int saved = errno;
    if (at != dir)
      close(at);
    errno = saved;
    if (fd < 0 || !slash)
      return fd;
    at = fd;
    p = slash + 1;
  }
}

/* A path as dpl_path_clean() makes them; everything else would mean different things to the two. */
static gboolean is_clean(const char *path) {
  for (const char *p = path;;) {
    gsize n = strcspn(p, "/");
    if (n == 0 || n > COMPONENT_MAX || (n == 2 && p[0] == '.' && p[1] == '.') ||
        (n == 1 && *p == '.' && strlen(path) > 1))
      return FALSE;
    if (!p[n])
      return TRUE;
    p += n + 1;
  }
}

int dpl_within_open(int dir, const char *path, int flags, mode_t mode) {
  static int no_openat2;

  if (!is_clean(path)) {
    errno = EINVAL;
    return -1;
  }
  flags |= O_CLOEXEC | O_NOFOLLOW;
  if (!__atomic_load_n(&no_openat2, __ATOMIC_RELAXED)) {
    int fd = open2(dir, path, flags, mode);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
      return fd;
    if (errno == ENOSYS)
      __atomic_store_n(&no_openat2, 1, __ATOMIC_RELAXED);
  }
  return open_steps(dir, path, flags, mode);
}

/* One directory, made if missing; the mode whatever the umask and an inherited group say. */
static int make_one(int at, const char *name) {
  gboolean made = mkdirat(at, name, 0755) == 0;

  if (!made && errno != EEXIST)
    return -1;
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && made && fchmod(fd, 0755) < 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

static int make_all(int dir, const char *path) {
  g_auto(GStrv) names = g_strsplit(path, "/", -1);
  int at = dir;

  for (guint i = 0; names[i]; i++) {
    int fd = make_one(at, names[i]);
    int saved = errno;
    if (at != dir)
      close(at);
    errno = saved;
    if (fd < 0)
      return -1;
    at = fd;
  }
  return at;
}

int dpl_within_make(int dir, const char *path) {
  if (!is_clean(path)) {
    errno = EINVAL;
    return -1;
  }
  if (strcmp(path, ".") == 0)
    return 0;
  int fd = make_all(dir, path);
  if (fd < 0)
    return -1;
  close(fd);
  return 0;
}

int dpl_within_parent(int dir, const char *path, gboolean make, const char **ret_name) {
  const char *slash = strrchr(path, '/');

  if (!is_clean(path) || strcmp(path, ".") == 0) {
    errno = EINVAL;
    return -1;
  }
  *ret_name = slash ? slash + 1 : path;
  if (!slash)
    return dpl_within_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
  g_autofree char *parent = g_strndup(path, (gsize)(slash - path));
  if (make)
    return make_all(dir, parent);
  return dpl_within_open(dir, parent, O_RDONLY | O_DIRECTORY, 0);
}

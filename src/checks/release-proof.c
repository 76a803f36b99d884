/* release-proof.c: see release-proof.h. Names are looked up below the directory's descriptor and no
 * link is followed; a tree file that steps outside is refused. */
#include "checks/release-proof.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "waggle-tree 1\n"

typedef struct {
  const ChkLook *look;
  int dir;
  GHashTable *known; /* paths of the tree */
  ChkProof *proof;
} Proving;

static void differs(Proving *p, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void differs(Proving *p, const char *path, const char *format, ...) {
  va_list args;

  p->proof->n_differences++;
  if (p->proof->differences->len >= CHK_PROOF_TOLD)
    return;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *text = g_strdup_printf("%s: %s", path, what);
  g_ptr_array_add(p->proof->differences, g_utf8_make_valid(text, -1));
}

/* "\xHH" back to bytes; NULL: not of that form. */
static char *unescaped(const char *text) {
  g_autoptr(GString) s = g_string_new(NULL);

  for (const char *c = text; *c; c++) {
    if (*c != '\\') {
      g_string_append_c(s, *c);
      continue;
    }
    if (c[1] != 'x' || !g_ascii_isxdigit(c[2]) || !g_ascii_isxdigit(c[3]))
      return NULL;
    g_string_append_c(s, (char)(g_ascii_xdigit_value(c[2]) * 16 + g_ascii_xdigit_value(c[3])));
    c += 3;
  }
  return g_string_free(g_steal_pointer(&s), FALSE);
}

static gboolean is_inside(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);

  return *path && *path != '/' && !g_strv_contains((const char *const *)parts, "..") &&
         !g_strv_contains((const char *const *)parts, "");
}

static gboolean is_over(Proving *p, GError **error) {
  if (!chk_look_over(p->look))
    return FALSE;
  g_set_error(error, WG_ERROR, WG_ERROR_TIMEOUT, "the time was not enough to read all of it");
  return TRUE;
}

static gboolean prove_content(Proving *p, const char *path, const char *sha256, GError **error) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc(256 * 1024);
  int fd = openat(p->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  gssize n = -1;

  if (fd < 0) {
    differs(p, path, "cannot be read: %s", g_strerror(errno));
    return TRUE;
  }
  while (!is_over(p, error) && (n = read(fd, buffer, 256 * 1024)) > 0)
    g_checksum_update(sum, buffer, n);
  close(fd);
  if (n < 0)
    differs(p, path, "cannot be read: %s", g_strerror(errno));
  else if (n == 0 && strcmp(g_checksum_get_string(sum), sha256) != 0)
    differs(p, path, "its content is another one");
  return n <= 0 && !(error && *error);
}

static gboolean stat_as(Proving *p, const char *path, mode_t kind, const char *mode,
                        struct stat *ret) {
  if (fstatat(p->dir, path, ret, AT_SYMLINK_NOFOLLOW) < 0) {
    differs(p, path, "%s", errno == ENOENT ? "it is missing" : g_strerror(errno));
    return FALSE;
  }
  if ((ret->st_mode & S_IFMT) != kind) {
    differs(p, path, "it is of another kind");
    return FALSE;
  }
  if (mode && (ret->st_mode & 07777) != g_ascii_strtoull(mode, NULL, 8))
    differs(p, path, "its mode is %04o, not %s", ret->st_mode & 07777, mode);
  return TRUE;
}

static void prove_link(Proving *p, const char *path, const char *target) {
  char found[4096];
  struct stat st;

  if (!stat_as(p, path, S_IFLNK, NULL, &st))
    return;
  gssize n = readlinkat(p->dir, path, found, sizeof(found) - 1);
  found[MAX(n, 0)] = '\0';
  if (strcmp(found, target) != 0)
    differs(p, path, "it leads to \"%s\", not to \"%s\"", found, target);
}

/* FALSE: the line is no line of a tree file, or the time is over. */
static gboolean prove_line(Proving *p, char **f, guint n, GError **error) {
  const guint at = **f == 'f' ? 6 : **f == 'd' ? 4 : **f == 'l' ? 3 : 1;
  g_autofree char *path = n > at && strlen(*f) == 1 ? unescaped(f[at]) : NULL;
  g_autofree char *target = (**f == 'l' || **f == 'h') && n > at + 1 ? unescaped(f[at + 1]) : NULL;
  struct stat st, other;

  if (!path || !is_inside(path) || !strchr("fdlh", **f) || (strchr("lh", **f) && !target) ||
      (**f == 'h' && !is_inside(target))) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "its tree file has a line that is none");
    return FALSE;
  }
  g_hash_table_add(p->known, g_strdup(path));
  if (**f == 'd')
    stat_as(p, path, S_IFDIR, f[1], &st);
  if (**f == 'l')
    prove_link(p, path, target);
  if (**f == 'h' && stat_as(p, path, S_IFREG, NULL, &st) &&
      (fstatat(p->dir, target, &other, AT_SYMLINK_NOFOLLOW) < 0 || other.st_ino != st.st_ino))
    differs(p, path, "it is no other name of \"%s\"", target);
  if (**f != 'f' || !stat_as(p, path, S_IFREG, f[1], &st))
    return TRUE;
  p->proof->n_files++;
  p->proof->size += (guint64)st.st_size;
  if ((guint64)st.st_size == g_ascii_strtoull(f[4], NULL, 10))
    return prove_content(p, path, f[5], error);
  differs(p, path, "its size is another one");
  return TRUE;
}

/* What is there and not in the tree. */
static gboolean prove_nothing_more(Proving *p, const char *path, guint depth, GError **error) {
  int fd = openat(p->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  gboolean good = TRUE;

  if (!dir) {
    if (fd >= 0)
      close(fd);
    return TRUE; /* told already, where it should be there */
  }
  for (struct dirent *e; good && (e = readdir(dir));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    g_autofree char *below =
        strcmp(path, ".") == 0 ? g_strdup(e->d_name) : g_build_filename(path, e->d_name, NULL);
    struct stat st;
    if (!g_hash_table_contains(p->known, below))
      differs(p, below, "it is no part of the release");
    else if (depth < 200 && fstatat(p->dir, below, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
             S_ISDIR(st.st_mode))
      good = prove_nothing_more(p, below, depth + 1, error);
    good = good && !is_over(p, error);
  }
  closedir(dir);
  return good;
}

static gboolean prove(Proving *p, char *text, GError **error) {
  char *rest = text + strlen(HEAD);

  for (char *line; (line = strsep(&rest, "\n")) && *line;) {
    g_auto(GStrv) fields = g_strsplit(line, " ", -1);
    if (!prove_line(p, fields, g_strv_length(fields), error))
      return FALSE;
  }
  return prove_nothing_more(p, ".", 0, error);
}

gboolean chk_proof_make(const ChkLook *look, const char *directory, const char *tree, ChkProof *ret,
                        GError **error) {
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = NULL;
  gsize size;

  if (!g_file_get_contents(tree, &text, &size, error))
    return FALSE;
  if (!g_str_has_prefix(text, HEAD) || strlen(text) != size) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "%s is no tree file", tree);
    return FALSE;
  }
  int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return wg_error_set_errno(error, errno, "%s", directory);
  *ret = (ChkProof){.digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)text, size),
                    .differences = g_ptr_array_new_with_free_func(g_free)};
  Proving p = {look, dir, known, ret};
  gboolean good = prove(&p, text, error);
  close(dir);
  if (!good)
    chk_proof_clear(ret);
  return good;
}

void chk_proof_clear(ChkProof *proof) {
  g_clear_pointer(&proof->digest, g_free);
  g_clear_pointer(&proof->differences, g_ptr_array_unref);
}

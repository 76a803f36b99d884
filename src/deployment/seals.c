/* seals.c: see seals.h.
 *
 *     waggle-seals 1
 *     SHA256 bin/shop          as the kernel tells it; the path escaped, as in the tree file
 *
 * The file is ours alone, in the state directory; one that cannot be read is as good as none, for
 * then everything is read. The digests are of one kind and have no salt. */
#include "deployment/seals.h"

#include "deployment/io.h"
#include "deployment/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "waggle-seals 1\n"
#define BYTES_MAX (64 * 1024 * 1024)
#define KEPT 256 /* the oldest go: what has none is read */
#define DIRECTORY "seals"

static int directory = -1; /* for as long as the process lives */

struct DplSeals {
  GHashTable *digests; /* path -> 64 digits */
};

void dpl_seals_init(const char *state) {
  g_autofree char *path = g_build_filename(state, DIRECTORY, NULL);

  dpl_close(&directory);
  if (mkdir(path, 0700) == 0 || errno == EEXIST)
    directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- the kernel ---- */
/* 0, or a negative errno. Digests differ by the size of the blocks: it is the one that every kernel
 * takes. */
static int seal(int fd) {
  struct fsverity_enable_arg how = {.version = 1,
                                    .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
                                    .block_size = (guint32)sysconf(_SC_PAGESIZE)};
  int r;

  do
    r = ioctl(fd, FS_IOC_ENABLE_VERITY, &how);
  while (r < 0 && errno == EINTR);
  return r == 0 || errno == EEXIST ? 0 : -errno;
}

/* NULL: it is not sealed, or not as ours are. Free with g_free(). */
static char *measure(int fd) {
  g_autofree struct fsverity_digest *told = g_malloc0(sizeof *told + DPL_SHA256_SIZE);

  told->digest_size = DPL_SHA256_SIZE;
  if (ioctl(fd, FS_IOC_MEASURE_VERITY, told) < 0 ||
      told->digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || told->digest_size != DPL_SHA256_SIZE)
    return NULL;
  return dpl_hex(told->digest, DPL_SHA256_SIZE);
}

/* ---- making ---- */
typedef struct {
  int dir;
  GPtrArray *files;   /* DplEntry, borrowed */
  char **digests;     /* of each; NULL: it is not sealed */
  gboolean is_absent; /* this file system has no seals */
} Make;

static gboolean means_absent(int r) {
  return r == -ENOTTY || r == -EOPNOTSUPP || r == -ENOSYS;
}

/* Who deploys without root's rights may not seal what not even its owner may write to. */
static gboolean make_one(guint i, gpointer user_data, GError **error) {
  Make *m = user_data;
  const DplEntry *file = m->files->pdata[i];

  if (__atomic_load_n(&m->is_absent, __ATOMIC_RELAXED))
    return TRUE;
  DPL_AUTO_FD fd = dpl_within_open(m->dir, file->path, O_RDONLY | O_NONBLOCK, 0);
  if (fd < 0)
    return dpl_error_errno(error, errno, "cannot open %s to seal it", file->path);
  int r = seal(fd);
  if (means_absent(r))
    __atomic_store_n(&m->is_absent, TRUE, __ATOMIC_RELAXED);
  else if (r < 0 && r != -EACCES && r != -EPERM)
    return dpl_error_errno(error, -r, "cannot seal %s", file->path);
  else if (r == 0)
    m->digests[i] = measure(fd);
  return TRUE;
}

typedef struct {
  char *name;
  gint64 time;
} Kept;

static int oldest_first(gconstpointer a, gconstpointer b) {
  const Kept *x = a, *y = b;

  return x->time < y->time ? -1 : x->time > y->time;
}

static void kept_clear(gpointer data) {
  g_free(((Kept *)data)->name);
}

/* Best effort: one too many does no harm. */
static void prune(void) {
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", directory);
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Kept));
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  struct stat st;

  g_array_set_clear_func(all, kept_clear);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
      Kept one = {g_strdup(name), st.st_mtime};
      g_array_append_val(all, one);
    }
  g_array_sort(all, oldest_first);
  for (guint i = 0; i + KEPT < all->len; i++)
    (void)unlinkat(directory, g_array_index(all, Kept, i).name, 0);
}

static gboolean keep(const Make *m, const char *digest, GError **error) {
  g_autoptr(GString) text = g_string_new(HEAD);

  for (guint i = 0; i < m->files->len; i++) {
    const DplEntry *file = m->files->pdata[i];
    g_autofree char *path = dpl_path_escape(file->path);
    if (m->digests[i] != NULL)
      g_string_append_printf(text, "%s %s\n", m->digests[i], path);
  }
  if (text->len == strlen(HEAD) || text->len > BYTES_MAX)
    return TRUE;
  if (!dpl_within_write(directory, digest, text->str, text->len, 0600, error))
    return FALSE;
  prune();
  return TRUE;
}

gboolean dpl_seals_make(DplTree *tree, int dir, const char *digest, const DplWork *work,
                        GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new();

  if (directory < 0)
    return TRUE;
  for (guint i = 0; i < dpl_tree_n(tree); i++)
    if (dpl_tree_at(tree, i)->kind == DPL_ENTRY_FILE)
      g_ptr_array_add(files, (gpointer)dpl_tree_at(tree, i));
  Make m = {.dir = dir, .files = files, .digests = g_new0(char *, files->len + 1)};
  gboolean ok = dpl_parallel(files->len, make_one, &m, work, error) &&
                (m.is_absent || keep(&m, digest, error));
  for (guint i = 0; i < files->len; i++)
    g_free(m.digests[i]);
  g_free(m.digests);
  return ok;
}

/* ---- using ---- */
static gboolean take_line(DplSeals *seals, char *line) {
  guint8 sha256[DPL_SHA256_SIZE];
  char *blank = strchr(line, ' ');

  if (blank == NULL)
    return FALSE;
  *blank = '\0';
  char *path = dpl_path_unescape(blank + 1);
  if (path == NULL || !dpl_hex_parse_sha256(line, sha256)) {
    g_free(path);
    return FALSE;
  }
  g_hash_table_replace(seals->digests, path, g_strdup(line));
  return TRUE;
}

DplSeals *dpl_seals_load(const char *digest) {
  g_autoptr(DplSeals) seals = g_new0(DplSeals, 1);
  g_autofree char *text = NULL;
  gsize size;

  seals->digests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (directory < 0 || !dpl_within_read(directory, digest, BYTES_MAX, &text, &size, NULL) ||
      !g_str_has_prefix(text, HEAD) || strlen(text) != size || text[size - 1] != '\n')
    return NULL;
  text[size - 1] = '\0';
  g_auto(GStrv) lines = g_strsplit(text + strlen(HEAD), "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (!take_line(seals, lines[i]))
      return NULL;
  return g_steal_pointer(&seals);
}

void dpl_seals_free(DplSeals *seals) {
  g_hash_table_unref(seals->digests);
  g_free(seals);
}

gboolean dpl_seals_know(const DplSeals *seals, const char *path) {
  return seals != NULL && g_hash_table_contains(seals->digests, path);
}

gboolean dpl_seals_hold(const DplSeals *seals, const char *path, int fd) {
  const char *wanted = seals != NULL ? g_hash_table_lookup(seals->digests, path) : NULL;
  g_autofree char *told = wanted != NULL ? measure(fd) : NULL;

  return told != NULL && strcmp(told, wanted) == 0;
}

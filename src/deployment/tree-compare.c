/* tree-compare.c: is a directory what its tree file says? See tree.h. Both sides are lists in one
 * order, so one pass finds what is missing, too much or different; then the contents of the files
 * that look right are read, on several threads. */
#include "deployment/io.h"
#include "deployment/layout.h"
#include "deployment/parallel.h"
#include "deployment/seals.h"
#include "deployment/tree-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DIFFERENCES_MAX 100
#define TOLD_MAX 3

typedef struct {
  int dir;
  DplProof how;
  const DplSeals *seals; /* NULL: each file is read */
  guint max, n;
  GMutex lock; /* of n and differences */
  GPtrArray *differences;
  GPtrArray *files; /* DplEntry of the tree whose content is to be read */
  DplProgress progress;
} Compare;

void dpl_difference_free(DplDifference *difference) {
  g_free(difference->path);
  g_free(difference->text);
  g_free(difference);
}

static void G_GNUC_PRINTF(3, 4) differ(Compare *c, const char *path, const char *format, ...) {
  DplDifference *d = NULL;
  va_list args;

  va_start(args, format);
  g_mutex_lock(&c->lock);
  if (c->n++ < c->max) {
    d = g_new(DplDifference, 1);
    d->path = dpl_path_escape(path);
    d->text = g_strdup_vprintf(format, args);
    g_ptr_array_add(c->differences, d);
  }
  g_mutex_unlock(&c->lock);
  va_end(args);
}

static const char *kind_text(DplEntryKind kind) {
  static const char *const texts[] = {[DPL_ENTRY_DIRECTORY] = "a directory",
                                      [DPL_ENTRY_FILE] = "a file",
                                      [DPL_ENTRY_HARD_LINK] = "one more name of another file",
                                      [DPL_ENTRY_LINK] = "a link"};
  return texts[kind];
}

static void differ_owner(Compare *c, const char *path, const char *what, guint32 is, guint32 want) {
  g_autofree char *a = is == DPL_TREE_OURS ? g_strdup("ours") : g_strdup_printf("%u", is);
  g_autofree char *b = want == DPL_TREE_OURS ? g_strdup("ours") : g_strdup_printf("%u", want);

  if (is != want)
    differ(c, path, "its %s is %s, not %s", what, a, b);
}

static void compare_link(Compare *c, const DplEntry *is, const DplEntry *want) {
  g_autofree char *a = dpl_path_escape(is->target), *b = dpl_path_escape(want->target);

  if (strcmp(a, b) != 0)
    differ(c, want->path, "leads to %s, not to %s", a, b);
}

static void compare_entry(Compare *c, const DplEntry *is, const DplEntry *want) {
  gboolean has_mode = want->kind == DPL_ENTRY_DIRECTORY || want->kind == DPL_ENTRY_FILE;

  if (is->kind != want->kind) {
    differ(c, want->path, "is %s, not %s", kind_text(is->kind), kind_text(want->kind));
    return;
  }
  if (has_mode && is->mode != want->mode)
    differ(c, want->path, "its mode is %04o, not %04o", is->mode, want->mode);
  if (want->kind == DPL_ENTRY_HARD_LINK || want->kind == DPL_ENTRY_LINK)
    compare_link(c, is, want);
  if (want->kind != DPL_ENTRY_HARD_LINK) {
    differ_owner(c, want->path, "owner", is->uid, want->uid);
    differ_owner(c, want->path, "group", is->gid, want->gid);
  }
  if (want->kind != DPL_ENTRY_FILE)
    return;
  if (is->size != want->size)
    differ(c, want->path, "has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, is->size,
           want->size);
  else if (c->how == DPL_PROOF_FULL || dpl_seals_know(c->seals, want->path))
    g_ptr_array_add(c->files, (gpointer)want);
}

/* Every path of either side, each once. */
static void compare_lists(Compare *c, DplTree *is, DplTree *want) {
  for (guint i = 0; i < dpl_tree_n(want); i++) {
    const DplEntry *w = dpl_tree_at(want, i), *e = dpl_tree_find(is, w->path);
    if (!e)
      differ(c, w->path, "is missing");
    else
      compare_entry(c, e, w);
  }
  for (guint i = 0; i < dpl_tree_n(is); i++) {
    const DplEntry *e = dpl_tree_at(is, i);
    if (!dpl_tree_find(want, e->path))
      differ(c, e->path, "does not belong to the release");
  }
}

/* The kernel answers for a sealed file: it is what was measured, or cannot be read. */
static gboolean compare_bytes(Compare *c, const DplEntry *want, int fd, GError **error) {
  guint8 sha256[DPL_SHA256_SIZE];

  if (dpl_seals_hold(c->seals, want->path, fd)) {
    dpl_progress_add(&c->progress, want->size);
    return TRUE;
  }
  if (!dpl_digest_fd(fd, want->path, sha256, NULL, NULL, &c->progress, error))
    return FALSE;
  if (memcmp(sha256, want->sha256, sizeof sha256) != 0)
    differ(c, want->path, "its content is not the one that was released");
  return TRUE;
}

static gboolean compare_content(guint i, gpointer user_data, GError **error) {
  Compare *c = user_data;
  const DplEntry *want = c->files->pdata[i];
  DPL_AUTO_FD fd = dpl_within_open(c->dir, want->path, O_RDONLY | O_NONBLOCK, 0);
  struct stat st;
  gboolean acl;

  if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) {
    differ(c, want->path, "was exchanged while it was looked at");
    return TRUE;
  }
  if (fd < 0 || fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot open %s", want->path);
  if (!S_ISREG(st.st_mode)) {
    differ(c, want->path, "was exchanged while it was looked at");
    return TRUE;
  }
  if (!compare_bytes(c, want, fd, error))
    return FALSE;
  g_autofree char *capability = dpl_scan_capability(fd, &acl);
  if (g_strcmp0(capability, want->capability) != 0)
    differ(c, want->path, "its capabilities are not those that were released");
  if (acl)
    differ(c, want->path, "%s", dpl_odd_text(DPL_ODD_ACL));
  return TRUE;
}

static int by_path(gconstpointer a, gconstpointer b) {
  const DplDifference *const *x = a, *const *y = b;

  return strcmp((*x)->path, (*y)->path);
}

static gboolean compare(DplTree *tree, int dir, DplProof how, const DplSeals *seals, guint max,
                        const DplWork *work, GPtrArray **ret, guint *ret_n, GError **error) {
  g_autoptr(DplTree) is = dpl_tree_new();
  g_autoptr(GPtrArray) odd = g_ptr_array_new_with_free_func(dpl_odd_free);
  g_autoptr(GPtrArray) differences =
      g_ptr_array_new_with_free_func((GDestroyNotify)dpl_difference_free);
  g_autoptr(GPtrArray) files = g_ptr_array_new();
  Compare c = {.dir = dir,
               .how = how,
               .seals = seals,
               .max = max ? max : DIFFERENCES_MAX,
               .differences = differences,
               .files = files,
               .progress = {.work = work, .total = dpl_tree_bytes(tree)}};

  if (!dpl_scan(dir, is, odd, work, error))
    return FALSE;
  for (guint i = 0; i < odd->len; i++)
    differ(&c, ((DplOdd *)odd->pdata[i])->path, "%s",
           dpl_odd_text(((DplOdd *)odd->pdata[i])->kind));
  compare_lists(&c, is, tree);
  if (!dpl_parallel(files->len, compare_content, &c, work, error))
    return FALSE;
  dpl_progress_end(&c.progress);
  g_ptr_array_sort(differences, by_path);
  if (ret_n)
    *ret_n = c.n;
  *ret = g_steal_pointer(&differences);
  return TRUE;
}

gboolean dpl_tree_compare(DplTree *tree, int dir, DplProof how, guint max, const DplWork *work,
                          GPtrArray **ret, guint *ret_n, GError **error) {
  return compare(tree, dir, how, NULL, max, work, ret, ret_n, error);
}

static gboolean prove(DplTree *tree, int dir, DplProof how, const DplSeals *seals, const char *name,
                      const DplWork *work, GError **error) {
  g_autoptr(GPtrArray) differences = NULL;
  guint n;

  if (!compare(tree, dir, how, seals, TOLD_MAX, work, &differences, &n, error))
    return FALSE;
  if (n == 0)
    return TRUE;
  g_autoptr(GString) told = g_string_new(NULL);
  for (guint i = 0; i < differences->len; i++) {
    const DplDifference *d = differences->pdata[i];
    g_string_append_printf(told, "%s%.200s %s", i ? "; " : "", d->path, d->text);
  }
  if (n > differences->len)
    g_string_append_printf(told, "; and %u more", n - differences->len);
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "%s is not what was released: %s", name,
              told->str);
  return FALSE;
}

gboolean dpl_tree_prove(DplTree *tree, int dir, DplProof how, const char *name, const DplWork *work,
                        GError **error) {
  return prove(tree, dir, how, NULL, name, work, error);
}

gboolean dpl_release_prove(int root, const char *id, const char *digest, DplProof how,
                           const DplWork *work, GError **error) {
  g_autofree char *path = g_strdup_printf(DPL_DIR_RELEASES "/%s", id);
  g_autofree char *file = g_strdup_printf("%s" DPL_SUFFIX_TREE, path);
  g_autofree char *short_digest = g_strndup(id, 16);

  if (!dpl_release_valid(id) || (digest && strncmp(digest, id, 16) != 0)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no release's name", id);
    return FALSE;
  }
  g_autoptr(DplTree) tree = dpl_tree_read(root, file, digest ? digest : short_digest, error);
  if (!tree)
    return FALSE;
  DPL_AUTO_FD dir = dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0);
  if (dir < 0)
    return dpl_error_errno(error, errno, "cannot open the release %s", id);
  g_autofree char *whole =
      digest && strlen(digest) == DPL_SHA256_HEX ? g_strdup(digest) : dpl_tree_digest(tree);
  g_autoptr(DplSeals) seals = dpl_seals_load(whole);
  return prove(tree, dir, how, seals, path, work, error);
}

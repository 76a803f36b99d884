/* stage.c: the steps of making a release, see stage.h for their order and why a kill or a power cut
 * between any two does no harm. The parts are in the other files of this room. */
#include "deployment/stage.h"

#include "deployment/io.h"
#include "deployment/seals.h"
#include "deployment/shared.h"
#include "deployment/signature.h"
#include "deployment/sink.h"
#include "deployment/stage-name.h"
#include "deployment/tree-links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIGURATION "of the manifest's configuration"

typedef struct {
  int root, dir; /* the tree; -1: dry */
  const DplStageOptions *options;
  const DplWork *work;
  DplStaged *ret;
} Stage;

static void clear_unpacked(gpointer data) {
  dpl_unpacked_clear(data);
}

void dpl_staged_clear(DplStaged *staged) {
  g_clear_pointer(&staged->release, g_free);
  g_clear_pointer(&staged->digest, g_free);
  g_clear_pointer(&staged->damaged, g_free);
  g_clear_pointer(&staged->tree, dpl_tree_free);
  g_clear_pointer(&staged->artifacts, g_array_unref);
  g_clear_pointer(&staged->keys, g_ptr_array_unref);
}

/* The signed bytes are the ones that are unpacked: their digest is pinned. */
static gboolean check_signature(Stage *s, const DplArtifact *a, char **ret_sha256, GError **error) {
  const char *name = a->options.name;
  g_auto(DplSigned) is_signed = {0};

  if (!a->signature && !s->options->need_signature)
    return TRUE;
  if (!a->signature) {
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "the artifact %s is not signed, and here only signed ones are deployed: sign it "
                "with minisign and name the signature in the manifest",
                name);
    return FALSE;
  }
  g_autoptr(DplSignature) signature =
      dpl_signature_parse(a->signature, strlen(a->signature), error);
  if (!signature) {
    g_prefix_error(error, "the signature of the artifact %s: ", name);
    return FALSE;
  }
  if (!dpl_signature_verify(a->fd, name, signature, s->options->key_directories, s->work,
                            &is_signed, error))
    return FALSE;
  *ret_sha256 = dpl_hex(is_signed.sha256, sizeof is_signed.sha256);
  g_ptr_array_remove_index(s->ret->keys, s->ret->keys->len - 1);
  g_ptr_array_add(s->ret->keys, g_steal_pointer(&is_signed.key));
  if (!a->options.sha256 || g_ascii_strcasecmp(a->options.sha256, *ret_sha256) == 0)
    return TRUE;
  g_set_error(
      error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
      "the artifact %s is signed, but is not the one that the manifest means: its sha256 is "
      "%s, not %s",
      name, *ret_sha256, a->options.sha256);
  return FALSE;
}

static gboolean unpack_one(Stage *s, const DplArtifact *a, GError **error) {
  g_autofree char *pinned = NULL;
  DplUnpackOptions options = a->options;
  DplUnpacked unpacked = {0};

  g_ptr_array_add(s->ret->keys, NULL);
  if (!check_signature(s, a, &pinned, error))
    return FALSE;
  options.sha256 = pinned ? pinned : options.sha256;
  if (!dpl_unpack(a->fd, s->dir, &options, s->ret->tree, s->work, &unpacked, error))
    return FALSE;
  g_array_append_val(s->ret->artifacts, unpacked);
  return TRUE;
}

static gboolean is_shared(Stage *s, const char *path) {
  const char *const *lists[] = {s->options->shared_directories, s->options->shared_files};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint j = 0; lists[i] && lists[i][j]; j++) {
      g_autofree char *clean = dpl_path_clean(lists[i][j]);
      gsize n = clean ? strlen(clean) : 0;
      if (clean && strncmp(path, clean, n) == 0 && (path[n] == '/' || path[n] == '\0'))
        return TRUE;
    }
  return FALSE;
}

static GBytes *content_of(Stage *s, const DplConfigFile *file, GError **error) {
  if (file->content)
    return g_bytes_ref(file->content);
  return s->options->render(s->dir, file, s->options->user_data, error);
}

/* Where it goes, and its content; the template may be the very file that it replaces. */
static gboolean prepare_one(Stage *s, const DplConfigFile *file, GPtrArray *paths,
                            GPtrArray *contents, GError **error) {
  g_autofree char *path = dpl_path_clean(file->path);

  if (!path || strcmp(path, ".") == 0 || is_shared(s, path)) {
    g_set_error(
        error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
        "the configuration file \"%s\" is no path below a release, or lies in a shared one, "
        "which a deployment never overwrites",
        file->path);
    return FALSE;
  }
  GBytes *content = content_of(s, file, error);
  if (!content)
    return FALSE;
  g_ptr_array_add(paths, g_steal_pointer(&path));
  g_ptr_array_add(contents, content);
  return TRUE;
}

static gboolean configure_one(Stage *s, DplSink *sink, const char *path, GBytes *content,
                              guint mode, GError **error) {
  struct timespec now;
  gsize size;
  const char *bytes = g_bytes_get_data(content, &size);
  char *copy = g_malloc(size + 1);

  if (size > 0)
    memcpy(copy, bytes, size);
  clock_gettime(CLOCK_REALTIME, &now);
  DplSinkEntry entry = {
      .path = path, .mode = mode ? mode : 0644, .uid = geteuid(), .gid = getegid(), .mtime = now};
  return dpl_sink_bytes(sink, &entry, copy, size, error);
}

/* All contents first, then all old files go, then the new ones come: a path that is named twice is
 * refused by the sink. */
static gboolean configure(Stage *s, GError **error) {
  const DplUnpackOptions options = {.name = CONFIGURATION};
  g_autoptr(DplSink) sink = dpl_sink_new(s->dir, &options, s->ret->tree, NULL);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) contents = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  g_auto(DplUnpacked) unpacked = {0};

  for (guint i = 0; i < s->options->n_files; i++)
    if (!prepare_one(s, &s->options->files[i], paths, contents, error))
      return FALSE;
  for (guint i = 0; i < paths->len; i++) {
    if (s->dir >= 0 && !dpl_within_remove(s->dir, paths->pdata[i], s->work, error))
      return FALSE;
    dpl_tree_drop(s->ret->tree, paths->pdata[i]);
  }
  for (guint i = 0; i < paths->len; i++)
    if (!configure_one(s, sink, paths->pdata[i], contents->pdata[i], s->options->files[i].mode,
                       error))
      return FALSE;
  return dpl_sink_finish(sink, &unpacked, error);
}

static gboolean fill(Stage *s, GError **error) {
  for (guint i = 0; i < s->options->n_artifacts; i++)
    if (!unpack_one(s, &s->options->artifacts[i], error))
      return FALSE;
  if (!configure(s, error) || !dpl_shared_link(s->root, s->dir, 2, s->options->shared_directories,
                                               s->options->shared_files, s->ret->tree, error))
    return FALSE;
  dpl_tree_order_links(s->ret->tree);
  return s->dir < 0 || dpl_unpack_finish(s->dir, s->ret->tree, error);
}

static gboolean stage(Stage *s, const char *place, GError **error) {
  gsize size;

  if (!fill(s, error))
    return FALSE;
  g_autofree char *text = dpl_tree_text(s->ret->tree, &size);
  s->ret->digest = dpl_tree_text_digest(text, size);
  if (s->root >= 0 &&
      !dpl_stage_find(s->root, s->ret->digest, s->work, &s->ret->release, &s->ret->damaged, error))
    return FALSE;
  s->ret->reused = s->ret->release != NULL;
  if (s->dir < 0)
    return TRUE;
  if (s->ret->reused)
    return dpl_within_remove(s->root, place, s->work, error);
  return dpl_tree_prove(s->ret->tree, s->dir, DPL_PROOF_QUICK, place, s->work, error) &&
         (!s->options->seal ||
          dpl_seals_make(s->ret->tree, s->dir, s->ret->digest, s->work, error)) &&
         dpl_sync_all(s->dir, "the release", error) &&
         dpl_stage_name(s->root, s->options->transaction, s->ret->digest, text, size,
                        s->options->realtime, &s->ret->release, error);
}

gboolean dpl_stage(int root, const DplStageOptions *options, const DplWork *work, DplStaged *ret,
                   GError **error) {
  g_auto(DplStaged) done = {0};
  Stage s = {.root = root, .dir = -1, .options = options, .work = work, .ret = &done};
  g_autofree char *place = g_strdup_printf(DPL_DIR_STAGING "/%s", options->transaction);

  if (!dpl_transaction_valid(options->transaction)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no transaction's name",
                options->transaction);
    return FALSE;
  }
  DPL_AUTO_FD dir = options->dry ? -1 : dpl_within_begin(root, place, work, error);
  if (dir < 0 && !options->dry)
    return FALSE;
  s.dir = dir;
  done.tree = dpl_tree_new();
  done.artifacts = g_array_new(FALSE, TRUE, sizeof(DplUnpacked));
  g_array_set_clear_func(done.artifacts, clear_unpacked);
  done.keys = g_ptr_array_new_with_free_func(g_free);
  if (!stage(&s, place, error)) {
    g_prefix_error(error, "staging failed: ");
    return FALSE;
  }
  *ret = done;
  memset(&done, 0, sizeof done);
  return TRUE;
}

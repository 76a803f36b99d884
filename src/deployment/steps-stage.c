/* steps-stage.c: the release is made from the manifest's artifacts, on a worker thread. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"
#include "deployment/stage.h"
#include "deployment/vars.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Of a template, a signature. */
#define TEXT_MAX (4 * 1024 * 1024)

/* What dpl_stage() is handed, and what of it is ours to free. */
typedef struct {
  GArray *artifacts, *files;
  GPtrArray *owned;
  DplVars *vars;
} Given;

static void given_clear(Given *given) {
  for (guint i = 0; i < given->artifacts->len; i++)
    if (g_array_index(given->artifacts, DplArtifact, i).fd >= 0)
      close(g_array_index(given->artifacts, DplArtifact, i).fd);
  for (guint i = 0; i < given->files->len; i++)
    if (g_array_index(given->files, DplConfigFile, i).content != NULL)
      g_bytes_unref(g_array_index(given->files, DplConfigFile, i).content);
  g_array_unref(given->artifacts);
  g_array_unref(given->files);
  g_ptr_array_unref(given->owned);
  g_clear_pointer(&given->vars, dpl_vars_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Given, given_clear)

static char *below_base(const DplRecord *r, const char *path) {
  if (g_path_is_absolute(path))
    return g_strdup(path);
  return g_build_filename(r->base != NULL ? r->base : "/", path, NULL);
}

static char *read_text(const DplRecord *r, const char *name, GError **error) {
  g_autofree char *path = below_base(r, name);
  char *text = NULL;
  gsize size;

  if (!g_file_get_contents(path, &text, &size, error))
    return NULL;
  if (size <= TEXT_MAX && g_utf8_validate(text, (gssize)size, NULL))
    return text;
  g_free(text);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s is no UTF-8 text of at most 4 MiB",
              path);
  return NULL;
}

static gboolean add_artifact(const DplRecord *r, const DplArtifactSpec *spec, Given *given,
                             GError **error) {
  g_autofree char *path = below_base(r, spec->source);
  DplArtifact artifact = {
      .fd = open(path, O_RDONLY | O_CLOEXEC),
      .options = {.name = spec->source,
                  .into = spec->into,
                  .strip = (guint)spec->strip,
                  .archive_owners = spec->keep_owners,
                  .allow_setuid = spec->allow_setuid,
                  .allow_capability = spec->allow_capabilities,
                  .sha256 = spec->sha256},
  };

  if (artifact.fd < 0)
    return dpl_error_errno(error, errno, "the artifact %s cannot be opened", path);
  g_array_append_val(given->artifacts, artifact); /* owns the descriptor from now on */
  if (spec->signature == NULL)
    return TRUE;
  char *signature = read_text(r, spec->signature, error);
  if (signature == NULL)
    return FALSE;
  g_ptr_array_add(given->owned, signature);
  g_array_index(given->artifacts, DplArtifact, given->artifacts->len - 1).signature = signature;
  return TRUE;
}

static GBytes *expand(Given *given, const char *name, const char *text, GError **error) {
  char *made = dpl_vars_expand(given->vars, text, error);

  if (made == NULL) {
    g_prefix_error(error, "%s: ", name);
    return NULL;
  }
  return g_bytes_new_take(made, strlen(made));
}

static gboolean add_file(const DplRecord *r, const DplConfiguration *spec, Given *given,
                         GError **error) {
  DplConfigFile file = {.path = spec->file, .mode = (guint)spec->mode};
  g_autofree char *from = NULL;

  if (spec->from != NULL && (from = read_text(r, spec->from, error)) == NULL)
    return FALSE;
  const char *text = spec->from != NULL ? from : spec->content;
  if (text != NULL && (file.content = expand(given, spec->file, text, error)) == NULL)
    return FALSE;
  g_array_append_val(given->files, file);
  return TRUE;
}

/* DplStageOptions.render: a template that lies in the tree. */
typedef struct {
  const DplManifest *manifest;
  Given *given;
} Renderer;

static const char *template_of(const DplManifest *m, const char *path) {
  for (guint i = 0; i < m->configuration->len; i++) {
    const DplConfiguration *spec = m->configuration->pdata[i];
    if (g_str_equal(spec->file, path))
      return spec->template;
  }
  return NULL;
}

static GBytes *render(int dir, const DplConfigFile *file, gpointer data, GError **error) {
  Renderer *renderer = data;
  const char *template = template_of(renderer->manifest, file->path);
  g_autofree char *text = NULL;
  gsize size;

  if (template == NULL || !dpl_within_read(dir, template, TEXT_MAX, &text, &size, error))
    return NULL;
  return expand(renderer->given, file->path, text, error);
}

static gboolean give(DplChain *chain, Given *given, GError **error) {
  const DplManifest *m = chain->manifest;
  const DplRecord *r = chain->act->record;
  gboolean ok = TRUE;

  given->vars = (DplVars *)dpl_manifest_vars(m, chain->site, NULL);
  for (guint i = 0; ok && i < m->artifacts->len; i++)
    ok = add_artifact(r, m->artifacts->pdata[i], given, error);
  for (guint i = 0; ok && i < m->configuration->len; i++)
    ok = add_file(r, m->configuration->pdata[i], given, error);
  return ok;
}

static gboolean stage(DplChain *chain, int root, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  g_autofree char *name = dpl_intent_backup(r);
  g_auto(Given) given = {.artifacts = g_array_new(FALSE, TRUE, sizeof(DplArtifact)),
                         .files = g_array_new(FALSE, TRUE, sizeof(DplConfigFile)),
                         .owned = g_ptr_array_new_with_free_func(g_free)};
  Renderer renderer = {chain->manifest, &given};
  g_auto(DplStaged) staged = {0};

  if (!give(chain, &given, error))
    return FALSE;
  DplStageOptions options = {
      .transaction = name,
      .artifacts = (const DplArtifact *)given.artifacts->data,
      .n_artifacts = given.artifacts->len,
      .key_directories = chain->real->o.key_directories,
      .need_signature = chain->real->o.need_signature,
      .files = (const DplConfigFile *)given.files->data,
      .n_files = given.files->len,
      .render = render,
      .user_data = &renderer,
      .shared_directories = (const char *const *)chain->manifest->shared.directories,
      .shared_files = (const char *const *)chain->manifest->shared.files,
      .realtime = (guint64)wg_time_realtime(),
  };
  if (!dpl_stage(root, &options, work, &staged, error))
    return FALSE;
  dpl_record_set(&r->to, staged.release);
  dpl_record_set(&r->digest, staged.digest);
  chain->intent.reused = staged.reused;
  return TRUE;
}

static gboolean take_old(DplRecord *r, int root, const DplWork *work, GError **error) {
  g_autofree char *path = g_strconcat(DPL_DIR_RELEASES "/", r->to, DPL_SUFFIX_TREE, NULL);
  g_autoptr(DplTree) tree = dpl_tree_read(root, path, NULL, error);

  if (tree == NULL)
    return FALSE;
  g_free(r->digest);
  r->digest = dpl_tree_digest(tree);
  return dpl_release_prove(root, r->to, r->digest, DPL_PROOF_FULL, work, error);
}

static gboolean run(DplChain *chain, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  int root = dpl_chain_root(chain, FALSE, error);
  gboolean ok = FALSE;

  if (root < 0)
    return FALSE;
  if (r->kind == DPL_KIND_ROLLBACK) {
    ok = take_old(r, root, work, error);
    chain->intent.reused = TRUE;
  } else
    ok = stage(chain, root, work, error);
  close(root);
  if (!ok)
    return FALSE;
  g_free(r->intent);
  r->intent = dpl_intent_to_text(&chain->intent);
  return TRUE;
}

void dpl_part_stage(DplChain *chain) {
  dpl_part_thread(chain, run);
}

/* sources.c: see sources.h. */
#include "deployment/sources.h"

#include "deployment/io.h"
#include "deployment/signature.h"
#include "deployment/vars.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct DplSources {
  DplManifest *manifest;
  DplVars *vars;
  GArray *artifacts;     /* DplArtifact; with files and signatures of ours */
  GArray *files;         /* DplConfigFile */
  GPtrArray *signatures; /* texts */
  DplCapture capture;
  guint64 bytes;
};

static gboolean refuse(GError **error, const char *what, const char *path, const char *why) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the %s %s %s", what, path, why);
  return FALSE;
}

/* A descriptor of a file (or a directory), or -1. Not blocking: somebody may have put a FIFO
 * there. */
static int open_below(const char *base, const char *path, const char *what, struct stat *st,
                      GError **error) {
  g_autofree char *whole =
      g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(base, path, NULL);
  DPL_AUTO_FD fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0 || fstat(fd, st) < 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "cannot open the %s %s: %s", what,
                whole, g_strerror(errno));
    return -1;
  }
  return g_steal_fd(&fd);
}

/* A text of a file of at most `max` bytes; NULL sets error. */
static char *read_below(const char *base, const char *path, const char *what, gsize max,
                        GError **error) {
  struct stat st;
  DPL_AUTO_FD fd = open_below(base, path, what, &st, error);

  if (fd < 0)
    return NULL;
  if (!S_ISREG(st.st_mode)) {
    refuse(error, what, path, "is no plain file");
    return NULL;
  }
  g_autofree char *text = g_malloc(max + 2);
  gsize size = 0;
  for (ssize_t n; size <= max && (n = dpl_read_some(fd, text + size, max + 1 - size, -1)) != 0;
       size += (gsize)n)
    if (n < 0) {
      dpl_error_errno(error, errno, "cannot read the %s %s", what, path);
      return NULL;
    }
  text[size] = '\0';
  if (size > max || strlen(text) != size) {
    refuse(error, what, path, size > max ? "is too large" : "has a NUL in it, so it is no text");
    return NULL;
  }
  return g_steal_pointer(&text);
}

/* ---- artifacts ---- */
static gboolean open_artifact(DplSources *s, const DplArtifactSpec *spec, const char *base,
                              GError **error) {
  struct stat st;
  DplArtifact artifact = {
      .fd = open_below(base, spec->source, "artifact", &st, error),
      .options = {.name = spec->source,
                  .into = spec->into,
                  .strip = (guint)spec->strip,
                  .archive_owners = spec->keep_owners,
                  .allow_setuid = spec->allow_setuid,
                  .allow_capability = spec->allow_capabilities,
                  .sha256 = spec->sha256,
                  .capture = &s->capture},
  };

  if (artifact.fd < 0)
    return FALSE;
  if (spec->signature) {
    char *text = read_below(base, spec->signature, "signature", DPL_SIGNATURE_MAX, error);
    if (!text) {
      close(artifact.fd);
      return FALSE;
    }
    g_ptr_array_add(s->signatures, text);
    artifact.signature = text;
  }
  s->bytes += S_ISREG(st.st_mode) ? (guint64)st.st_size : 0;
  g_array_append_val(s->artifacts, artifact);
  return TRUE;
}

/* ---- configuration ---- */
static GBytes *expanded(DplSources *s, const char *text, const char *name, GError **error) {
  char *content = dpl_vars_expand(s->vars, text, error);

  if (content)
    return g_bytes_new_take(content, strlen(content));
  g_prefix_error(error, "the template %s: ", name);
  return NULL;
}

static gboolean open_file(DplSources *s, const DplConfiguration *spec, const char *base,
                          GError **error) {
  DplConfigFile file = {.path = spec->file, .mode = (guint)spec->mode};
  g_autoptr(GBytes) content = NULL;

  if (spec->content) /* its variables are in it already */
    content = g_bytes_new(spec->content, strlen(spec->content));
  else if (spec->from) {
    g_autofree char *text = read_below(base, spec->from, "template", DPL_TEMPLATE_MAX, error);
    content = text ? expanded(s, text, spec->from, error) : NULL;
    if (!content)
      return FALSE;
  }
  g_array_append_val(s->files, file);
  g_array_index(s->files, DplConfigFile, s->files->len - 1).content = g_steal_pointer(&content);
  return TRUE;
}

static const char *template_of(const DplSources *s, const char *path) {
  for (guint i = 0; i < s->manifest->configuration->len; i++) {
    const DplConfiguration *spec = s->manifest->configuration->pdata[i];
    if (strcmp(spec->file, path) == 0)
      return spec->template;
  }
  g_return_val_if_reached("");
}

/* Of a template in the tree; dry, of what was captured of it. */
static GBytes *render(int dir, const DplConfigFile *file, gpointer user_data, GError **error) {
  DplSources *s = user_data;
  const char *path = template_of(s, file->path);
  g_autofree char *text = NULL;
  gsize size = 0;

  if (dir < 0) {
    GBytes *content = dpl_sources_content(s, path);
    const char *bytes = content ? g_bytes_get_data(content, &size) : NULL;
    text = content ? g_strndup(bytes ?: "", size) : NULL;
    if (!text)
      refuse(error, "template", path, "is in no artifact as a plain file");
  } else if (!dpl_within_read(dir, path, DPL_TEMPLATE_MAX, &text, &size, error))
    g_prefix_error(error, "the template %s of the release: ", path);
  if (!text)
    return NULL;
  if (strlen(text) == size)
    return expanded(s, text, path, error);
  refuse(error, "template", path, "has a NUL in it, so it is no text");
  return NULL;
}

/* ---- all ---- */
static void capture_all(DplSources *s) {
  const DplUnitsSpec *units = &s->manifest->units;
  char **lists[] = {units->install, units->link};

  s->capture.contents =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  s->capture.paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  s->capture.max = DPL_TEMPLATE_MAX;
  g_mutex_init(&s->capture.lock);
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint k = 0; lists[i] && lists[i][k]; k++)
      g_hash_table_add(s->capture.paths, g_strdup(lists[i][k]));
  for (guint i = 0; i < s->manifest->configuration->len; i++) {
    const DplConfiguration *spec = s->manifest->configuration->pdata[i];
    if (spec->template)
      g_hash_table_add(s->capture.paths, g_strdup(spec->template));
  }
}

static gboolean open_all(DplSources *s, const char *base, GError **error) {
  for (guint i = 0; i < s->manifest->artifacts->len; i++)
    if (!open_artifact(s, s->manifest->artifacts->pdata[i], base, error))
      return FALSE;
  for (guint i = 0; i < s->manifest->configuration->len; i++)
    if (!open_file(s, s->manifest->configuration->pdata[i], base, error))
      return FALSE;
  return TRUE;
}

DplSources *dpl_sources_open(const DplManifest *manifest, const DplSite *site, const char *base,
                             GError **error) {
  g_autoptr(DplSources) s = g_new0(DplSources, 1);

  s->manifest = dpl_manifest_ref((DplManifest *)manifest);
  s->vars = dpl_manifest_vars(manifest, site, NULL);
  s->artifacts = g_array_new(FALSE, TRUE, sizeof(DplArtifact));
  s->files = g_array_new(FALSE, TRUE, sizeof(DplConfigFile));
  s->signatures = g_ptr_array_new_with_free_func(g_free);
  capture_all(s);
  return open_all(s, base, error) ? g_steal_pointer(&s) : NULL;
}

void dpl_sources_free(DplSources *s) {
  if (!s)
    return;
  for (guint i = 0; i < s->artifacts->len; i++)
    close(g_array_index(s->artifacts, DplArtifact, i).fd);
  for (guint i = 0; i < s->files->len; i++)
    if (g_array_index(s->files, DplConfigFile, i).content)
      g_bytes_unref(g_array_index(s->files, DplConfigFile, i).content);
  g_array_unref(s->artifacts);
  g_array_unref(s->files);
  g_ptr_array_unref(s->signatures);
  g_hash_table_unref(s->capture.contents);
  g_hash_table_unref(s->capture.paths);
  g_mutex_clear(&s->capture.lock);
  dpl_vars_free(s->vars);
  dpl_manifest_unref(s->manifest);
  g_free(s);
}

void dpl_sources_stage(DplSources *s, DplStageOptions *ret) {
  ret->artifacts = (const DplArtifact *)(gpointer)s->artifacts->data;
  ret->n_artifacts = s->artifacts->len;
  ret->files = (const DplConfigFile *)(gpointer)s->files->data;
  ret->n_files = s->files->len;
  ret->render = render;
  ret->user_data = s;
  ret->shared_directories = (const char *const *)s->manifest->shared.directories;
  ret->shared_files = (const char *const *)s->manifest->shared.files;
}

guint64 dpl_sources_bytes(const DplSources *s) {
  return s->bytes;
}

GBytes *dpl_sources_content(DplSources *s, const char *path) {
  g_mutex_lock(&s->capture.lock);
  GBytes *content = g_hash_table_lookup(s->capture.contents, path);
  g_mutex_unlock(&s->capture.lock);
  return content;
}

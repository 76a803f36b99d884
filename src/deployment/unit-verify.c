/* unit-verify.c: what systemd says about unit files before they are installed; see preflight.h.
 *
 * `systemd-analyze verify` looks at files, so copies are written into a directory of our own, which
 * goes away with the object. Where the program is not installed nothing can be told, which is no
 * reason against a deployment: the manager judges the same files again when it loads them. */
#include "deployment/preflight.h"

#include "deployment/within.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "systemd-analyze"
#define OUTPUT_MAX 16384

struct DplUnitVerify {
  char *directory;
  WgRun *run;
  guint idle;      /* an end that was there at once */
  GError *failure; /* of writing */
  DplUnitVerifyFunc done;
  gpointer user_data;
};

void dpl_unit_text_free(DplUnitText *text) {
  g_free(text->name);
  g_bytes_unref(text->content);
  g_free(text);
}

DplUnitText *dpl_unit_text_read(int tree, const char *path, GError **error) {
  g_autofree char *bytes = NULL;
  gsize size;

  if (!dpl_within_read(tree, path, DPL_TEMPLATE_MAX, &bytes, &size, error))
    return NULL;
  DplUnitText *text = g_new0(DplUnitText, 1);
  text->name = g_path_get_basename(path);
  text->content = g_bytes_new_take(g_steal_pointer(&bytes), size);
  return text;
}

static void remove_directory(const char *path) {
  int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
  g_autoptr(GDir) dir = fd >= 0 ? g_dir_open(path, 0, NULL) : NULL;
  const char *name;

  while (dir && (name = g_dir_read_name(dir)))
    unlinkat(fd, name, 0);
  if (fd >= 0)
    close(fd);
  if (path)
    g_rmdir(path);
}

static void verify_free(DplUnitVerify *v) {
  g_clear_handle_id(&v->idle, g_source_remove);
  remove_directory(v->directory);
  g_free(v->directory);
  g_clear_error(&v->failure);
  g_free(v);
}

static void finish(DplUnitVerify *v, const char *remark, const GError *error) {
  DplUnitVerifyFunc done = v->done;
  gpointer user_data = v->user_data;

  done(remark, error, user_data);
  verify_free(v);
}

/* Its words, without the directory of the copies. */
static char *words_of(const DplUnitVerify *v, const WgRunEnd *end) {
  gsize size = 0;
  const char *bytes = end->err ? g_bytes_get_data(end->err, &size) : NULL;
  g_autofree char *text = g_utf8_make_valid(bytes ?: "", bytes ? (gssize)size : 0);
  g_autoptr(GString) words = g_string_new(g_strstrip(text));
  g_autofree char *prefix = g_strconcat(v->directory, "/", NULL);

  g_string_replace(words, prefix, "", 0);
  g_string_replace(words, "\n", "; ", 0);
  return g_string_free(g_steal_pointer(&words), FALSE);
}

/* What it says where it could not play the manager, whatever the files are. */
#define NO_MANAGER "Failed to initialize manager"

static void ended(const WgRunEnd *end, gpointer user_data) {
  DplUnitVerify *v = user_data;
  g_autoptr(GError) error = NULL;

  v->run = NULL;
  if (end->how == WG_RUN_NOT_STARTED) {
    g_autofree char *remark =
        g_strdup_printf("the unit files were not verified beforehand: %s", end->text);
    finish(v, remark, NULL);
    return;
  }
  if (end->how != WG_RUN_EXITED)
    g_set_error(&error, WG_ERROR, WG_ERROR_FAILED, PROGRAM " could not judge the unit files: %s",
                end->text);
  else if (end->code != 0) {
    g_autofree char *words = words_of(v, end);
    if (strstr(words, NO_MANAGER) != NULL) { /* it has judged nothing */
      finish(v, words, NULL);
      return;
    }
    g_set_error(&error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "systemd would not take the unit files of this release: %s",
                *words ? words : end->text);
  }
  finish(v, NULL, error);
}

static gboolean fail_later(gpointer data) {
  DplUnitVerify *v = data;

  v->idle = 0;
  finish(v, NULL, v->failure);
  return G_SOURCE_REMOVE;
}

static gboolean write_copy(DplUnitVerify *v, const DplUnitText *unit, const char *current,
                           const char *release, GError **error) {
  g_autofree char *path = g_build_filename(v->directory, unit->name, NULL);
  g_autofree char *from = g_strconcat(current, "/", NULL);
  g_autofree char *to = g_strconcat(release, "/", NULL);
  gsize size;
  const char *bytes = g_bytes_get_data(unit->content, &size);
  g_autoptr(GString) text = g_string_new_len(bytes, (gssize)size);

  g_string_replace(text, from, to, 0);
  return g_file_set_contents(path, text->str, (gssize)text->len, error);
}

static gboolean write_all(DplUnitVerify *v, const GPtrArray *units, const char *current,
                          const char *release, GError **error) {
  v->directory = g_dir_make_tmp("waggle-units-XXXXXX", error);
  if (!v->directory)
    return FALSE;
  for (guint i = 0; i < units->len; i++)
    if (!write_copy(v, units->pdata[i], current, release, error))
      return FALSE;
  return TRUE;
}

static void start(DplUnitVerify *v, const GPtrArray *units, gboolean user_scope, guint64 limit) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
  const char *const words[] = {PROGRAM, "verify", user_scope ? "--user" : "--system", "--man=no",
                               "--recursive-errors=no"};

  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    g_ptr_array_add(argv, g_strdup(words[i]));
  for (guint i = 0; i < units->len; i++)
    g_ptr_array_add(
        argv, g_build_filename(v->directory, ((const DplUnitText *)units->pdata[i])->name, NULL));
  g_ptr_array_add(argv, NULL);
  /* a process of ours: a unit would not see our private directory for temporary files */
  g_autofree char *runtime = g_strdup_printf("XDG_RUNTIME_DIR=%s", g_get_user_runtime_dir());
  const char *env[] = {user_scope ? runtime : NULL, NULL};
  const WgRunOptions options = {.argv = (const char *const *)argv->pdata,
                                .env = env,
                                .description = "Verification of unit files",
                                .prefix = "waggle-unit-verify",
                                .how = WG_RUN_PLAIN,
                                .input = -1,
                                .output_max = OUTPUT_MAX,
                                .timeout = limit};
  v->run = wg_run_start(&options, ended, v);
}

DplUnitVerify *dpl_unit_verify_start(const GPtrArray *units, const char *current,
                                     const char *release, gboolean user_scope, guint64 limit,
                                     DplUnitVerifyFunc done, gpointer user_data) {
  DplUnitVerify *v = g_new0(DplUnitVerify, 1);

  v->done = done;
  v->user_data = user_data;
  if (write_all(v, units, current, release, &v->failure))
    start(v, units, user_scope, limit);
  else
    v->idle = g_idle_add(fail_later, v);
  return v;
}

void dpl_unit_verify_forget(DplUnitVerify *v) {
  if (v->run)
    wg_run_forget(v->run);
  verify_free(v);
}

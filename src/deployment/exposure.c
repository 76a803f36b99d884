/* exposure.c: see exposure.h. The program looks at files by their names, so copies are written into
 * a directory of our own, which goes away at the end; one run judges all of them. */
#include "deployment/exposure.h"

#include "deployment/io.h"
#include "deployment/layout.h"
#include "deployment/preflight.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "systemd-analyze"
#define LIMIT_MSEC 20000
#define OUTPUT_MAX (1024 * 1024)

int dpl_exposure_level(const char *text, const char *unit) {
  g_autofree char *head = g_strdup_printf("Overall exposure level for %s: ", unit);
  const char *line = strstr(text, head);
  char *stop = NULL;

  if (line == NULL)
    return -1;
  double level = g_ascii_strtod(line + strlen(head), &stop);
  return stop != line + strlen(head) && isfinite(level) && level >= 0 && level <= 10
             ? (int)lround(level * 10)
             : -1;
}

/* A template is judged as an instance of it: without one it would be nobody's. */
static char *name_of(const char *unit) {
  const char *at = strstr(unit, "@.");

  return at != NULL ? g_strdup_printf("%.*s@x%s", (int)(at - unit), unit, at + 1) : g_strdup(unit);
}

/* ---- one run ---- */
static void remove_copies(const char *directory, char **paths) {
  for (guint i = 0; paths[i] != NULL; i++)
    if (*paths[i] == '/')
      g_unlink(paths[i]);
  g_rmdir(directory);
}

/* FALSE: it was ended, since its time was over or nobody waits any more. */
static gboolean wait_for_end(GPid pid, GCancellable *cancel) {
  struct pollfd fds[] = {{.fd = pidfd_open(pid, 0), .events = POLLIN},
                         {.fd = g_cancellable_get_fd(cancel), .events = POLLIN}};
  gboolean ended = poll(fds, G_N_ELEMENTS(fds), LIMIT_MSEC) > 0 && (fds[0].revents & POLLIN) != 0;

  if (!ended)
    kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  close(fds[0].fd);
  g_cancellable_release_fd(cancel);
  return ended;
}

static char *read_back(int fd) {
  struct stat st;
  gsize size = fstat(fd, &st) == 0 ? (gsize)MIN(st.st_size, OUTPUT_MAX) : 0;
  g_autofree char *bytes = g_malloc0(size + 1);
  gssize n = pread(fd, bytes, size, 0);

  return g_utf8_make_valid(bytes, MAX(n, 0));
}

/* What it says, on either stream. NULL sets error. */
static char *run(char **argv, GCancellable *cancel, GError **error) {
  g_auto(GStrv) env = g_get_environ();
  DPL_AUTO_FD out = memfd_create("waggle-exposure", MFD_CLOEXEC);
  GPid pid;

  env = g_environ_setenv(env, "LC_ALL", "C", TRUE);
  env = g_environ_setenv(env, "SYSTEMD_COLORS", "0", TRUE);
  /* a user's manager is not played without it */
  env = g_environ_setenv(env, "XDG_RUNTIME_DIR", g_get_user_runtime_dir(), TRUE);
  if (out < 0 ||
      !g_spawn_async_with_fds("/", argv, env, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                              NULL, &pid, -1, out, out, error)) {
    if (out < 0)
      wg_error_set_errno(error, errno, "no memory for what " PROGRAM " says");
    return NULL;
  }
  gboolean ended = wait_for_end(pid, cancel);
  g_autofree char *text = read_back(out);
  if (ended && strstr(text, "Overall exposure level") != NULL)
    return g_steal_pointer(&text);
  g_set_error(error, WG_ERROR, ended ? WG_ERROR_FAILED : WG_ERROR_TIMEOUT,
              PROGRAM " security tells no level: %s",
              !ended              ? "it was ended"
              : *g_strstrip(text) ? text
                                  : "it ended without a word");
  return NULL;
}

/* name -> level in tenths. NULL sets error. */
static GHashTable *levels_of(const GPtrArray *texts, gboolean user, GCancellable *cancel,
                             GError **error) {
  g_autoptr(GHashTable) levels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *directory = g_dir_make_tmp("waggle-exposure-XXXXXX", error);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  gboolean ok = directory != NULL;
  guint n = 0;

  g_strv_builder_add_many(builder, PROGRAM, "security", "--offline=yes", "--no-pager",
                          user ? "--user" : "--system", "--", NULL);
  for (guint i = 0; ok && i < texts->len; i++) {
    const DplUnitText *text = texts->pdata[i];
    g_autofree char *name = name_of(text->name);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    gsize size;
    const char *bytes = g_bytes_get_data(text->content, &size);
    if (!g_str_has_suffix(name, ".service"))
      continue;
    ok = g_file_set_contents(path, bytes != NULL ? bytes : "", (gssize)size, error);
    g_strv_builder_add(builder, path);
    n++;
  }
  g_auto(GStrv) argv = g_strv_builder_end(builder);
  g_autofree char *out = ok && n > 0 ? run(argv, cancel, error) : NULL;
  if (directory != NULL)
    remove_copies(directory, argv);
  if (!ok || (n > 0 && out == NULL))
    return NULL;
  for (guint i = 0; i < texts->len; i++) {
    const DplUnitText *text = texts->pdata[i];
    g_autofree char *name = name_of(text->name);
    int level = out != NULL ? dpl_exposure_level(out, name) : -1;
    if (level >= 0)
      g_hash_table_replace(levels, g_strdup(text->name), GINT_TO_POINTER(level));
  }
  return g_steal_pointer(&levels);
}

/* ---- releases ---- */
static void text_free(gpointer data) {
  dpl_unit_text_free(data);
}

static gboolean add_texts(int root, const char *release, char **paths, GPtrArray *texts,
                          GError **error) {
  for (guint i = 0; paths[i] != NULL; i++) {
    g_autofree char *path = g_build_filename(DPL_DIR_RELEASES, release, paths[i], NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    if (!dpl_within_read(root, path, DPL_TEMPLATE_MAX, &bytes, &size, error))
      return FALSE;
    DplUnitText *text = g_new0(DplUnitText, 1);
    text->name = g_path_get_basename(paths[i]);
    text->content = g_bytes_new_take(g_steal_pointer(&bytes), size);
    g_ptr_array_add(texts, text);
  }
  return TRUE;
}

static GPtrArray *texts_of(int root, const DplManifest *m, const char *release, GError **error) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(text_free);

  if (!add_texts(root, release, m->units.install, texts, error) ||
      !add_texts(root, release, m->units.link, texts, error))
    return NULL;
  return g_steal_pointer(&texts);
}

JsonNode *dpl_exposure_of_texts(const GPtrArray *texts, int root, const DplManifest *old,
                                const char *before, gboolean user_scope, GCancellable *cancel,
                                GError **error) {
  g_autoptr(GHashTable) now = levels_of(texts, user_scope, cancel, error);
  /* what cannot be read of the one before is not compared with */
  g_autoptr(GPtrArray) old_texts =
      old != NULL && before != NULL && root >= 0 ? texts_of(root, old, before, NULL) : NULL;
  g_autoptr(GHashTable) then =
      now != NULL && old_texts != NULL ? levels_of(old_texts, user_scope, cancel, NULL) : NULL;
  gpointer level;

  if (now == NULL)
    return NULL;
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_take_array(node, json_array_new());
  for (guint i = 0; i < texts->len; i++) {
    const char *name = ((const DplUnitText *)texts->pdata[i])->name;
    if (!g_hash_table_lookup_extended(now, name, NULL, &level))
      continue;
    JsonObject *one = json_object_new();
    json_object_set_string_member(one, "unit", name);
    json_object_set_int_member(one, "after", GPOINTER_TO_INT(level));
    if (then != NULL && g_hash_table_lookup_extended(then, name, NULL, &level))
      json_object_set_int_member(one, "before", GPOINTER_TO_INT(level));
    json_array_add_object_element(json_node_get_array(node), one);
  }
  return node;
}

void dpl_exposure_judge(JsonNode *exposure, const DplManifest *now, GPtrArray *reasons,
                        GPtrArray *told) {
  JsonArray *list = json_node_get_array(exposure);
  gint64 most = (gint64)now->require.exposure_at_most;

  for (guint i = 0; i < json_array_get_length(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    const char *unit = json_object_get_string_member(one, "unit");
    gint64 after = json_object_get_int_member(one, "after");
    gint64 before = json_object_get_int_member_with_default(one, "before", after);
    if (after > most && reasons != NULL)
      g_ptr_array_add(reasons, g_strdup_printf("the exposure of %s is %.1f, above the %.1f of "
                                               "require.exposure-at-most; systemd-analyze "
                                               "security tells what would lower it",
                                               unit, (double)after / 10, (double)most / 10));
    if (after > before && told != NULL)
      g_ptr_array_add(told, g_strdup_printf("the exposure of %s rises from %.1f to %.1f", unit,
                                            (double)before / 10, (double)after / 10));
  }
}

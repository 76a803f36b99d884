/* preflight.c: see preflight.h. Every look is made, whatever the ones before found; a look that
 * could not be made is a reason, too. */
#include "deployment/preflight.h"

#include "deployment/io.h"
#include "deployment/space.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_GNUC_PRINTF(2, 3)
static void tell(GPtrArray *reasons, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_ptr_array_add(reasons, g_strdup_vprintf(format, args));
  va_end(args);
}

/* ---- sources ---- */
static void look_for_file(const DplPreflight *p, const char *what, const char *path,
                          gboolean may_be_directory, GPtrArray *reasons) {
  g_autofree char *whole =
      g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(p->base, path, NULL);
  struct stat st;

  if (stat(whole, &st) < 0)
    tell(reasons, "the %s %s cannot be looked at: %s", what, whole, g_strerror(errno));
  else if (!S_ISREG(st.st_mode) && !(may_be_directory && S_ISDIR(st.st_mode)))
    tell(reasons, "the %s %s is no plain file%s", what, whole,
         may_be_directory ? " and no directory" : "");
  else if (access(whole, R_OK) < 0)
    tell(reasons, "the %s %s cannot be read: %s", what, whole, g_strerror(errno));
}

static void look_for_sources(const DplPreflight *p, GPtrArray *reasons) {
  for (guint i = 0; i < p->manifest->artifacts->len; i++) {
    const DplArtifactSpec *a = p->manifest->artifacts->pdata[i];
    look_for_file(p, "artifact", a->source, TRUE, reasons);
    if (a->signature)
      look_for_file(p, "signature", a->signature, FALSE, reasons);
  }
  for (guint i = 0; i < p->manifest->configuration->len; i++) {
    const DplConfiguration *c = p->manifest->configuration->pdata[i];
    if (c->from)
      look_for_file(p, "template", c->from, FALSE, reasons);
  }
}

/* ---- space ---- */
/* A descriptor of the root, or of what is there of the way to it. */
static int open_nearest(const char *root) {
  g_autofree char *path = g_strdup(root);

  for (;;) {
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *slash = strrchr(path, '/');
    if (fd >= 0 || errno != ENOENT || !slash || slash == path)
      return fd >= 0 ? fd : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *slash = '\0';
  }
}

/* At least as much as the artifacts have as files, and about as much as the release before. */
static void guess_need(const DplPreflight *p, guint64 *bytes, guint64 *inodes) {
  g_autofree char *path =
      p->current ? g_strconcat(DPL_DIR_RELEASES "/", p->current, DPL_SUFFIX_TREE, NULL) : NULL;
  g_autoptr(DplTree) tree = path && p->root >= 0 ? dpl_tree_read(p->root, path, NULL, NULL) : NULL;
  g_autoptr(DplSources) sources = dpl_sources_open(p->manifest, p->site, p->base, NULL);

  *bytes = MAX(tree ? dpl_tree_bytes(tree) : 0, sources ? dpl_sources_bytes(sources) : 0);
  *inodes = tree ? dpl_tree_n(tree) : 0;
}

static void look_for_space(const DplPreflight *p, GPtrArray *reasons) {
  DPL_AUTO_FD fd = open_nearest(p->site->root);
  g_autoptr(GError) error = NULL;
  guint64 bytes, inodes;

  guess_need(p, &bytes, &inodes);
  if (!dpl_space_need(fd, p->site->root, bytes + p->manifest->require.space,
                      inodes + p->manifest->require.inodes, &error))
    tell(reasons, "%s", error->message);
}

/* ---- programs, users, credentials ---- */
/* One in the release, or below the target, is there only later; others have to be here. */
static void look_for_command(const DplPreflight *p, const char *what, const char *command,
                             GPtrArray *reasons) {
  gsize n = strlen(p->site->root);

  if (strchr(command, '/') && !g_path_is_absolute(command))
    return;
  if (strncmp(command, p->site->root, n) == 0 && command[n] == '/')
    return;
  g_autofree char *found = g_find_program_in_path(command);
  if (!found)
    tell(reasons, "the command %s %s is not here, or cannot be executed", command, what);
}

static void look_for_user(const char *user, GPtrArray *reasons) {
  g_autofree char *buffer = g_malloc(16384);
  struct passwd passwd, *found = NULL;

  if (user && (getpwnam_r(user, &passwd, buffer, 16384, &found) != 0 || !found))
    tell(reasons, "there is no user '%s', whose rights a hook is to have", user);
}

static void look_for_hook(const DplPreflight *p, const DplHook *hook, GPtrArray *reasons) {
  if (!hook)
    return;
  look_for_command(p, "of a hook", hook->command[0], reasons);
  look_for_user(hook->user, reasons);
}

static void look_for_commands(const DplPreflight *p, GPtrArray *reasons) {
  const DplManifest *m = p->manifest;

  for (guint i = 0; m->require.commands[i]; i++)
    look_for_command(p, "that the manifest requires", m->require.commands[i], reasons);
  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    for (guint k = 0; k < m->hooks[i]->len; k++)
      look_for_hook(p, m->hooks[i]->pdata[k], reasons);
  look_for_hook(p, m->state.up, reasons);
  look_for_hook(p, m->state.down, reasons);
}

static gboolean has_credential(const DplPreflight *p, const char *name) {
  if (g_path_is_absolute(name))
    return access(name, F_OK) == 0;
  for (guint i = 0; p->credential_directories && p->credential_directories[i]; i++) {
    g_autofree char *path = g_build_filename(p->credential_directories[i], name, NULL);
    if (access(path, F_OK) == 0)
      return TRUE;
  }
  return FALSE;
}

static void look_for_credentials(const DplPreflight *p, GPtrArray *reasons) {
  g_autofree char *places = p->credential_directories
                                ? g_strjoinv(", ", (char **)p->credential_directories)
                                : g_strdup("no directory");

  for (guint i = 0; p->manifest->require.credentials[i]; i++)
    if (!has_credential(p, p->manifest->require.credentials[i]))
      tell(reasons, "the credential %s is not in %s", p->manifest->require.credentials[i], places);
}

/* ---- the way back ---- */
static gboolean look_at_previous(const DplPreflight *p, const DplWork *work, GPtrArray *reasons,
                                 GError **error) {
  g_autoptr(GError) local = NULL;

  if (!p->current || p->root < 0 ||
      dpl_release_prove(p->root, p->current, NULL, DPL_PROOF_FULL, work, &local))
    return TRUE;
  if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  tell(reasons,
       "the release that serves could not be returned to: %s; put back what was released "
       "(\"waggle deploy drift\" tells all that differs)",
       local->message);
  return TRUE;
}

static void look_at_state(const DplPreflight *p, GPtrArray *reasons) {
  g_autoptr(GError) error = NULL;
  DplStatePlan plan;

  if (!dpl_state_contract(p->previous, p->manifest, &plan, &error))
    tell(reasons, "%s", error->message);
}

GPtrArray *dpl_preflight(const DplPreflight *p, const DplWork *work, GError **error) {
  g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);

  look_for_sources(p, reasons);
  look_for_space(p, reasons);
  look_for_commands(p, reasons);
  look_for_credentials(p, reasons);
  look_at_state(p, reasons);
  dpl_preflight_ports(p, work, reasons);
  if (!look_at_previous(p, work, reasons, error) || !dpl_work_go_on(work, error))
    return NULL;
  return g_steal_pointer(&reasons);
}

gboolean dpl_preflight_judge(const GPtrArray *reasons, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; i < reasons->len; i++)
    g_string_append_printf(text, "%s%s", i ? "; " : "", (char *)reasons->pdata[i]);
  if (reasons->len > 0)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE, "nothing was changed: %s", text->str);
  return reasons->len == 0;
}

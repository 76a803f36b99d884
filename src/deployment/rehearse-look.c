/* rehearse-look.c: what a rehearsal sees of files: the tree, space, unit files; see rehearse.h. */
#include "deployment/rehearse-private.h"
#include "deployment/rehearse-unit.h"

#include "deployment/layout.h"
#include "deployment/space.h"
#include "deployment/tree.h"
#include "deployment/unit-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What a roll-back writes itself: a link, unit files, the store. */
#define SPACE ((guint64)1024 * 1024)
#define INODES 64

static gboolean is_cancelled(const DplRehearsal *r) {
  return g_cancellable_is_cancelled(r->cancel);
}

static void look_at_tree(DplRehearsal *r, int root) {
  DplWork work = {.cancel = r->cancel};
  g_autoptr(GError) error = NULL;

  r->whole = dpl_release_prove(root, r->o.release, r->o.digest, DPL_PROOF_FULL, &work, &error);
  if (!is_cancelled(r))
    dpl_rehearsal_note(r, "release", r->whole ? "pass" : "fail",
                       r->whole ? "every file is as it was proven" : error->message);
}

static void look_for_space(DplRehearsal *r, int root) {
  g_autoptr(GError) error = NULL;
  gboolean good = dpl_space_need(root, r->o.root, SPACE + r->manifest->require.space,
                                 INODES + r->manifest->require.inodes, &error);

  dpl_rehearsal_note(r, "space", good ? "pass" : "fail",
                     good ? "there is enough for the way back" : error->message);
}

/* ---- unit files ---- */
static gboolean add_text(DplRehearsal *r, int tree, const char *path, GError **error) {
  DplUnitText *text = dpl_unit_text_read(tree, path, error);

  if (text == NULL)
    return FALSE;
  g_ptr_array_add(r->texts, text);
  return TRUE;
}

static gboolean read_units(DplRehearsal *r, int tree, GError **error) {
  const DplUnitsSpec *units = &r->manifest->units;
  char **lists[] = {units->install, units->link};
  gboolean ok = TRUE;

  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; ok && lists[k][i]; i++)
      ok = add_text(r, tree, lists[k][i], error);
  return ok;
}

static void look_at_units(DplRehearsal *r, int root) {
  g_autofree char *path = g_build_filename(DPL_DIR_RELEASES, r->o.release, NULL);
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  int tree = dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0);

  if (tree < 0)
    dpl_error_errno(&error, errno, "release %s cannot be opened", r->o.release);
  gboolean ok = tree >= 0 && read_units(r, tree, &error);
  if (tree >= 0)
    close(tree);
  r->whole = r->whole && ok;
  text = ok ? g_strdup_printf("%u of them can be read", r->texts->len) : g_strdup(error->message);
  if (r->texts->len > 0 || !ok)
    dpl_rehearsal_note(r, "unit files", ok ? "pass" : "fail", text);
}

/* ---- services ---- */
static const DplUnitText *text_of(const DplRehearsal *r, const char *unit) {
  g_autofree char *template = dpl_unit_template(unit);
  const DplUnitText *found = NULL;

  for (guint i = 0; i < r->texts->len; i++) {
    const DplUnitText *text = r->texts->pdata[i];
    if (strcmp(text->name, unit) == 0)
      return text;
    if (g_strcmp0(text->name, template) == 0)
      found = text;
  }
  return found;
}

static char *content_of(const DplUnitText *text) {
  gsize size;
  const char *bytes = g_bytes_get_data(text->content, &size);

  return g_strndup(bytes ? bytes : "", size);
}

/* Names of the sockets that the service is handed: those that say so, and those that it names. */
static GPtrArray *sockets_of(const DplRehearsal *r, const DplUnitText *service, const char *unit) {
  g_autofree char *content = content_of(service);
  GPtrArray *names = dpl_sockets_named(content, unit);

  for (guint i = 0; i < r->texts->len; i++) {
    const DplUnitText *text = r->texts->pdata[i];
    g_autofree char *socket = content_of(text);
    g_autofree char *name =
        g_str_has_suffix(text->name, ".socket") ? dpl_socket_of(text->name, socket, unit) : NULL;
    if (name && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
      g_ptr_array_add(names, g_steal_pointer(&name));
  }
  return names;
}

static char **scratch_of(const DplRehearsal *r) {
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
  const DplManifest *m = r->manifest;

  for (guint i = 0; m->shared.directories && m->shared.directories[i]; i++) {
    g_autofree char *path =
        g_build_filename(r->o.root, DPL_DIR_SHARED, m->shared.directories[i], NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      g_strv_builder_add(paths, path);
  }
  if (m->state.directory && g_file_test(m->state.directory, G_FILE_TEST_IS_DIR))
    g_strv_builder_add(paths, m->state.directory);
  return g_strv_builder_end(paths);
}

static void write_unit(DplRehearsal *r, DplPlayer *player, char *name, const char *text) {
  g_autofree char *path = g_build_filename(r->o.directory, name, NULL);
  g_autoptr(GError) error = NULL;

  g_ptr_array_add(player->names, name);
  if (g_mkdir_with_parents(r->o.directory, 0755) < 0 ||
      !g_file_set_contents(path, text, -1, &error))
    player->why_not = g_strdup_printf("its unit file cannot be written: %s",
                                      error ? error->message : g_strerror(errno));
  else
    g_ptr_array_add(player->paths, g_steal_pointer(&path));
}

static void write_socket(DplRehearsal *r, DplPlayer *player, const DplIsolation *how,
                         const char *original, guint number) {
  const DplUnitText *text = text_of(r, original);
  g_autoptr(GError) error = NULL;

  if (!text) {
    player->why_not = g_strdup_printf(
        "it is handed %s by systemd (Sockets=), which is no part of the release", original);
    return;
  }
  g_autofree char *content = content_of(text);
  g_autofree char *unit = dpl_isolated_socket(content, original, how, number, player->left, &error);
  if (unit)
    write_unit(r, player, g_strdup_printf("%s-%u.socket", how->name, number), unit);
  else
    player->why_not = g_strdup_printf("it is handed its socket by systemd: %s", error->message);
}

static void write_service(DplRehearsal *r, DplPlayer *player, const DplUnitText *text,
                          DplIsolation *how) {
  g_autoptr(GPtrArray) sockets = sockets_of(r, text, player->unit);
  g_autofree char *content = content_of(text);
  g_autoptr(GError) error = NULL;

  how->n_sockets = sockets->len;
  g_autofree char *unit = dpl_isolated_unit(content, how, player->left, &error);
  if (unit)
    write_unit(r, player, g_strconcat(how->name, ".service", NULL), unit);
  else
    player->why_not = g_strdup(error->message);
  for (guint i = 0; !player->why_not && i < sockets->len; i++)
    write_socket(r, player, how, sockets->pdata[i], i);
  g_ptr_array_add(player->names, NULL);
}

static void write_isolated(DplRehearsal *r, DplPlayer *player, const DplUnitText *text) {
  g_auto(GStrv) scratch = scratch_of(r);
  g_autofree char *current = g_build_filename(r->o.root, DPL_LINK_CURRENT, NULL);
  g_autofree char *release = g_build_filename(r->o.root, DPL_DIR_RELEASES, r->o.release, NULL);
  g_autofree char *name = g_strdup_printf(DPL_REHEARSAL_PREFIX "%08x", g_random_int());
  guint64 left = dpl_rehearsal_left(r);
  DplIsolation how = {
      .name = name,
      .original = player->unit,
      .target = r->o.target,
      .current = current,
      .release = release,
      .scratch = (const char *const *)scratch,
      .bind_to = r->o.own_unit,
      .user_scope = r->o.user_scope,
      /* a user's may not make one, and a kernel without them would open the live one's */
      .networks = !r->o.user_scope && g_file_test("/proc/self/ns/net", G_FILE_TEST_EXISTS),
      .start_limit = left,
      .life = left + r->o.observe,
  };

  write_service(r, player, text, &how);
}

static void write_player(DplRehearsal *r, DplPlayer *player) {
  const DplUnitText *text = text_of(r, player->unit);

  if (!g_str_has_suffix(player->unit, ".service"))
    player->why_not = g_strdup("only services are started in isolation");
  else if (!text)
    player->why_not = g_strdup("its unit file is no part of the release");
  else
    write_isolated(r, player, text);
}

gboolean dpl_rehearsal_look(DplRehearsal *r, GError **error) {
  g_autoptr(GError) local = NULL;
  int root = dpl_layout_open(r->o.root, r->o.target, FALSE, &local);

  if (root < 0) {
    dpl_rehearsal_note(r, "target", "fail", local->message);
    return TRUE;
  }
  look_at_tree(r, root);
  look_for_space(r, root);
  if (!is_cancelled(r))
    look_at_units(r, root);
  close(root);
  for (guint i = 0; r->whole && !is_cancelled(r) && i < r->players->len; i++)
    write_player(r, r->players->pdata[i]);
  return !g_cancellable_set_error_if_cancelled(r->cancel, error);
}

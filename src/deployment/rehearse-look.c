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

/* One that is handed its socket would wait for it for ever, or open the live one's. */
static gboolean has_socket(const DplRehearsal *r, const char *unit) {
  for (guint i = 0; i < r->texts->len; i++) {
    const DplUnitText *text = r->texts->pdata[i];
    gsize size;
    const char *bytes = g_bytes_get_data(text->content, &size);
    g_autofree char *content = g_strndup(bytes ? bytes : "", size);
    if (g_str_has_suffix(text->name, ".socket") && dpl_socket_is_of(text->name, content, unit))
      return TRUE;
  }
  return FALSE;
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

static char *isolated(DplRehearsal *r, const DplUnitText *text, const char *name,
                      DplPlayer *player) {
  g_auto(GStrv) scratch = scratch_of(r);
  g_autofree char *current = g_build_filename(r->o.root, DPL_LINK_CURRENT, NULL);
  g_autofree char *release = g_build_filename(r->o.root, DPL_DIR_RELEASES, r->o.release, NULL);
  g_autoptr(GError) error = NULL;
  guint64 left = dpl_rehearsal_left(r);
  gsize size;
  const char *bytes = g_bytes_get_data(text->content, &size);
  g_autofree char *content = g_strndup(bytes ? bytes : "", size);
  DplIsolation how = {
      .name = name,
      .original = player->unit,
      .target = r->o.target,
      .current = current,
      .release = release,
      .scratch = (const char *const *)scratch,
      .bind_to = r->o.own_unit,
      .user_scope = r->o.user_scope,
      .start_limit = left,
      .life = left + r->o.observe,
  };
  char *unit = dpl_isolated_unit(content, &how, player->left, &error);

  if (!unit)
    player->why_not = g_strdup(error->message);
  return unit;
}

static void write_player(DplRehearsal *r, DplPlayer *player) {
  const DplUnitText *text = text_of(r, player->unit);
  g_autofree char *name = g_strdup_printf(DPL_REHEARSAL_PREFIX "%08x", g_random_int());
  g_autoptr(GError) error = NULL;

  if (!g_str_has_suffix(player->unit, ".service"))
    player->why_not = g_strdup("only services are started in isolation");
  else if (!text)
    player->why_not = g_strdup("its unit file is no part of the release");
  else if (has_socket(r, player->unit))
    player->why_not =
        g_strdup("it is handed its socket by systemd, and a rehearsal has none for it");
  if (player->why_not)
    return;
  g_autofree char *unit = isolated(r, text, name, player);
  if (!unit)
    return;
  player->name = g_strconcat(name, ".service", NULL);
  player->path = g_build_filename(r->o.directory, player->name, NULL);
  if (g_mkdir_with_parents(r->o.directory, 0755) < 0 ||
      !g_file_set_contents(player->path, unit, -1, &error))
    player->why_not = g_strdup_printf("its unit file cannot be written: %s",
                                      error ? error->message : g_strerror(errno));
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

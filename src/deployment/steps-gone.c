/* steps-gone.c: units of the old release that the new one does not have, and unit files that
 * another target has as well (claims.h).
 *
 * The former are stopped before the switch, while their own files are still there, so that no old
 * program works beside the new ones; their links and files go with the commit, and until then a
 * roll-back starts them again. After a commit there is no way back by itself: what cannot be
 * removed then is told and left. */
#include "deployment/steps-private.h"

#include "deployment/query.h"
#include "deployment/unit-files.h"

#include "common/error.h"

#include <unistd.h>

/* ---- whose files these are ---- */
static void asked(JsonNode *node, const GError *error, gpointer data) {
  DplChain *chain = data;

  g_clear_pointer(&chain->claims, json_node_unref);
  if (error != NULL)
    dpl_chain_say(chain, "unit files of other targets are not known: %s", error->message);
  else
    chain->claims = json_node_ref(node);
  /* nothing is changed without knowing; the way back may not wait for it */
  dpl_part_done(chain,
                error != NULL && chain->act->step != DPL_STEP_UNDO ? g_error_copy(error) : NULL);
}

void dpl_part_claims(DplChain *chain) {
  if (!dpl_chain_concerns_manager(chain))
    dpl_part_done(chain, NULL);
  else
    dpl_ask(chain->real->o.store, dpl_claims_ask, g_strdup(chain->act->record->target), g_free,
            FALSE, asked, chain);
}

static gboolean judge(DplChain *chain, const DplWork *work, GError **error) {
  guint n_installed = g_strv_length(chain->manifest->units.install);
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; i < chain->unit_texts->len; i++) {
    const DplUnitText *unit = chain->unit_texts->pdata[i];
    g_autofree char *conflict =
        dpl_claims_conflict(chain->claims, unit->name, i >= n_installed, unit->content);
    if (conflict != NULL)
      g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", conflict);
  }
  if (text->len == 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE, "nothing was changed: %s", text->str);
  return FALSE;
}

void dpl_part_judge_claims(DplChain *chain) {
  if (chain->claims == NULL || chain->act->record->force)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, judge);
}

/* ---- what is gone ---- */
void dpl_part_stop_gone(DplChain *chain) {
  dpl_part_run_units(chain, DPL_UNITS_STOP, chain->intent.stop);
}

static void tried(const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL)
    dpl_chain_say(chain, "%s, ignoring it", error->message);
  dpl_part_done(chain, NULL);
}

void dpl_part_disable_gone(DplChain *chain) {
  char **names = chain->intent.disable;

  if (names == NULL || names[0] == NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_units_set_files(chain->real->o.units, DPL_UNIT_FILES_DISABLE, (const char *const *)names,
                        dpl_chain_limit(chain), tried, chain);
}

static gboolean remove_files(DplChain *chain, const DplWork *work, GError **error) {
  g_autoptr(GError) local = NULL;
  int directory = dpl_unit_directory_open(chain->real->o.unit_directory, &local);

  if (directory >= 0) {
    dpl_unit_files_remove(directory, (const char *const *)chain->intent.remove, work, &local);
    close(directory);
  }
  g_free(chain->problem);
  chain->problem = local != NULL ? g_strdup(local->message) : NULL;
  return TRUE;
}

void dpl_part_remove_gone(DplChain *chain) {
  if (chain->intent.remove == NULL || chain->intent.remove[0] == NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, remove_files);
}

void dpl_part_reload_gone(DplChain *chain) {
  if (chain->problem != NULL)
    dpl_chain_say(chain, "%s, ignoring it", chain->problem);
  g_clear_pointer(&chain->problem, g_free);
  if (chain->intent.remove == NULL || chain->intent.remove[0] == NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_units_reload(chain->real->o.units, dpl_chain_limit(chain), tried, chain);
}

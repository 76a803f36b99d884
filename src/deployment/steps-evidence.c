/* steps-evidence.c: what units wrote since they were started, kept with a verification that failed,
 * for whoever asks later why. Without secrets, and bounded; a journal that cannot be read is no
 * failure. */
#include "deployment/steps-private.h"

#include "deployment/units-private.h"

#include "common/error.h"

static void read_next(DplChain *chain);

/* Beside the results of the checks, which are an object. */
static void add_to_results(DplChain *chain) {
  DplAct *act = chain->act;
  g_autoptr(JsonNode) node = act->results != NULL ? json_from_string(act->results, NULL) : NULL;

  if (chain->evidence == NULL || node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return;
  json_object_set_string_member(json_node_get_object(node), "journal", chain->evidence->str);
  g_free(act->results);
  act->results = json_to_string(node, FALSE);
}

static void told(char *lines, char *said, gpointer data) {
  DplChain *chain = data;
  g_autofree char *own_lines = lines, *own_said = said;
  const WgUnitState *state = chain->watched->pdata[chain->told];

  if (lines != NULL)
    dpl_chain_evidence(chain, state->name, lines);
  chain->told++;
  read_next(chain);
}

static void read_next(DplChain *chain) {
  const WgUnitState *state = NULL;

  while (chain->told < chain->watched->len &&
         *(state = chain->watched->pdata[chain->told])->invocation == '\0')
    chain->told++;
  if (chain->told < chain->watched->len && !g_cancellable_is_cancelled(chain->act->cancel)) {
    dpl_units_journal(state->invocation, told, chain);
    return;
  }
  add_to_results(chain);
  dpl_part_done(chain, g_steal_pointer(&chain->verdict));
}

void dpl_chain_fail_verified(DplChain *chain, GError *error) {
  g_clear_error(&chain->verdict);
  chain->verdict = error;
  chain->told = 0;
  if (chain->watched == NULL)
    chain->watched = g_ptr_array_new();
  read_next(chain);
}

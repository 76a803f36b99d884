/* steps-dependents.c: units of others that systemd stops with those of a target, and that are up
 * again when it is over.
 *
 * What requires, is bound to or is part of a unit goes down with it, and what requires that one
 * next. A restart brings them back by itself; a stop does not, and each socket, `stop-start` and
 * migration begins with one. So which of them are up is written down before anything is touched,
 * and after the start, of the new release or of the old one again, those that are not up are
 * started, in their order. Targets, scopes and what left no file behind are told of, not started: a
 * target would start all that it wants, too. */
#include "deployment/steps-private.h"

#define MOST 500

static gboolean is_own(DplChain *chain, const char *unit) {
  const char *const *start = (const char *const *)chain->intent.start;
  const char *const *stop = (const char *const *)chain->intent.stop;

  return g_strv_contains(start, unit) || g_strv_contains(stop, unit) ||
         g_strv_contains((const char *const *)chain->intent.active, unit);
}

static void add(GPtrArray *names, const char *name) {
  if (names->len < MOST && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
    g_ptr_array_add(names, g_strdup(name));
}

void dpl_chain_clear_walk(DplChain *chain) {
  g_clear_pointer(&chain->walk.seen, g_ptr_array_unref);
  g_clear_pointer(&chain->walk.up, g_ptr_array_unref);
  g_clear_pointer(&chain->walk.orphans, g_ptr_array_unref);
}

/* ---- before ---- */

static void next(DplChain *chain);

static void take(DplChain *chain, const WgUnitState *state) {
  if (!is_own(chain, state->name) && wg_unit_active_is_up(state->active))
    add(chain->walk.gone ? chain->walk.orphans : chain->walk.up, state->name);
  for (guint i = 0; state->dependents != NULL && state->dependents[i] != NULL; i++)
    add(chain->walk.seen, state->dependents[i]);
  /* what a socket starts is stopped with it (steps-sockets.c) */
  for (guint i = 0; g_str_has_suffix(state->name, ".socket") && state->triggers[i] != NULL; i++)
    add(chain->walk.seen, state->triggers[i]);
}

static void looked(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL) {
    dpl_chain_clear_walk(chain);
    dpl_part_done(chain, g_error_copy(error));
    return;
  }
  for (guint i = 0; i < states->len; i++)
    take(chain, states->pdata[i]);
  next(chain);
}

static void take_names(GPtrArray **names, char ***ret) {
  g_strfreev(*ret);
  g_ptr_array_add(*names, NULL);
  *ret = (char **)g_ptr_array_free(g_steal_pointer(names), FALSE);
}

static void found(DplChain *chain) {
  DplRecord *r = chain->act->record;

  take_names(&chain->walk.up, &chain->intent.dependents);
  take_names(&chain->walk.orphans, &chain->intent.orphans);
  dpl_chain_clear_walk(chain);
  for (guint i = 0; chain->intent.orphans[i] != NULL; i++)
    dpl_chain_say(chain,
                  "%s needs a unit that the release does not have any more, and stays stopped",
                  chain->intent.orphans[i]);
  g_free(r->intent);
  r->intent = dpl_intent_to_text(&chain->intent);
  dpl_part_done(chain, NULL);
}

static void add_all(GPtrArray *names, char **more, char **except) {
  for (guint i = 0; more != NULL && more[i] != NULL; i++)
    if (!g_strv_contains((const char *const *)except, more[i]))
      add(names, more[i]);
}

/* Those that were not looked at yet; at last what needs only units that go for good. */
static void next(DplChain *chain) {
  char *none[] = {NULL};
  GPtrArray *seen = chain->walk.seen;
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  if (chain->walk.next == seen->len && !chain->walk.gone) {
    chain->walk.gone = TRUE;
    add_all(seen, chain->intent.stop, none);
  }
  for (; chain->walk.next < seen->len; chain->walk.next++)
    g_ptr_array_add(names, seen->pdata[chain->walk.next]);
  if (names->len == 0) {
    found(chain);
    return;
  }
  g_ptr_array_add(names, NULL);
  dpl_units_look(chain->real->o.units, (const char *const *)names->pdata, dpl_chain_limit(chain),
                 looked, chain);
}

void dpl_part_dependents(DplChain *chain) {
  dpl_chain_clear_walk(chain);
  chain->walk.seen = g_ptr_array_new_with_free_func(g_free);
  chain->walk.up = g_ptr_array_new_with_free_func(g_free);
  chain->walk.orphans = g_ptr_array_new_with_free_func(g_free);
  chain->walk.next = 0;
  chain->walk.gone = FALSE;
  add_all(chain->walk.seen, chain->intent.start, chain->intent.stop);
  add_all(chain->walk.seen, chain->intent.active, chain->intent.stop);
  next(chain);
}

/* ---- after ---- */

static gboolean can_start(const WgUnitState *state) {
  return g_str_equal(state->load, "loaded") && !g_str_has_suffix(state->name, ".target") &&
         !g_str_has_suffix(state->name, ".scope");
}

/* The names of those that are down; who cannot be started is told. */
static char **down(DplChain *chain, const GPtrArray *states) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (guint i = 0; i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    if (wg_unit_active_is_up(state->active))
      continue;
    if (can_start(state))
      g_strv_builder_add(names, state->name);
    else
      dpl_chain_say(chain, "%s was up before, and is not any more: start it", state->name);
  }
  return g_strv_builder_end(names);
}

static void started(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;
  gboolean must = chain->walk.must;

  for (guint i = 0; ends != NULL && i < ends->len; i++) {
    const DplUnitEnd *one = ends->pdata[i];
    if (one->good)
      dpl_chain_say(chain, "%s was stopped with its units, and is started again", one->unit);
    else if (one->journal != NULL)
      dpl_chain_evidence(chain, one->unit, one->journal);
  }
  if (error != NULL && !must)
    dpl_chain_say(chain, "it was up before: %s", error->message);
  dpl_part_done(chain, error != NULL && must ? g_error_copy(error) : NULL);
}

static void seen_after(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL) {
    dpl_part_done(chain, g_error_copy(error));
    return;
  }
  g_auto(GStrv) names = down(chain, states);
  dpl_units_run(chain->real->o.units, DPL_UNITS_START, (const char *const *)names,
                dpl_chain_limit(chain), chain->act->cancel, started, chain);
}

static void start(DplChain *chain, gboolean must) {
  char **const lists[] = {chain->intent.dependents, must ? NULL : chain->intent.orphans};
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  chain->walk.must = must;
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint k = 0; lists[i] != NULL && lists[i][k] != NULL; k++)
      g_ptr_array_add(names, lists[i][k]);
  if (names->len == 0) {
    dpl_part_done(chain, NULL);
    return;
  }
  g_ptr_array_add(names, NULL);
  dpl_units_look(chain->real->o.units, (const char *const *)names->pdata, dpl_chain_limit(chain),
                 seen_after, chain);
}

void dpl_part_start_dependents(DplChain *chain) {
  start(chain, TRUE);
}

/* The release before runs, and that is what an undo is for: who depends on it is told of. */
void dpl_part_undo_dependents(DplChain *chain) {
  start(chain, FALSE);
}

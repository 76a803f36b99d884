/* steps-sockets.c: units of a chain are started, restarted and stopped, their sockets first.
 *
 * systemd does not open a socket whose service runs, and an open socket starts its service at the
 * next connection, also in the middle of a stop. So where sockets are among the units, they are
 * closed, then what they start is stopped, named or not, and then goes what was asked for: no
 * process of the old release is left behind a socket of the new one. */
#include "deployment/steps-private.h"

static void run(DplChain *chain, DplUnitsVerb verb, char **names, DplUnitsFunc done,
                gpointer user_data) {
  dpl_units_run(chain->real->o.units, verb, (const char *const *)names, dpl_chain_limit(chain),
                chain->act->cancel, done, user_data);
}

static void tell(DplChain *chain, const GPtrArray *ends) {
  for (guint i = 0; ends != NULL && i < ends->len; i++) {
    const DplUnitEnd *one = ends->pdata[i];
    if (!one->good && one->journal != NULL) {
      dpl_chain_say(chain, "%s: %s", one->unit, one->journal);
      dpl_chain_evidence(chain, one->unit, one->journal);
    }
  }
}

static void units_done(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;

  tell(chain, ends);
  dpl_part_done(chain, error != NULL ? g_error_copy(error) : NULL);
}

/* ---- where there are sockets ---- */

static void behind_stopped(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL) {
    units_done(ends, error, chain);
    return;
  }
  /* a release that crashed at each connection does not keep the next one from starting */
  dpl_units_forgive(chain->real->o.units, (const char *const *)chain->turn.behind);
  run(chain, chain->turn.verb, chain->turn.names, units_done, chain);
}

static void sockets_closed(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL)
    units_done(ends, error, chain);
  else
    run(chain, DPL_UNITS_STOP, chain->turn.behind, behind_stopped, chain);
}

static void looked(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;
  g_autoptr(GPtrArray) behind = g_ptr_array_new_null_terminated(1, g_free, TRUE);

  if (error != NULL) {
    dpl_part_done(chain, g_error_copy(error));
    return;
  }
  for (guint i = 0; i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    for (guint k = 0; state->triggers[k] != NULL; k++)
      if (!g_ptr_array_find_with_equal_func(behind, state->triggers[k], g_str_equal, NULL))
        g_ptr_array_add(behind, g_strdup(state->triggers[k]));
  }
  chain->turn.behind = (char **)g_ptr_array_free(g_steal_pointer(&behind), FALSE);
  run(chain, DPL_UNITS_STOP, chain->turn.sockets, sockets_closed, chain);
}

void dpl_chain_clear_turn(DplChain *chain) {
  g_clear_pointer(&chain->turn.names, g_strfreev);
  g_clear_pointer(&chain->turn.sockets, g_strfreev);
  g_clear_pointer(&chain->turn.behind, g_strfreev);
}

void dpl_part_run_units(DplChain *chain, DplUnitsVerb verb, char **names) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  if (names == NULL || names[0] == NULL) {
    dpl_part_done(chain, NULL);
    return;
  }
  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_has_suffix(names[i], ".socket"))
      g_strv_builder_add(builder, names[i]);
  g_auto(GStrv) sockets = g_strv_builder_end(builder);
  if (sockets[0] == NULL) {
    run(chain, verb, names, units_done, chain);
    return;
  }
  dpl_chain_clear_turn(chain);
  chain->turn.verb = verb;
  chain->turn.names = g_strdupv(names);
  chain->turn.sockets = g_steal_pointer(&sockets);
  dpl_units_look(chain->real->o.units, (const char *const *)chain->turn.sockets,
                 dpl_chain_limit(chain), looked, chain);
}

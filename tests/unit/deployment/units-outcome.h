/* units-outcome.h: what became of an operation on units, for their tests. */
#pragma once

#include "mock-fixture.h"

#include "deployment/units.h"

#include "common/error.h"

#include <string.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct {
  gboolean done;
  GError *error;
  GPtrArray *units; /* names, in the order they ended */
  char *job, *text; /* of the first that is not good */
  guint n_good;
  WgUnitState *state; /* of the last */
} Outcome;

static inline void outcome_clear(Outcome *o) {
  g_clear_error(&o->error);
  g_clear_pointer(&o->units, g_ptr_array_unref);
  g_clear_pointer(&o->job, g_free);
  g_clear_pointer(&o->text, g_free);
  g_clear_pointer(&o->state, wg_unit_state_free);
  *o = (Outcome){0};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static inline void on_done(const GPtrArray *ends, const GError *error, gpointer data) {
  Outcome *o = data;

  g_assert_false(o->done);
  o->done = TRUE;
  o->error = error ? g_error_copy(error) : NULL;
  o->units = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < ends->len; i++) {
    const DplUnitEnd *end = ends->pdata[i];
    g_ptr_array_add(o->units, g_strdup(end->unit));
    o->n_good += end->good;
    g_assert_true(end->good == (end->text == NULL));
    if (!end->good && o->text == NULL) {
      o->job = g_strdup(end->job);
      o->text = g_strdup(end->text);
    }
    g_clear_pointer(&o->state, wg_unit_state_free);
    o->state = end->state ? wg_unit_state_copy(end->state) : NULL;
  }
}

static inline gboolean is_done(gpointer data) {
  return ((Outcome *)data)->done;
}

static inline void run(DplUnits *units, DplUnitsVerb verb, const char *const *names, guint64 limit,
                       Outcome *o) {
  outcome_clear(o);
  dpl_units_run(units, verb, names, limit, NULL, on_done, o);
  g_assert_false(o->done); /* never from inside */
  mock_until(is_done, o);
}

static inline void goes_well(const Outcome *o, guint n) {
  if (o->error)
    g_error("%s", o->error->message);
  g_assert_cmpuint(o->n_good, ==, n);
}

static inline void fails(const Outcome *o, int code, const char *text) {
  g_assert_error(o->error, WG_ERROR, code);
  if (strstr(o->error->message, text) == NULL)
    g_error("'%s' is not in: %s", text, o->error->message);
}

static inline void on_answer(const GError *error, gpointer data) {
  Outcome *o = data;

  g_assert_false(o->done);
  o->done = TRUE;
  o->error = error ? g_error_copy(error) : NULL;
}

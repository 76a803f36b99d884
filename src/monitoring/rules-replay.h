/* rules-replay.h: rules over time that is not now: for tests of rule files and for what they would
 * have done (backtest). The same states as live alerts have, on a clock that the caller turns;
 * nothing is stored and nobody is told. */
#pragma once

#include "monitoring/alert-state.h"

typedef struct MonReplay MonReplay;

/* Each transition; borrowed. */
typedef void (*MonReplayFunc)(const MonTransition *transition, gpointer user_data);

/* All borrowed for as long as it lives. `func` may be NULL. */
MonReplay *mon_replay_new(const MonRules *rules, const MonExprSource *source, gpointer self,
                          MonReplayFunc func, gpointer user_data);
void mon_replay_free(MonReplay *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonReplay, mon_replay_free)
/* Evaluates the rules that are due at `time`, CLOCK_REALTIME us; times come in order. */
void mon_replay_at(MonReplay *run, gint64 time);
/* Alerts that are pending or fire; (element-type MonTransition), borrowed, free the array. */
GPtrArray *mon_replay_alerts(const MonReplay *run);
/* Expressions that failed: texts, each once; borrowed. */
const GPtrArray *mon_replay_errors(const MonReplay *run);
/* The samples that recording rules made, with those of `source` before them, as one source. */
extern const MonExprSource mon_replay_source; /* its self is a MonReplay */

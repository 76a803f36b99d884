/* engine-couriers.h: couriers and attempts for the tests of the engine. */
#pragma once

#include "engine-fixture.h"

/* What LeaseAttempts answers, as its caller sees it, without the fields that Receive has, too. */
GVariant *env_offers_variant(const MsgOffers *offers);
/* Reports as the bus layer reads them; texts stay in `args`, which is made one piece for it. */
GArray *env_reports(MsgCallKind kind, GVariant *args);
guint64 env_courier(Env *env, MsgActor *actor); /* its number; named "c" */
/* Up to `max` attempts without waiting: how many. `tokens` and `seqs` may be NULL. */
gsize env_attempts(Env *env, MsgActor *actor, guint64 courier, guint32 max, guint64 *tokens,
                   guint64 *seqs);
/* The same with options as GVariant text; returns a(ttsa{sv}). */
GVariant *env_attempts_full(Env *env, MsgActor *actor, guint64 courier, const char *options);
/* The fields of the attempt at `i` of such a list. */
GVariant *env_fields(GVariant *list, gsize i);
/* A number (u) among fields; it has to be there. */
guint32 env_field(GVariant *fields, const char *key);
/* ReportAttempt with options as GVariant text; must succeed. */
void env_report(Env *env, MsgActor *actor, guint64 attempt, const char *result,
                const char *options);
/* TakeAttempts of one: the lease's token; 0: refused, `ret_refused` has the error's name. */
guint64 env_take_attempt(Env *env, MsgActor *actor, guint64 attempt, char **ret_refused);

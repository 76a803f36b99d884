/* engine-fixture.h: the message engine on a real store in a directory of its own, with the real
 * writer thread and a clock that tests set.
 *
 * Each helper submits one job and iterates the main context until it is done; nothing sleeps. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "messaging/engine-private.h"

typedef struct {
  char *dir, *path;
  MsgSettings settings;
  WgClockFake clock;
  WgStore *store; /* the writer's */
  MsgEngine *engine;
  WgWriter *writer;
  GPtrArray *notes; /* of MsgNote, all since env_notes_clear() */
  gint64 wake;      /* what the engine asked for last, lasting time; G_MAXINT64: nothing */
  guint64 last_caller;
  guint n_parked;
  gboolean user_scope;
} Env;

void env_init(Env *env);
void env_start(Env *env);
void env_stop(Env *env); /* as a shutdown does */
void env_restart(Env *env);
void env_clear(Env *env);
void env_notes_clear(Env *env);
guint env_count_notes(Env *env, MsgNoteKind kind);

/* A new connection of `uid`; free with msg_actor_unref(). */
MsgActor *env_actor(Env *env, uid_t uid);
void env_gone(Env *env, MsgActor *actor);
void env_advance(Env *env, gint64 usec); /* both clocks, then what is due */
void env_settle(Env *env);               /* ticks until the engine wants none now */

/* A rare call: a full reference to its result, NULL with `error`. */
GVariant *env_call(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args, GError **error);
/* The same; must succeed. */
GVariant *env_ok(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args);
/* The same; must be refused with `code`. */
void env_refused(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args, WgErrorCode code);
void env_agent(Env *env, MsgActor *actor, const char *name,
               const char *options); /* GVariant text */

/* Send; 0 with `error`. `how` may be NULL; its to and body are not used. */
guint64 env_send_full(Env *env, MsgActor *actor, const char *to, const char *body, MsgSend *how,
                      GError **error);
guint64 env_send(Env *env, MsgActor *actor, const char *to, const char *body);
/* Up to `max` deliveries at once, never NULL. `lease` 0: the default. */
GPtrArray *env_receive_full(Env *env, MsgActor *actor, const char *agent, guint max, guint64 lease,
                            gboolean detach, GError **error);
GPtrArray *env_receive(Env *env, MsgActor *actor, const char *agent, guint max);
MsgDelivery *env_take(Env *env, MsgActor *actor, const char *agent); /* one; must come; steal */
gboolean env_lease(Env *env, MsgActor *actor, MsgLeaseVerb verb, guint64 token, GError **error);
gboolean env_nack(Env *env, MsgActor *actor, guint64 token, MsgNackMode mode, guint64 delay,
                  const char *reason, MsgState *ret_state, GError **error);
#define env_ack(env, actor, token) g_assert_true(env_lease(env, actor, MSG_LEASE_ACK, token, NULL))

/* For helpers that submit jobs of their own: done() sets the flag that `owner` points to. */
typedef struct {
  gboolean done;
} EnvFlag;
void env_flag_done(WgJob *job);
void env_barrier(Env *env); /* what was submitted has run: it is parked, when it waits */

/* Jobs that wait: they have run when these return, and are looked at later. */
typedef struct {
  gboolean done;
  GError *error;
  GPtrArray *deliveries;
  gboolean more;
  GVariant *result;
} Waiter;
Waiter *env_receive_start(Env *env, MsgActor *actor, const char *agent, guint max, guint64 wait);
/* This one may be of the same batch as what is submitted next. */
Waiter *env_call_submit(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args);
Waiter *env_call_start(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args);
void env_wait(Env *env, Waiter *waiter); /* until it is done */
void waiter_free(Waiter *waiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Waiter, waiter_free)

/* What the store holds, when nothing runs. */
char *env_state(Env *env, MsgActor *actor, guint64 seq, const char *agent); /* "queued" */
char *env_receipts(Env *env, MsgActor *actor, guint64 seq); /* "stored queued leased" */
gint64 env_int(Env *env, const char *sql);
void env_exec(Env *env, const char *sql); /* on a connection of its own, the service stopped */
/* Counts are as the rows say, for all agents and senders, and nothing stands in both or neither of
 * `live` and `done`. The service must be running. */
void env_check(Env *env);

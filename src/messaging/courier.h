/* courier.h: what courier.c and attempts.c share.
 *
 * A courier is a helper of one uid that tells agents of waiting mail in ways this service cannot
 * (a terminal, a window). An attempt is its lease on doing so for one delivery; it changes no state
 * of the delivery, which Receive may take meanwhile. Both are memory only. */
#pragma once

#include "messaging/engine-private.h"

typedef struct {
  guint64 id;
  MsgActor *actor;
  char *name;
  gboolean told; /* of waiting attempts, since it last asked */
  guint64 made;  /* the batch that made it */
} MsgCourier;

typedef struct {
  guint64 token;       /* 0: nobody has it, it waits for its next time */
  MsgCourier *courier; /* NULL then */
  MsgAgent *agent;
  guint64 place;
  guint64 made, ended; /* batches */
  MsgTimer timer;
} MsgAttempt;

/* attempts.c */
/* The next delivery of the agent that a courier may be told of; it is passed over from then on.
 * NULL: none. */
MsgLive *msg_attempt_candidate(MsgEngine *e, MsgAgent *agent);
MsgAttempt *msg_attempt_new(MsgEngine *e, MsgAgent *agent, guint64 place, MsgCourier *courier,
                            gint64 when);
void msg_attempt_end(MsgEngine *e, MsgAttempt *attempt);   /* undone by a roll-back */
void msg_attempt_again(MsgEngine *e, MsgAttempt *attempt); /* offered at once; ends it */
void msg_attempts_of_gone(MsgEngine *e, MsgCourier *courier);
void msg_attempts_undo(MsgEngine *e);

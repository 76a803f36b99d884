/* courier.h: what courier.c and the attempts-*.c share.
 *
 * A courier is a helper of one uid that tells agents of waiting mail in ways this service cannot
 * (a terminal, a window, a command). An attempt is its lease on doing so for one delivery; it
 * changes no state of the delivery, which Receive may take meanwhile. Both are memory only; what an
 * attempt leaves behind (receipts, step, the time of the next one) is stored with the delivery. */
#pragma once

#include "messaging/engine-private.h"

#define MSG_ATTEMPTS_MAX 4096 /* of one call */

typedef struct {
  guint64 id;
  MsgActor *actor;
  char *name;
  gboolean told;   /* of waiting attempts, since it last asked */
  gboolean policy; /* it last asked for mail of agents with a policy only */
  guint turn;      /* the agent that its next LeaseAttempts begins with */
  guint64 made;    /* the batch that made it */
} MsgCourier;

typedef struct {
  guint64 token;       /* 0: nobody has it, it waits for its next time */
  MsgCourier *courier; /* NULL then */
  MsgAgent *agent;
  guint64 place;
  guint64 lease;                /* us from now on, each time it is continued */
  guint64 made, ended, renewed; /* batches */
  gint64 before;                /* its end before batch `renewed` */
  MsgTimer timer;
} MsgAttempt;

/* attempts.c */
/* The next delivery of the agent that a courier may be told of; it is passed over from then on.
 * NULL: none. */
MsgLive *msg_attempt_candidate(MsgEngine *e, MsgAgent *agent);
MsgAttempt *msg_attempt_new(MsgEngine *e, MsgAgent *agent, guint64 place, MsgCourier *courier,
                            gint64 when);
void msg_attempt_end(MsgEngine *e, MsgAttempt *attempt);   /* undone by a roll-back */
void msg_attempt_renew(MsgEngine *e, MsgAttempt *attempt); /* its time starts anew; likewise */
void msg_attempt_again(MsgEngine *e, MsgAttempt *attempt); /* offered at once; ends it */
void msg_attempts_of_gone(MsgEngine *e, MsgCourier *courier);
void msg_attempts_undo(MsgEngine *e);
/* The next delivery that waits for a courier and was not given by this function before. */
MsgLive *msg_attempt_unnoted(MsgEngine *e, MsgAgent *agent);
/* The attempt that the caller's connection has leased; NULL with LeaseExpired. */
MsgAttempt *msg_attempt_find(MsgEngine *e, const MsgCallJob *job, guint64 token, GError **error);
/* Adds (attempt, error's name, text) to a(tss). */
void msg_attempt_refuse(GVariantBuilder *refused, guint64 token, const GError *error);

/* absence.c */
void msg_absence_init(MsgEngine *e);
void msg_absence_look(MsgEngine *e, MsgAgent *agent); /* no courier of its user is there */
void msg_absence_over(MsgEngine *e, uid_t uid);       /* one has come */
void msg_absences_undo(MsgEngine *e);

/* attempts-lease.c */
/* Gives a parked LeaseAttempts what there is and ends it. */
void msg_attempts_answer(MsgEngine *e, MsgCallJob *job);
/* A parked LeaseAttempts that would take the agent's mail; NULL: none. */
MsgCallJob *msg_attempts_parked(MsgEngine *e, const MsgAgent *agent);
void msg_attempts_unpark(MsgEngine *e, MsgCallJob *job);

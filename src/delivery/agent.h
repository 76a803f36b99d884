/* agent.h: an agent, as far as the courier knows it: its mail in hand, its policy, and how its
 * back-ends fared.
 *
 * What is waiting for its turn stands in the agent's queue; ladder.h decides over it whenever
 * something changed and no job is in flight (one at a time for each agent). What messaged can keep
 * until later is given back to it at once, with the time; no timer of an agent runs here.
 * Everything in this file is memory and may be lost without harm. */
#pragma once

#include "delivery/ladder.h"
#include "delivery/link.h"
#include "delivery/plan.h"
#include "delivery/report.h"

/* How long messaged leaves an attempt to us; it ends with the connection. */
#define DLV_ATTEMPT_USEC (10 * 60 * G_USEC_PER_SEC)

typedef struct DlvTask DlvTask;

#define DLV_PRIORITY_DEFAULT 4

/* An attempt as messaged offers it; all borrowed. */
typedef struct {
  guint64 attempt, number;
  const char *agent, *policy;
  guint32 attempts, step, waiting, urgent;
  guint64 last_seen;
  gboolean announced;
  GString *fields; /* as in DlvMessage */
  GBytes *body;    /* NULL: it did not come along */
  /* of the fields */
  const char *from, *subject, *trace; /* the latter two may be NULL */
  guint8 priority;
  guint64 size; /* of the body */
  gint64 time;
} DlvOffer;

/* One message in hand. */
struct DlvAttempt {
  DlvLink *link; /* that counts it */
  guint64 number;
  guint64 attempt; /* 0: its connection is gone */
  guint64 lease;   /* 0: not leased */
  gint64 offered;  /* monotonic, us */
  guint8 priority;
  gint64 time;                  /* stored, REALTIME us */
  guint64 inlined;              /* bytes of the body that came along */
  guint64 size;                 /* of the body */
  char *from, *subject, *trace; /* the latter two may be NULL */
  char *fields;                 /* GRefString */
  GBytes *body;
  GList node; /* in the agent's queue */
};

/* What is remembered of a message between its offers. */
typedef struct {
  DlvMail mail; /* the ladder's */
  gboolean in_hand;
  gint64 used;     /* monotonic, us */
  gint64 known_at; /* monotonic, us */
  DlvNotice known; /* `agent` set: a result that messaged could not be told */
} DlvLetter;

/* How a rung fared last, for Explain. */
typedef struct {
  gboolean any;
  DlvResult result;
  char *cause;
  gint64 time; /* REALTIME us */
} DlvLast;

struct DlvAgent {
  DlvLink *link;
  char *name;
  char *policy_text; /* as messaged told it last; NULL: never */
  DlvPlan *plan;     /* NULL: there is none, or it is refused */
  char *problem;     /* why it is refused */
  guint n_rungs;
  DlvRung *rungs;
  DlvLast *last;
  DlvAgentState state;
  GQueue queue;          /* of DlvAttempt */
  GHashTable *letters;   /* number -> DlvLetter */
  DlvTask *task;         /* NULL: none in flight */
  guint waiting, urgent; /* as messaged said last */
  guint round;           /* of the link, when mail of it came last */
  gboolean pumping;      /* in the courier's list */
  gint64 gather_at;      /* BOOTTIME us: when mail for a doorbell that was put aside comes back */
  guint gather;          /* source */
};

/* agent.c */
DlvAgent *dlv_agent_get(DlvLink *link, const char *name); /* made at first sight */
void dlv_agent_free(DlvAgent *agent);
void dlv_agent_set_policy(DlvAgent *agent, const char *text);
DlvLetter *dlv_agent_letter(DlvAgent *agent, guint64 number, gboolean make);
void dlv_agent_forget(DlvAgent *agent, guint64 number);
/* A result that did not get through; told when the message is offered again. */
void dlv_agent_remember(const DlvNotice *notice);
void dlv_attempt_free(DlvAttempt *attempt);
/* Gives an attempt in hand back to messaged, held until `retry` us from now. Takes it. */
void dlv_agent_give_back(DlvAgent *agent, DlvAttempt *attempt, guint64 retry, int step,
                         const char *why);

/* agent-offer.c */
void dlv_agents_offer(DlvLink *link, const DlvOffer *offer);
void dlv_agents_link_lost(DlvLink *link);

/* agent-pump.c: decides and starts, from the loop, soon. */
void dlv_agent_pump_soon(DlvAgent *agent);
/* The same a moment later: mail that was put aside comes back, more of it follows. */
void dlv_agent_pump_gathered(DlvAgent *agent);
/* A job of the agent is over. */
void dlv_agent_task_over(DlvAgent *agent);
/* Another look at all agents that wait for one. */
void dlv_courier_pump(DlvCourier *courier);
void dlv_courier_pump_stop(DlvCourier *courier);

/* durable.c: back-ends whose announcements lie somewhere until the mail is done with.
 * At the begin of a connection: looks for agents with a policy, and for what was done meanwhile. */
void dlv_agents_link_ready(DlvLink *link);
/* The agent's plan is a new one. */
void dlv_agent_watch(DlvAgent *agent);
void dlv_agents_event(DlvLink *link, const char *agent, guint64 number, const char *state);

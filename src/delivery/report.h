/* report.h: what came of attempts and leases, on its way to messaged.
 *
 * Reports and acks are gathered for one turn of the loop and go out together; many batches may be
 * under way. What messaged refuses (it gave the attempt up meanwhile) is no news. What was not
 * answered when the connection ended is told to the agent (dlv_agent_remember()), so that what
 * happened is not done again when the mail is offered again. */
#pragma once

#include "delivery/link.h"

typedef struct {
  DlvAgent *agent;
  guint64 number, attempt; /* the message; messaged's token */
  DlvResult result;        /* ANNOUNCED, HELD, FAILED, PARTIAL; ACKED is told by dlv_link_ack() */
  char *cause;             /* with the rung's name; owned, may be NULL */
  guint64 retry;           /* us from now; 0: messaged's own back-off, or never (announced) */
  int step;                /* the rung of the next attempt; -1: leave it */
  gboolean goes_on;        /* only the receipt: the attempt stays leased */
} DlvNotice;

void dlv_link_reports_init(DlvLink *link);
void dlv_link_reports_clear(DlvLink *link);
/* The connection is gone: what was gathered is told to the agents. */
void dlv_link_forget_reports(DlvLink *link);
/* Appends a(tsa{sv}) of a GArray of DlvNotice; a DlvFillFunc. */
int dlv_reports_append(sd_bus_message *m, gconstpointer batch);
/* Takes `cause`. */
void dlv_link_report(DlvLink *link, const DlvNotice *report);
/* A lease is done: the agent took care of the message. */
void dlv_link_ack(DlvLink *link, DlvAgent *agent, guint64 number, guint64 lease, const char *cause);
/* A lease is given back: "silent" (as if never received), "fail" or "crash" (see Nack); `step`:
 * told with the next attempt. */
void dlv_link_nack(DlvLink *link, guint64 lease, const char *mode, guint64 delay, guint step,
                   const char *reason);
/* A lease that ends as a dead letter. */
void dlv_link_terminate(DlvLink *link, guint64 lease, const char *reason);
void dlv_link_touch(DlvLink *link, guint64 lease, guint64 usec);

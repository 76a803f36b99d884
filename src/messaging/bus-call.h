/* bus-call.h: the table of the rare methods and the one road that all of them take. */
#pragma once

#include "messaging/bus-options.h"
#include "messaging/bus.h"

typedef struct {
  const char *member;
  MsgCallKind kind;
  const WgOption *options; /* of the trailing a{sv}; NULL: the method has none */
  gboolean new_work;       /* refused while the disk is full */
} MsgMethod;
extern const MsgMethod msg_methods[]; /* ends with a NULL member */

/* Results that the loop completes: paths of agents, its own statistics, large bodies. `result`
 * is the engine's tuple. 0 or a negative errno. */
int msg_answer_append(MsgDaemon *daemon, sd_bus_message *reply, MsgCallKind kind, GVariant *result);
/* bus-report.c: the arguments of ReportAttempt and ReportAttempts into `job->reports`. */
gboolean msg_reports_read(sd_bus_message *m, MsgCallJob *job, GError **error);

/* list.h: what list.c and list-entry.c share. Borrowed strings live as long as the call. */
#pragma once

#include "messaging/engine-private.h"

typedef struct {
  const char *agent, *sender, *tag, *subject, *id; /* NULL: any */
  MsgState state;                                  /* MSG_STATE_NONE: any */
  gint64 since, until;                             /* CLOCK_REALTIME us; 0: any */
  guint limit;
  guint64 cursor, sequence; /* 0: any */
  gboolean reverse;
} MsgFilter;

/* Adds an a{sv} for each delivery of the message that fits and may be seen; how many. */
guint msg_list_entries(MsgEngine *e, const MsgJob *job, const MsgFilter *filter,
                       const MsgMessage *message, GVariantBuilder *into);
/* Removed agents are known, too: their dead letters are still there. */
gboolean msg_list_knows_agent(MsgEngine *e, const char *name, GError **error);

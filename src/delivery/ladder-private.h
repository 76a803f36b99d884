/* ladder-private.h: what the ladder's files share: the judgement of one message. */
#pragma once

#include "delivery/ladder.h"

typedef struct {
  const DlvPolicy *policy;
  const DlvRung *rungs;
  const DlvAgentState *agent;
  const DlvNow *now;
} DlvLadder;

#define DLV_NEVER G_MAXUINT64

/* How long until entry `i` could be used for `priority`, us: 0 now, DLV_NEVER. Says why not now in
 * `why` (may be NULL). */
guint64 dlv_ladder_look(const DlvLadder *l, guint i, guint8 priority, GString *why);

/* Where the message stands now: RUN, HOLD or FINISHED with its rung, wait and reason. */
DlvAnswer dlv_ladder_judge(const DlvLadder *l, DlvMail *mail);

/* notify-private.h: what the files of the notifier share. */
#pragma once

#include "monitoring/notify.h"
#include "monitoring/outbox.h"
#include "monitoring/receive.h"

typedef enum {
  MON_OP_CURSOR,
  MON_OP_SENT,   /* `key`, `group`, `text`; NULL text: the row goes */
  MON_OP_NOTICE, /* `notice`: stored with `text`, then sent */
  MON_OP_AGAIN,  /* `id`, `text`: what is stored of one that waits for the integration `key` */
  MON_OP_ENDED,  /* `id`, `time`, `number` attempts, `text`: the error */
  MON_OP_SILENCE,
} MonOpKind;

#define MON_MERGED "merged into " /* how the error of one begins that was; it is not given up */

/* One thing to write; owned by the batch that it is in. */
typedef struct {
  MonOpKind kind;
  gint64 id, time;
  guint number;
  char *key, *group, *text;
  MonNotice *notice;
  MonSilence *silence;
  MonStoredFunc stored; /* somebody waits; NULL: nobody */
  gpointer user_data;
} MonOp;

struct MonNotifier {
  MonDaemon *daemon;
  MonAlerting *alerting;
  MonGroups *groups;
  MonSilences *silences;
  MonOutbox *outbox;
  MonReceivers *receivers;
  GSource *timer;
  MonAlerts *alerts;  /* where transitions come from; NULL: nowhere */
  GPtrArray *behind;  /* of MonTransition: came while older ones are read; NULL: none are */
  GPtrArray *waiting; /* of MonOp: of the next batch */
  gpointer batch;     /* being written; NULL: none */
  guint retry;        /* source: a batch failed, and is written again */
  gboolean refused;   /* the last batch failed: groups wait until there is room */
  gint64 next_id, next_silence;
  gint64 cursor, cursor_stored; /* what was asked to be written, and what is to be */
  gint64 read_to;               /* the last transition of those before the start */
  guint read_again;             /* source; what was before the start could not be read */
  gboolean unread;              /* so it was, and is: the cursor stays */
  guint soon;                   /* source: mon_notifier_turn() */
  gboolean running;
  MonNotifyFigures figures[_MON_RECEIVE_MAX];
};

/* Groups, outbox, batches, timer: whatever is due. */
void mon_notifier_turn(MonNotifier *notifier);
/* The same from the loop: for what may be inside one. */
void mon_notifier_turn_soon(MonNotifier *notifier);

/* notify-store.c. Takes the op. */
void mon_notify_op(MonNotifier *notifier, MonOp *op);
/* Writes what waits, one batch at a time. */
void mon_notify_write(MonNotifier *notifier);
/* It was written (`error` NULL: all of it), in notify.c. Takes nothing; may steal from ops. */
void mon_notify_written(MonNotifier *notifier, GPtrArray *ops);
/* The service leaves: what was told is written as such, so that it is not told again. */
void mon_notify_leave(MonNotifier *notifier);
/* notify-load.c: before the store begins */
gboolean mon_notify_load(MonNotifier *notifier, GError **error);
void mon_op_free(MonOp *op);

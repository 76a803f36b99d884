/* outbox-world.h: an outbox with a clock and receivers of the test's own. What happens is a text:
 * ">1" sent, "=1" told, "!1" given up, "1+2" merged, "limited", "down" and "up" of a lane. */
#pragma once

#include "monitoring/outbox.h"

#define S G_TIME_SPAN_SECOND

typedef struct {
  MonOutbox *outbox;
  MonIntegration good, bad;
  GPtrArray *under_way; /* of MonAttempt */
  GPtrArray *notices;   /* of const MonNotice: theirs */
  GString *log;
  gint64 now, id;
  gint64 again;     /* is to be stored as it is */
  gboolean is_back; /* the bad one */
} World;

void world_setup(World *w);
void world_teardown(World *w);
/* One more, about nothing yet. */
MonNotice *world_make(World *w, const char *integration, const char *group);
/* The same, to tell. Borrowed. */
MonNotice *world_add(World *w, const char *integration, const char *group);
void world_put_alert(MonNotice *notice, const char *fingerprint, gboolean fires);
/* Runs it, and what has happened since the last time is this. */
void world_run(World *w, const char *expected);
/* The i-th under way. */
void world_end(World *w, guint i, MonToldHow how);

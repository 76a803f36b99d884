/* kill-load.h: random calls from several connections at once, each written down in the ledger.
 *
 * Every connection sends, sends many, receives, is pushed deliveries, acks and nacks, as the
 * dice fall. When the daemon is killed, what was under way is marked as not answered; sends that
 * carried an id are repeated in the next life, as a client should. */
#pragma once

#include "ledger.h"
#include "rig.h"

typedef struct KillLoad KillLoad;

extern const char *const kill_agents[LEDGER_AGENTS];
/* A topic that stands for the first two agents. */
#define KILL_TOPIC "both"
#define KILL_RECIPIENTS_BOTH 3u

KillLoad *kill_load_new(Rig *rig, Ledger *ledger, guint connections);
void kill_load_free(KillLoad *load);

/* New connections to the (new) daemon; starts calling. */
void kill_load_connect(KillLoad *load);
/* Turns until `n` replies came; counts them. FALSE: the daemon broke a connection by itself. */
gboolean kill_load_turn(KillLoad *load, guint n);
/* The daemon is dead: takes the replies that it had still written, then closes everything. */
void kill_load_disconnect(KillLoad *load);
/* Lets all calls end, repeats what has an id and was not answered, and closes. */
void kill_load_finish(KillLoad *load);
guint64 kill_load_replies(const KillLoad *load);

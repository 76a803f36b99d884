/* load.h: a closed loop of calls over some connections, in one thread.
 *
 * `outstanding` slots are spread evenly over the connections; each has one call under way at any
 * time and issues the next when the reply is there. What a slot does is its operation's matter
 * (ops.h). The loop is the same for all operations, so that their ratios say something: sd-bus,
 * poll(), no time limits on calls, the writes and reads of a turn gathered (wire.h). A reply that
 * is an error ends the case and is kept. */
#pragma once

#include "common/histogram.h"
#include "crash/rig.h"

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct Load Load;
typedef struct Slot Slot;
typedef struct Op Op;

struct Op {
  const char *name;
  /* Once for each connection, before the slots start; may be NULL. Negative errno. */
  int (*open)(Load *load, sd_bus *bus);
  /* Issues the slot's next call. Negative errno. */
  int (*next)(Slot *slot);
  /* A reply that is no error; the next call is issued afterwards. May be NULL. */
  int (*reply)(Slot *slot, sd_bus_message *m);
  guint batch;         /* messages a call (SendMany) or a round (cycles) */
  gboolean no_agent;   /* nothing is addressed */
  gboolean counts_own; /* reply() counts load->done; else each reply counts 1 */
};

struct Slot {
  Load *load;
  sd_bus *bus;
  guint index;
  gint64 begun;
  /* cycles: what is still to send and to receive in this round, and what was received */
  guint to_send, to_receive, round;
  guint64 *tokens;
  guint n_tokens;
};

typedef struct {
  const Op *op;
  const char *destination; /* NULL: private */
  guint size, outstanding, connections;
  double seconds;
  guint64 limit;     /* ends earlier when so many are done; 0: none */
  const char *agent; /* a fresh one for each case */
} LoadSpec;

typedef struct {
  double rate; /* messages or calls a second */
  guint64 p50, p99;
  guint64 done, total; /* while measured; with warm-up and draining */
  double seconds;
  char *error; /* NULL: it went well */
} LoadResult;

struct Load {
  LoadSpec spec;
  guint8 *body;
  sd_bus **buses;
  gboolean *unfinished; /* of a bus: it was left before it was empty */
  Slot *slots;
  guint in_flight;
  gboolean stopping;
  guint64 done;
  WgHistogram latency;
  char *error;
  /* push: deliveries and acks */
  guint64 sent, acked;
  GPtrArray *consumers;
  GQueue *paused; /* slots that wait for acks */
};

/* Connects, registers the agent, warms up, measures, drains, disconnects. */
void load_run(Rig *rig, const LoadSpec *spec, LoadResult *ret);
void load_result_clear(LoadResult *result);

/* For operations: a new method call, and its sending with the slot as the receiver of the reply. */
int load_call_new(Slot *slot, const char *member, sd_bus_message **ret);
int load_call_send(Slot *slot, sd_bus_message *m);
void load_fail(Load *load, const char *what, const sd_bus_error *error, int r);
/* Lets slots that next() put to sleep (load->paused) go on. */
void load_resume(Load *load);

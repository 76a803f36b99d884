/* units-private.h: inside of units.h.
 *
 * What was asked for is an operation: it is on the list of its DplUnits until it ends, and ends
 * once, by itself or because the manager was lost. units.c has the list, the connection and its
 * signals; units-run.c starts and stops; units-calls.c has single calls; units-journal.c reads the
 * journal on a worker thread. */
#pragma once

#include "deployment/units.h"

typedef struct DplUnitsOp DplUnitsOp;

struct DplUnitsOp {
  DplUnits *units;
  /* Ends it: takes `error`, calls back, frees; and the same without a word. */
  void (*fail)(DplUnitsOp *op, GError *error);
  void (*drop)(DplUnitsOp *op);
  /* A job is over, this one's or another's. NULL: it has none. */
  void (*removed)(DplUnitsOp *op, const char *job, const char *result);
  guint64 serial;
  guint timer; /* its limit */
  guint later; /* an end that must not come from inside */
  GError *error;
};

struct DplUnits {
  guint references;
  sd_bus *bus;
  gboolean user_scope;
  GPtrArray *ops; /* DplUnitsOp */
  guint64 serial; /* of the last one */
  sd_bus_slot *lost, *owner, *removed, *subscribe;
  /* daemon-reload: what was asked before a round began is served by it */
  guint round;
  sd_bus_slot *reload;
};

/* units.c. It stays while one of its own callbacks runs. */
DplUnits *dpl_units_ref(DplUnits *units);
void dpl_units_unref(DplUnits *units);
/* Puts an operation on the list; at `limit` it ends with TIMEOUT and `what` (a sentence's part).
 * FALSE: there is no manager, and the end is on its way. */
gboolean dpl_units_op_begin(DplUnits *units, DplUnitsOp *op, guint64 limit, const char *what);
/* Takes it from the list, with its sources; the first thing of its end. */
void dpl_units_op_over(DplUnitsOp *op);
/* Ends it from the loop. Takes `error`. */
void dpl_units_op_fail_later(DplUnitsOp *op, GError *error);
/* The manager's error as ours: "systemd does not WHAT: TEXT". */
GError *dpl_units_error(const sd_bus_error *e, int r, const char *what, const char *name);
/* Asks for all properties of a unit. Negative errno. */
int dpl_units_ask(DplUnits *units, sd_bus_slot **slot, const char *name, guint64 limit,
                  sd_bus_message_handler_t answer, gpointer data);
/* A call of the manager that wants no answer. */
void dpl_units_tell(DplUnits *units, const char *method, const char *types, ...);
void dpl_units_cancel_job(DplUnits *units, const char *job);

/* units-end.c: sets `good`, or `text` if there is none yet. */
void dpl_unit_end_judge(DplUnitEnd *end, DplUnitsVerb verb);
void dpl_unit_end_free(gpointer end);

/* units-journal.c: the last lines that the invocation wrote, or that systemd wrote about it, and
 * the last of its own; NULL: none. (transfer full). `told` is called on the loop's thread. */
typedef void (*DplJournalFunc)(char *lines, char *said, gpointer data);
void dpl_units_journal(const char *invocation, DplJournalFunc told, gpointer data);

/* ledger.h: what a client of waggle-messaged may rely on, written down by the client itself.
 *
 * Each message has an index of ours in its body. The ledger knows of each what was asked and what
 * was answered, and ends the program at the first thing that must not be: a body that was never
 * sent or is not what it was, two numbers for one message or one number for two, a delivery of
 * what was acked, or of what somebody else has under a lease in the same life of the daemon. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

#define LEDGER_AGENTS 4
#define LEDGER_MAX_BODY 24000

typedef enum { SEND_UNKNOWN, SEND_FLYING, SEND_OK } SendState;
typedef enum { ACK_NONE, ACK_UNKNOWN, ACK_FLYING, ACK_OK } AckState;

typedef struct {
  guint times; /* delivered */
  AckState ack;
  gboolean leased;
  guint life; /* of the daemon, in which it was leased */
  guint64 sequence;
} LedgerDelivery;

typedef struct {
  guint index, group; /* group 0: not by SendMany */
  guint recipients;   /* a bit for each agent */
  gboolean has_id;
  SendState send;
  guint64 number; /* 0: not known yet */
  LedgerDelivery delivery[LEDGER_AGENTS];
} LedgerEntry;

typedef struct {
  GPtrArray *entries; /* index 1 is the first */
  GHashTable *by_number;
  guint life, n_groups;
  guint64 n_acked, n_delivered, n_again;
} Ledger;

void ledger_init(Ledger *ledger);
void ledger_clear(Ledger *ledger);
/* Says what was broken and ends the program. */
void ledger_violation(const char *format, ...) G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN;

LedgerEntry *ledger_new_entry(Ledger *ledger, guint recipients, gboolean has_id, guint group);
LedgerEntry *ledger_get(Ledger *ledger, guint index);
/* The body of a message follows from its index. `ret_body` has room for LEDGER_MAX_BODY. */
gsize ledger_body(guint index, guint8 *ret_body);
/* The number in a reply or in a delivery. */
void ledger_numbered(Ledger *ledger, LedgerEntry *entry, guint64 number);
/* A delivery to `agent`; returns the entry. */
LedgerEntry *ledger_delivered(Ledger *ledger, guint agent, guint64 number, const void *body,
                              gsize size);
/* Reads the fields of that delivery. All are of one sender: its number at the agent is always the
 * same. */
void ledger_fields(LedgerEntry *entry, guint agent, sd_bus_message *m);
/* After ledger_finish(): each number up to the last was seen once. */
void ledger_finish_sequences(Ledger *ledger);
/* The daemon was killed: nobody has a lease any more. */
void ledger_new_life(Ledger *ledger);
/* All was received and acked that was there: is that all that was promised? */
void ledger_finish(Ledger *ledger);

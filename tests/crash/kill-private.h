/* kill-private.h: what the files of the kill test's load share. */
#pragma once

#include "kill-load.h"

#define KILL_DEPTH 6      /* calls under way on a connection */
#define KILL_RECEIVES 2   /* of these, Receives at most */
#define KILL_BACKLOG 1500 /* messages that may wait before nobody sends more */
#define KILL_MANY 24      /* messages in a SendMany, at most */
#define KILL_CREDITS 16

typedef struct {
  KillLoad *load;
  sd_bus *bus;
  guint id, flying, receiving;
  guint64 subscription;
  GArray *held; /* of Held: what this connection has under a lease */
} Conn;

typedef struct {
  LedgerEntry *entry;
  guint agent;
  guint64 token;
  gboolean pushed;
} Held;

/* One call under way. */
typedef struct Call Call;
struct Call {
  Conn *conn;
  /* The reply, or NULL when there will be none. */
  void (*done)(Call *call, sd_bus_message *reply);
  GPtrArray *entries; /* sends: in the order of the call */
  GArray *held;       /* acks and nacks */
  guint agent;        /* receives */
  const char *what;
};

struct KillLoad {
  Rig *rig;
  Ledger *ledger;
  GPtrArray *conns;
  GPtrArray *repeat; /* entries with an id whose Send was not answered */
  guint64 replies, sent;
  gboolean stopping, broken;
};

/* ---- kill-load.c ---- */
sd_bus_message *kill_call_new(Conn *conn, const char *member);
Call *kill_call(Conn *conn, const char *what, void (*done)(Call *call, sd_bus_message *reply));
/* Takes both. */
void kill_call_send(Call *call, sd_bus_message *m);

/* ---- kill-send.c ---- */
void kill_send_one(Conn *conn);
void kill_send_many(Conn *conn);
/* Repeats one that was not answered; FALSE: there is none. */
gboolean kill_send_again(Conn *conn);

/* ---- kill-receive.c ---- */
void kill_receive(Conn *conn);
void kill_subscribe(Conn *conn);
void kill_settle(Conn *conn); /* acks or nacks something of what is held */

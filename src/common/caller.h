/* caller.h: who calls, as the connection tells it.
 *
 * One WgCaller stands for one connection: a client of the private socket (SO_PEERCRED) or a unique
 * name on the bus (asked of the broker once, kept until the name vanishes). The uid decides what is
 * allowed; pid and unit are recorded only. On the bus GetConnectionCredentials is asked
 * asynchronously (sd_bus_query_sender_creds() would block the loop). */
#pragma once

#include "common/peer-server.h"

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  guint64 id; /* unique in this process's life, never reused, never 0 */
  uid_t uid;
  pid_t pid;
  char *unit;    /* NULL if none */
  char *name;    /* unique name on the bus; NULL on the private socket */
  sd_bus *bus;   /* borrowed: where to send signals; destination `name` */
  WgPeer *peer;  /* NULL on the bus */
  gpointer data; /* the service's own */
} WgCaller;

/* `caller` is NULL when `error` is set (the sender vanished before it could be asked about). */
typedef void (*WgCallerFunc)(sd_bus_message *m, WgCaller *caller, const GError *error,
                             gpointer user_data);

typedef struct WgCallers WgCallers;
typedef void (*WgCallerGoneFunc)(WgCaller *caller, gpointer user_data);

WgCallers *wg_callers_new(WgCallerGoneFunc gone, gpointer user_data);
void wg_callers_free(WgCallers *callers);
/* The bus connection to ask and watch on; NULL when it is lost: all its callers are gone then. */
void wg_callers_set_bus(WgCallers *callers, sd_bus *bus);
WgCaller *wg_callers_add_peer(WgCallers *callers, WgPeer *peer);
void wg_callers_remove_peer(WgCallers *callers, WgPeer *peer);
void wg_callers_identify(WgCallers *callers, WgPeerServer *peers, sd_bus_message *m,
                         WgCallerFunc func, gpointer user_data);
guint wg_callers_n(WgCallers *callers);

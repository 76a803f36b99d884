/* call-private.h: what call.c and call-signals.c share. */
#pragma once

#include "common/call.h"

struct WgCalls {
  WgService *service;
  gpointer owner;
  const WgMethod *const *tables;
  const char *purpose;
  const WgCallGate *gate; /* NULL */
  gboolean user_scope;
  uid_t own_uid;
  guint n;
  gboolean draining;
  void (*drained)(gpointer owner);
  gint64 since;          /* CLOCK_REALTIME us */
  GHashTable *counts;    /* interface -> guint64[WG_CALL_OUTCOMES] */
  GHashTable *listeners; /* &WgCaller.id -> of call-signals.c */
};

GHashTable *wg_call_listeners_new(void);
/* A connection that calls. */
void wg_call_listen(WgCalls *calls, WgCaller *caller);
/* Polkit has allowed it a call. */
void wg_call_listen_authorized(WgCalls *calls, guint64 caller);

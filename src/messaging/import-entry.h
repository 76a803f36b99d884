/* import-entry.h: one entry of Import while it is read. */
#pragma once

#include "messaging/engine-private.h"

/* Strings stay in `dict`. */
typedef struct {
  guint index; /* in the call */
  const char *id, *from, *to, *reason, *key;
  const char *answers; /* the id under which the message that it answers was imported */
  const void *body;
  gsize size;
  guint64 time, updated;                 /* CLOCK_REALTIME us, 0: unknown */
  guint64 expires, deliver_at, reply_by; /* CLOCK_REALTIME us, 0: none */
  gboolean hold, expects_reply;
  guint8 priority;
  guint32 uid;
  MsgState state;              /* queued, acked, expired, canceled, dead */
  GVariant *dict, *body_value; /* references */
} MsgImportEntry;

/* The entries of `list` (aa{sv}), oldest first. `uid`: who owns agents that have to be registered,
 * where an entry does not say. (transfer full) */
GArray *msg_import_entries(GVariant *list, guint32 uid);
/* Why it cannot be taken; NULL: it can. */
const char *msg_import_why_not(MsgEngine *e, const MsgImportEntry *entry);
/* What it is known again by: its id, else a digest of its content. (transfer full) */
char *msg_import_key(const MsgImportEntry *entry);
/* What is kept with the message as given. (transfer full) */
GVariant *msg_import_head(const MsgImportEntry *entry, gboolean answer_known);

/* bus-draft.h: one message of Send or SendMany while it is read. */
#pragma once

#include "messaging/bus-options.h"
#include "messaging/bus.h"

typedef struct {
  MsgSend send;
  GVariant *head[_MSG_SEND_MAX - MSG_SEND_HEAD];
  int body_fd;  /* borrowed from the message; -1: none */
  guint64 seen; /* bit by MsgSendOption: given */
} MsgDraft;

void msg_draft_clear(MsgDraft *draft);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MsgDraft, msg_draft_clear)
void msg_draft_copy(MsgDraft *to, const MsgDraft *from);
/* Recipient, body and options; strings and body stay in `m`. */
gboolean msg_draft_read(sd_bus_message *m, MsgDraft *draft, GError **error);
gboolean msg_draft_read_options(sd_bus_message *m, MsgDraft *draft, GError **error);
/* What the options say must fit together. */
gboolean msg_draft_check(const MsgSend *send, GError **error);
gboolean msg_refuse(GError **error, const char *text); /* InvalidArgument; FALSE */
gboolean msg_refuse_unreadable(GError **error);

/* receive-private.h: what the ways to tell share. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/receive.h"

#include "common/run.h"

#include <gio/gio.h>
#include <libsoup/soup.h>

typedef struct MonMessenger MonMessenger;

/* One attempt under way. */
typedef struct {
  MonReceivers *receivers;
  MonAttempt *attempt; /* NULL: it is over, or forgotten */
  GCancellable *cancellable;
  WgRun *run;
  guint timer; /* source: the integration's timeout */
  gboolean is_late;
  gint64 timeout; /* us */
  SoupMessage *message;
  char *auth_type, *auth_user;
  char *ca_file; /* NULL */
  char what[32]; /* "the command", for texts */
} MonSending;

struct MonReceivers {
  MonDaemon *daemon;
  MonNotifier *notifier;
  GHashTable *sendings; /* of MonSending: under way */
  GHashTable *sessions; /* file of authorities or "" -> SoupSession, made with the first use */
  MonMessenger *messenger;
  gboolean stopped;
};

MonSending *mon_sending_new(MonReceivers *receivers, const MonIntegration *integration,
                            MonAttempt *attempt);
/* The way has answered: ends the attempt, unless it was forgotten, and frees. */
void mon_sending_end(MonSending *sending, MonToldHow how, const char *text);

/* One file each. */
void mon_receive_journal(MonReceivers *receivers, const MonIntegration *integration,
                         const MonNotice *notice, MonAttempt *attempt);
void mon_receive_dbus(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt);
void mon_receive_message(MonReceivers *receivers, const MonIntegration *integration,
                         const MonNotice *notice, MonAttempt *attempt);
void mon_receive_exec(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt);
void mon_receive_http(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt);
/* receive-mail.c */
void mon_receive_email(MonReceivers *receivers, const MonIntegration *integration,
                       const MonNotice *notice, MonAttempt *attempt);
/* The mail as it is given to sendmail: header lines, an empty one, the text. Free with g_free(). */
char *mon_mail_text(const MonIntegration *integration, const MonNotice *notice);
/* The address alone of "Name <address>"; NULL: there is none that could be given to sendmail. Free
 * with g_free(). */
char *mon_mail_address(const char *mailbox);
/* RFC 2047: `value`, where it is not ASCII as encoded words with `between` between them. For
 * headers of mail and of HTTP. */
void mon_append_encoded(GString *into, const char *value, const char *between);
/* receive-ntfy.c: the request; NULL: its address is none. (transfer full) */
SoupMessage *mon_ntfy_request(const MonIntegration *integration, const MonNotice *notice);
/* receive-wall.c */
void mon_receive_wall(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt);
/* What is written to terminals: nothing in it does anything there but the first bell. (transfer
 * full) */
char *mon_wall_text(const MonNotice *notice);
/* receive-run.c: a command with `input` on its stdin; status 0 is told, 75 (EX_TEMPFAIL) and
 * everything else again. */
void mon_receive_run(MonReceivers *receivers, const MonIntegration *integration,
                     const char *const *argv, const char *const *env, const char *input,
                     const char *what, MonAttempt *attempt);

/* messenger.c: messages to agents through messaged. */
MonMessenger *mon_messenger_new(MonDaemon *daemon);
void mon_messenger_free(MonMessenger *messenger);

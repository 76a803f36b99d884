/* digest.h: the doorbell's one line, from the digest rule's template or the default text. What
 * comes from others (sender, subject) may be typed into a terminal: it is one line, without control
 * or bidirectional formatting characters, without what a shell would act upon, and bounded. Pure.
 */
#pragma once

#include "delivery/policy.h"

#define DLV_DIGEST_LENGTH_MAX 400  /* characters of the line */
#define DLV_DIGEST_SUBJECT_MAX 120 /* characters of {subject} */

/* Are all placeholders known? {waiting} {urgent} {agent} {from} {subject}; "{{" and "}}" are
 * braces. */
gboolean dlv_digest_check(const char *text, GError **error);

/* `waiting` and `urgent`: all mail of the agent that nobody has received; {from} and {subject} are
 * those of the most urgent message of the job, the oldest of these ("a and others" for several
 * senders). Free with g_free(). */
char *dlv_digest_text(const DlvPolicy *policy, const char *agent, guint waiting, guint urgent,
                      const DlvMessage *messages, guint n_messages);

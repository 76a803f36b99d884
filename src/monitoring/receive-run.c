/* receive-run.c: the ways that are a command: exec, and what e-mail (receive-mail.c) is handed to.
 *
 * argv only, as a process of ours, with what it needs on stdin (a sealed memory file) and in a few
 * variables. Status 0 says that it is told; anything else is tried again. */
#include "monitoring/receive-private.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OUTPUT_MAX 4096
#define KILL_AFTER (2 * G_USEC_PER_SEC)

/* -1 with errno. */
static int input_of(const char *text) {
  int fd = memfd_create("waggle-alert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize size = strlen(text);

  if (fd < 0)
    return -1;
  for (gsize done = 0; done < size;) {
    gssize n = write(fd, text + done, size - done);
    if (n <= 0) {
      close(fd);
      return -1;
    }
    done += (gsize)n;
  }
  if (lseek(fd, 0, SEEK_SET) < 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static char *error_text(const MonSending *sending, const WgRunEnd *end) {
  gsize size = 0;
  const char *bytes = end->err ? g_bytes_get_data(end->err, &size) : NULL;
  g_autofree char *raw = bytes ? g_strndup(bytes, size) : NULL;
  g_autofree char *line = raw ? g_utf8_make_valid(raw, -1) : g_strdup("");
  char *newline = strchr(g_strchug(line), '\n');

  if (newline)
    *newline = '\0';
  return g_strdup_printf("%s %s%s%.200s", sending->what, end->text, *line ? ": " : "", line);
}

static void on_end(const WgRunEnd *end, gpointer user_data) {
  MonSending *sending = user_data;
  g_autofree char *text = error_text(sending, end);

  sending->run = NULL;
  if (end->how == WG_RUN_EXITED && end->code == 0)
    mon_sending_end(sending, MON_TOLD, NULL);
  else
    mon_sending_end(sending, MON_TELL_AGAIN, text);
}

void mon_receive_run(MonReceivers *receivers, const MonIntegration *integration,
                     const char *const *argv, const char *const *env, const char *input,
                     const char *what, MonAttempt *attempt) {
  int fd = input_of(input);
  MonSending *sending;
  WgRunOptions options = {
      .argv = argv,
      .env = env,
      .how = WG_RUN_PLAIN,
      .input = fd,
      .output_max = OUTPUT_MAX,
      .timeout = integration->timeout,
      .kill_after = KILL_AFTER,
  };

  if (fd < 0) {
    mon_attempt_end(attempt, MON_TELL_AGAIN, g_strerror(errno));
    return;
  }
  sending = mon_sending_new(receivers, integration, attempt);
  g_clear_handle_id(&sending->timer, g_source_remove); /* the run has its own */
  g_strlcpy(sending->what, what, sizeof sending->what);
  sending->run = wg_run_start(&options, on_end, sending);
  close(fd);
}

void mon_receive_exec(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt) {
  g_autofree char *json = mon_payload_webhook(notice, 0);
  g_autofree char *subject = mon_payload_subject(notice);
  g_autofree char *status =
      g_strdup_printf("%s=%s", WG_ENV_ALERT_STATUS, notice->n_firing > 0 ? "firing" : "resolved");
  g_autofree char *dedup = g_strdup_printf("%s=%s", WG_ENV_ALERT_DEDUP, notice->dedup);
  g_autofree char *receiver = g_strdup_printf("%s=%s", WG_ENV_ALERT_RECEIVER, notice->receiver);
  g_autofree char *title = g_strdup_printf("%s=%s", WG_ENV_ALERT_SUBJECT, subject);
  g_autofree char *trace = mon_notice_trace(notice) ? g_strdup_printf("%s=%s", WG_ENV_TRACEPARENT,
                                                                      mon_notice_trace(notice))
                                                    : NULL;
  const char *const env[] = {status, dedup, receiver, title, trace, NULL};

  mon_receive_run(receivers, integration, (const char *const *)integration->command, env, json,
                  "the command", attempt);
}

/* receive-wall.c: a notice to terminals, as wall(1) and systemd do it: to those of the sessions
 * that are logged in (of logind, and of utmp where it is written), or to the ones the configuration
 * names.
 *
 * All of it happens in a thread, since files of sessions are read and utmp is locked; no terminal
 * is waited for longer than a moment, so that one that is stopped (C-s) keeps nobody waiting. It is
 * told when at least one terminal took it. Whatever came from outside is made harmless before: no
 * character reaches a terminal that does anything there. */
#include "monitoring/receive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include <utmpx.h>

#define TEXT_MAX 2000 /* bytes: less than a screen */
#define TERMINAL_MSEC 100

typedef struct {
  char **terminals; /* none: those of the sessions */
  gboolean own_only;
  char *text;
  guint n, n_told;
  char *error; /* of the last that did not take it */
} Wall;

static void wall_free(gpointer data) {
  Wall *wall = data;

  g_strfreev(wall->terminals);
  g_free(wall->text);
  g_free(wall->error);
  g_free(wall);
}

char *mon_wall_text(const MonNotice *notice) {
  g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(notice->time / G_USEC_PER_SEC);
  g_autofree char *time = now ? g_date_time_format(now, "%Y-%m-%d %H:%M:%S %Z") : NULL;
  g_autofree char *subject = mon_payload_subject(notice);
  g_autofree char *brief = mon_payload_brief(notice, TEXT_MAX);
  g_autofree char *plain =
      g_strdup_printf("\nBroadcast message from waggle-monitord@%s (%s):\n\n%s\n%s",
                      g_get_host_name(), time ? time : "", subject, brief);
  g_autofree char *valid = g_utf8_make_valid(plain, -1);
  GString *text = g_string_new("\a");

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c == '\n')
      g_string_append(text, "\r\n");
    else if (g_unichar_isprint(c))
      g_string_append_unichar(text, c);
    else
      g_string_append_c(text, '?');
  }
  return g_string_free(text, FALSE);
}

static void add_terminal(GHashTable *found, const char *name) {
  if (name && *name && *name != ':') /* ":0" is a display */
    g_hash_table_add(found, g_build_filename(MON_TERMINALS_DIR, name, NULL));
}

static void add_sessions(GHashTable *found, gboolean own_only) {
  char **sessions = NULL;
  int n = sd_get_sessions(&sessions);

  for (int i = 0; i < n; i++) {
    char *tty = NULL;
    uid_t uid = 0;
    if (sd_session_get_uid(sessions[i], &uid) >= 0 && (!own_only || uid == getuid()) &&
        sd_session_get_tty(sessions[i], &tty) >= 0)
      add_terminal(found, tty);
    free(tty);
    free(sessions[i]);
  }
  free(sessions);
}

/* There is one utmp a process. */
static void add_utmp(GHashTable *found, gboolean own_only) {
  static GMutex lock;
  const struct utmpx *entry;

  if (own_only) /* it knows names of users, and logind knows better */
    return;
  g_mutex_lock(&lock);
  setutxent();
  while ((entry = getutxent())) {
    char line[sizeof entry->ut_line + 1] = {0};
    memcpy(line, entry->ut_line, sizeof entry->ut_line);
    if (entry->ut_type == USER_PROCESS)
      add_terminal(found, line);
  }
  endutxent();
  g_mutex_unlock(&lock);
}

/* 0 or a negative errno. */
static int write_all(int fd, const char *text) {
  gint64 until = g_get_monotonic_time() + TERMINAL_MSEC * 1000;
  gsize size = strlen(text), done = 0;

  while (done < size) {
    gssize n = write(fd, text + done, size - done);
    gint64 left = until - g_get_monotonic_time();
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    if (n > 0)
      done += (gsize)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
      return -errno;
    else if (left <= 0)
      return -EAGAIN;
    else
      poll(&poll_fd, 1, (int)(left / 1000) + 1);
  }
  return 0;
}

static int write_to(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r;

  if (fd < 0)
    return -errno;
  r = isatty(fd) ? write_all(fd, text) : -ENOTTY;
  close(fd);
  return r;
}

static const char *why_not(int error) {
  if (error == -EAGAIN)
    return "it takes nothing now";
  return error == -ENOTTY ? "it is no terminal" : g_strerror(-error);
}

static void tell_one(Wall *wall, const char *path) {
  int r = write_to(path, wall->text);

  wall->n++;
  wall->n_told += r == 0;
  if (r == 0)
    return;
  g_free(wall->error);
  wall->error = g_strdup_printf("%s: %s%s", path, why_not(r),
                                r == -EACCES ? " (see TERMINALS in waggle-alerting(5))" : "");
}

/* A thread. */
static void tell_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  Wall *wall = data;
  g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer path;

  for (guint i = 0; wall->terminals[i]; i++)
    g_hash_table_add(found, g_strdup(wall->terminals[i]));
  if (wall->terminals[0] == NULL) {
    add_sessions(found, wall->own_only);
    add_utmp(found, wall->own_only);
  }
  g_hash_table_iter_init(&iter, found);
  while (g_hash_table_iter_next(&iter, &path, NULL) && !g_cancellable_is_cancelled(cancellable))
    tell_one(wall, path);
  g_task_return_boolean(task, wall->n_told > 0);
}

static void on_told(GObject *source, GAsyncResult *result, gpointer user_data) {
  MonSending *sending = user_data;
  GTask *task = G_TASK(result);
  const Wall *wall = g_task_get_task_data(task);
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  if (g_task_propagate_boolean(task, &error)) {
    mon_sending_end(sending, MON_TOLD, NULL);
    return;
  }
  if (error) /* late: the thread still has the rest */
    text = g_strdup_printf("not done within %" G_GINT64_FORMAT " ms", sending->timeout / 1000);
  else if (wall->n == 0)
    text = g_strdup("nobody is logged in at a terminal");
  else
    text = g_strdup_printf("none of %u terminals took it; %s", wall->n, wall->error);
  mon_sending_end(sending, MON_TELL_AGAIN, text);
}

void mon_receive_wall(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt) {
  MonSending *sending = mon_sending_new(receivers, integration, attempt);
  g_autoptr(GTask) task = g_task_new(NULL, sending->cancellable, on_told, sending);
  Wall *wall = g_new0(Wall, 1);

  wall->terminals = g_strdupv(integration->terminals);
  wall->own_only = receivers->daemon->user_scope;
  wall->text = mon_wall_text(notice);
  g_task_set_task_data(task, wall, wall_free);
  g_task_set_return_on_cancel(task, TRUE);
  g_task_run_in_thread(task, tell_all);
}

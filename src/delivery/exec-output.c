/* exec-output.c: what a command writes, into the journal line by line.
 *
 * A command may write without end: lines are cut, and after so many of them the rest is read and
 * thrown away, and said so once. It is never waited for: a pipe that somebody keeps open does not
 * hold up the end of a run. */
#include "delivery/exec.h"

#include "common/log.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define LINES_MAX 500
#define READ_BYTES 4096
#define READS_AT_ONCE 8
#define PIPE_READS 2 /* times as many: a full pipe, 64 KiB */

struct DlvExecOutput {
  int fd;
  guint source;
  gboolean is_error;
  char *agent, *number;
  GString *line; /* that has no end yet */
  char *last;    /* whole line */
  guint n_lines;
};

static void write_line(DlvExecOutput *o) {
  g_autofree char *text = dlv_exec_line(o->line->str, (gssize)o->line->len, LINE_MAX_BYTES);
  int level = o->is_error ? LOG_NOTICE : LOG_INFO;

  g_string_truncate(o->line, 0);
  if (*text == '\0')
    return;
  if (o->n_lines < LINES_MAX)
    wg_log(level, WG_MSG_EXEC_OUTPUT,
           WG_FIELDS(WG_FIELD_AGENT, o->agent, WG_FIELD_MESSAGE, o->number), "%s #%s: %s", o->agent,
           o->number, text);
  else if (o->n_lines == LINES_MAX)
    wg_log(level, WG_MSG_EXEC_OUTPUT,
           WG_FIELDS(WG_FIELD_AGENT, o->agent, WG_FIELD_MESSAGE, o->number),
           "%s #%s: what else it writes is left out", o->agent, o->number);
  o->n_lines++;
  g_free(o->last);
  o->last = g_steal_pointer(&text);
}

static void take(DlvExecOutput *o, const char *data, gsize n) {
  for (const char *end = data + n; data < end;) {
    const char *newline = memchr(data, '\n', (gsize)(end - data));
    gsize part = (gsize)((newline ? newline : end) - data);
    gsize room = LINE_MAX_BYTES - o->line->len;
    g_string_append_len(o->line, data, (gssize)MIN(part, room));
    if (newline && part <= room) {
      write_line(o);
      data = newline + 1;
    } else if (part >= room) {
      write_line(o); /* what follows is a line of its own */
      data += room;
    } else {
      data = end;
    }
  }
}

static void done(DlvExecOutput *o) {
  if (o->fd < 0)
    return;
  write_line(o);
  close(o->fd);
  o->fd = -1;
}

/* TRUE: there may be more. */
static gboolean read_some(DlvExecOutput *o) {
  char data[READ_BYTES];

  for (guint i = 0; i < READS_AT_ONCE && o->fd >= 0; i++) {
    ssize_t n = read(o->fd, data, sizeof data);
    if (n > 0)
      take(o, data, (gsize)n);
    else if (n < 0 && errno == EAGAIN)
      return TRUE;
    else if (n == 0 || errno != EINTR)
      done(o);
  }
  return o->fd >= 0;
}

static gboolean readable(int fd, GIOCondition condition, gpointer data) {
  DlvExecOutput *o = data;

  if (read_some(o))
    return G_SOURCE_CONTINUE;
  o->source = 0;
  return G_SOURCE_REMOVE;
}

DlvExecOutput *dlv_exec_output_new(int fd, const char *agent, guint64 number, gboolean is_error) {
  DlvExecOutput *o = g_new0(DlvExecOutput, 1);

  g_unix_set_fd_nonblocking(fd, TRUE, NULL);
  *o = (DlvExecOutput){.fd = fd,
                       .is_error = is_error,
                       .agent = g_strdup(agent),
                       .number = g_strdup_printf("%" G_GUINT64_FORMAT, number),
                       .line = g_string_new(NULL)};
  o->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, o);
  return o;
}

void dlv_exec_output_drain(DlvExecOutput *o) {
  for (guint i = 0; i < PIPE_READS && read_some(o); i++)
    continue;
  done(o);
  g_clear_handle_id(&o->source, g_source_remove);
}

const char *dlv_exec_output_last(const DlvExecOutput *o) {
  return o->last;
}

void dlv_exec_output_free(DlvExecOutput *o) {
  g_clear_handle_id(&o->source, g_source_remove);
  if (o->fd >= 0)
    close(o->fd);
  g_string_free(o->line, TRUE);
  g_free(o->agent);
  g_free(o->number);
  g_free(o->last);
  g_free(o);
}

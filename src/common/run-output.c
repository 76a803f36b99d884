/* run-output.c: what a command writes: its bytes, up to a bound, and its lines.
 *
 * A command may write without end: what is over the bound is read and thrown away. It is never
 * waited for: a pipe that somebody keeps open does not hold up the end of a run. */
#include "common/run-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (16 * 1024 * 1024)
#define READ_BYTES 16384
#define READS_AT_ONCE 8

struct WgRunOutput {
  WgRun *run;
  int fd;
  guint source;
  gsize max;
  gboolean cut;
  GByteArray *kept;                                               /* NULL: nothing is */
  GString *line;                                                  /* that has no end yet */
  void (*tell)(WgRun *run, const char *line, gpointer user_data); /* NULL: no lines */
};

static void tell_line(WgRunOutput *o) {
  g_autoptr(GString) line = g_steal_pointer(&o->line);

  o->line = g_string_new(NULL);
  if (o->run->done) /* it was not forgotten by the line before */
    o->tell(o->run, line->str, o->run->user_data);
}

static void take_lines(WgRunOutput *o, const char *data, gsize n) {
  for (const char *end = data + n; data < end;) {
    const char *newline = memchr(data, '\n', (gsize)(end - data));
    gsize part = (gsize)((newline ? newline : end) - data);
    gsize room = LINE_MAX_BYTES - o->line->len;
    g_string_append_len(o->line, data, (gssize)MIN(part, room));
    if (newline && part <= room) {
      tell_line(o);
      data = newline + 1;
    } else if (part >= room) {
      tell_line(o); /* what follows is a line of its own */
      data += room;
    } else {
      data = end;
    }
  }
}

static void take(WgRunOutput *o, const char *data, gsize n) {
  if (o->kept) {
    gsize fits = MIN(n, o->max - o->kept->len);
    g_byte_array_append(o->kept, (const guint8 *)data, (guint)fits);
    o->cut = o->cut || fits < n;
  }
  if (o->tell)
    take_lines(o, data, n);
}

static void finish(WgRunOutput *o) {
  if (o->fd < 0)
    return;
  close(o->fd);
  o->fd = -1;
  if (o->tell && o->line->len > 0)
    tell_line(o);
}

/* How many bytes came; 0: none are there now, or none will be. */
static gsize read_once(WgRunOutput *o) {
  char data[READ_BYTES];
  ssize_t n;

  do
    n = read(o->fd, data, sizeof data);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    take(o, data, (gsize)n);
  else if (n == 0 || errno != EAGAIN)
    finish(o);
  return n > 0 ? (gsize)n : 0;
}

static gboolean readable(int fd, GIOCondition condition, gpointer data) {
  WgRunOutput *o = data;
  WgRun *run = wg_run_ref(o->run); /* it holds us */

  for (guint i = 0; i < READS_AT_ONCE && o->fd >= 0 && run->done; i++)
    if (read_once(o) == 0)
      break;
  gboolean more = o->fd >= 0 && run->done;
  if (!more)
    o->source = 0;
  wg_run_unref(run);
  return more;
}

WgRunOutput *wg_run_output_new(WgRun *run, gboolean is_error, int *ret_write) {
  int fds[2];

  if (pipe2(fds, O_CLOEXEC) < 0)
    return NULL;
  g_unix_set_fd_nonblocking(fds[0], TRUE, NULL);
  WgRunOutput *o = g_new0(WgRunOutput, 1);
  *o = (WgRunOutput){.run = run,
                     .fd = fds[0],
                     .max = run->o.output_max,
                     .kept = run->o.output_max ? g_byte_array_new() : NULL,
                     .line = g_string_new(NULL),
                     .tell = is_error ? run->o.error_line : run->o.line};
  o->source = g_unix_fd_add(fds[0], G_IO_IN | G_IO_HUP | G_IO_ERR, readable, o);
  *ret_write = fds[1];
  return o;
}

void wg_run_output_drain(WgRunOutput *o) {
  int size = o->fd >= 0 ? fcntl(o->fd, F_GETPIPE_SZ) : 0;

  /* who writes on, somewhere, is not waited for */
  for (gsize left = (gsize)MAX(size, 0) + READ_BYTES; left > 0 && o->fd >= 0;) {
    gsize n = read_once(o);
    if (n == 0)
      break;
    left -= MIN(left, n);
  }
  finish(o);
  g_clear_handle_id(&o->source, g_source_remove);
}

GBytes *wg_run_output_take(WgRunOutput *o) {
  return o->kept ? g_byte_array_free_to_bytes(g_steal_pointer(&o->kept)) : NULL;
}

gboolean wg_run_output_was_cut(const WgRunOutput *o) {
  return o->cut;
}

void wg_run_output_free(WgRunOutput *o) {
  g_clear_handle_id(&o->source, g_source_remove);
  if (o->fd >= 0)
    close(o->fd);
  g_clear_pointer(&o->kept, g_byte_array_unref);
  g_string_free(o->line, TRUE);
  g_free(o);
}

gboolean wg_run_outputs_open(WgRun *run, gboolean is_unit, int ret_fds[2]) {
  gboolean lines = !is_unit || !run->o.plain_lines;

  ret_fds[0] = ret_fds[1] = -1;
  if ((run->o.output_max || (lines && run->o.line)) &&
      (run->out = wg_run_output_new(run, FALSE, &ret_fds[0])) == NULL)
    return FALSE;
  if ((run->o.output_max || (lines && run->o.error_line)) &&
      (run->err = wg_run_output_new(run, TRUE, &ret_fds[1])) == NULL) {
    int err = errno;
    if (ret_fds[0] >= 0)
      close(ret_fds[0]);
    g_clear_pointer(&run->out, wg_run_output_free);
    ret_fds[0] = -1;
    errno = err;
    return FALSE;
  }
  return TRUE;
}

/* lines.c: see lines.h. The end is always told from the loop, never from inside wg_lines_send(). */
#include "common/lines.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct WgLines {
  int fd;
  gsize line_max, queue_max;
  WgLineFunc func;
  gpointer user_data;
  GByteArray *in, *out;
  gsize searched; /* bytes of `in` that are known to have no newline */
  guint reading, writing, ending;
  gboolean freed; /* during a call of func(), which holds a reference */
};

/* FALSE: it was freed meanwhile. */
static gboolean tell(WgLines *lines, const char *line) {
  g_rc_box_acquire(lines);
  lines->func(lines, line, lines->user_data);
  gboolean freed = lines->freed;
  g_rc_box_release(lines);
  return !freed;
}

static void stop(WgLines *lines) {
  g_clear_handle_id(&lines->reading, g_source_remove);
  g_clear_handle_id(&lines->writing, g_source_remove);
  g_clear_handle_id(&lines->ending, g_source_remove);
  if (lines->fd >= 0)
    close(lines->fd);
  lines->fd = -1;
}

static gboolean on_end(gpointer data) {
  WgLines *lines = data;

  lines->ending = 0;
  stop(lines);
  tell(lines, NULL);
  return G_SOURCE_REMOVE;
}

static void end_later(WgLines *lines) {
  if (lines->ending == 0)
    lines->ending = g_idle_add_full(G_PRIORITY_DEFAULT, on_end, lines, NULL);
}

/* Tells all whole lines. FALSE: freed, or too long. */
static gboolean tell_lines(WgLines *lines) {
  for (;;) {
    guint8 *newline =
        memchr(lines->in->data + lines->searched, '\n', lines->in->len - lines->searched);
    if (newline == NULL) {
      lines->searched = lines->in->len;
      if (lines->in->len <= lines->line_max)
        return TRUE;
      end_later(lines);
      return FALSE;
    }
    gsize size = (gsize)(newline - lines->in->data);
    if (size > lines->line_max || memchr(lines->in->data, '\0', size)) {
      end_later(lines);
      return FALSE;
    }
    g_autofree char *line = g_strndup((const char *)lines->in->data, size);
    g_byte_array_remove_range(lines->in, 0, (guint)size + 1);
    lines->searched = 0;
    if (!tell(lines, line))
      return FALSE;
    if (lines->fd < 0 || lines->ending != 0)
      return FALSE;
  }
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data) {
  WgLines *lines = data;
  guint8 buffer[65536];
  ssize_t n = lines->ending == 0 ? read(fd, buffer, sizeof buffer) : 0;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n <= 0) {
    lines->reading = 0;
    end_later(lines);
    return G_SOURCE_REMOVE;
  }
  g_byte_array_append(lines->in, buffer, (guint)n);
  tell_lines(lines);
  return G_SOURCE_CONTINUE; /* a source that is gone with its stream is not asked again */
}

static gboolean write_some(WgLines *lines) {
  while (lines->out->len > 0) {
    ssize_t n = send(lines->fd, lines->out->data, lines->out->len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN;
    g_byte_array_remove_range(lines->out, 0, (guint)n);
  }
  return TRUE;
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data) {
  WgLines *lines = data;

  if (!write_some(lines))
    end_later(lines);
  else if (lines->out->len > 0)
    return G_SOURCE_CONTINUE;
  lines->writing = 0;
  return G_SOURCE_REMOVE;
}

WgLines *wg_lines_new(int fd, gsize line_max, gsize queue_max, WgLineFunc func,
                      gpointer user_data) {
  WgLines *lines = g_rc_box_new0(WgLines);

  g_unix_set_fd_nonblocking(fd, TRUE, NULL);
  *lines = (WgLines){.fd = fd,
                     .line_max = line_max,
                     .queue_max = queue_max,
                     .func = func,
                     .user_data = user_data,
                     .in = g_byte_array_new(),
                     .out = g_byte_array_new()};
  lines->reading = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, lines);
  return lines;
}

gboolean wg_lines_send(WgLines *lines, const char *text) {
  if (lines->fd < 0 || lines->ending != 0)
    return FALSE;
  g_byte_array_append(lines->out, (const guint8 *)text, (guint)strlen(text));
  g_byte_array_append(lines->out, (const guint8 *)"\n", 1);
  if ((lines->writing == 0 && !write_some(lines)) || lines->out->len > lines->queue_max) {
    end_later(lines);
    return FALSE;
  }
  if (lines->out->len > 0 && lines->writing == 0)
    lines->writing = g_unix_fd_add(lines->fd, G_IO_OUT, on_writable, lines);
  return TRUE;
}

gboolean wg_lines_flushed(const WgLines *lines) {
  return lines->out->len == 0;
}

void wg_lines_free(WgLines *lines) {
  if (lines == NULL)
    return;
  lines->freed = TRUE;
  stop(lines);
  g_byte_array_unref(lines->in);
  g_byte_array_unref(lines->out);
  g_rc_box_release(lines);
}

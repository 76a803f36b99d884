/* lines.h: a stream socket that carries lines of text both ways, on the loop; never blocks.
 *
 * What our own programs say to each other (a line is one JSON object). A line that is too long, a
 * byte 0 and an unread queue that grows beyond its bound end the stream: nothing is cut or left
 * out. */
#pragma once

#include <glib.h>

typedef struct WgLines WgLines;

/* `line`: without its newline, borrowed; valid until the call returns. NULL: the stream has ended
 * (also when the last bytes were no whole line), no call follows. May free the stream. */
typedef void (*WgLineFunc)(WgLines *lines, const char *line, gpointer user_data);

/* Takes `fd` and makes it non-blocking. `line_max` bytes of one line, `queue_max` bytes that the
 * other side has not read. Never calls from inside. */
WgLines *wg_lines_new(int fd, gsize line_max, gsize queue_max, WgLineFunc func, gpointer user_data);
/* Queues `text`, which has no newline, and one newline. FALSE: the stream has ended or ends now
 * because the other side does not read; func() is told by the loop. */
gboolean wg_lines_send(WgLines *lines, const char *text);
/* Everything that was sent is with the kernel. */
gboolean wg_lines_flushed(const WgLines *lines);
void wg_lines_free(WgLines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgLines, wg_lines_free)

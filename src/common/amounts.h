/* amounts.h: spans of time and sizes as people read them in explanations and errors; the other way
 * round than wg_parse_usec() and wg_parse_bytes(), which read what these write. */
#pragma once

#include <glib.h>

/* "1min 30s", "2h", "500ms", "infinity"; the two largest units that are not zero, rounded up in the
 * last one. Free with g_free(). */
char *wg_span_text(guint64 usec);
/* "64M", "1536K", "1000": the largest unit that leaves a whole number. Free with g_free(). */
char *wg_size_text(guint64 bytes);

/* chunk.h: a run of samples of one series as few bytes.
 *
 * Times as the difference of differences, values as differences of whole numbers where they are
 * whole (or whole millionths, as times in seconds are), else as the XOR of neighbours. Whole
 * millionths come back as such (within one part in 10^14), everything else bit by bit. Decoding
 * takes bytes from a disk: whatever they are, it ends, and within the bytes. Pure. */
#pragma once

#include <glib.h>

#define MON_CHUNK_MAX 4096 /* samples */

/* Free with g_byte_array_unref(). `times`: rising, CLOCK_REALTIME us, kept to the millisecond. */
GByteArray *mon_chunk_encode(const gint64 *times, const double *values, guint n);
/* Appends to `times` (gint64) and `values` (double). FALSE: no chunk; nothing was appended. */
gboolean mon_chunk_decode(gconstpointer data, gsize size, GArray *times, GArray *values);

/* xz-read.h: bytes that may be xz, in clear, within a bound of memory.
 *
 * libarchive unpacks xz with any dictionary that the archive's maker asks for, and its reader has
 * no option for a bound. So xz is decoded here, before libarchive sees it; the bound holds for each
 * block and each stream of the input. What is no xz passes as it is. */
#pragma once

#include <archive.h>
#include <glib.h>

/* Of one decoder: `xz -9` needs 65 MiB. */
#define DPL_XZ_MEMORY_MAX (G_GUINT64_CONSTANT(96) << 20)

typedef struct DplXz DplXz;

/* More bytes, as archive_read_callback: 0 is the end, negative a failure that it has told itself.
 * What it gives has to stay until its next call. */
typedef la_ssize_t (*DplXzSource)(struct archive *archive, void *data, const void **ret);

DplXz *dpl_xz_new(DplXzSource source, gpointer data);
void dpl_xz_free(DplXz *xz);
/* Reads the first bytes, once. `ret_costly`: what comes is compressed in a way that needs much
 * memory to undo, xz (here) or zstd (by whoever reads next). FALSE: the source failed. */
gboolean dpl_xz_look(DplXz *xz, struct archive *archive, gboolean *ret_costly);
/* Gives the decoder's memory back; nothing may be read any more. */
void dpl_xz_end(DplXz *xz);
/* After a look. -1 without `error`: the source failed. LIMITS_EXCEEDED: over the bound;
 * INVALID_ARGUMENT: damaged or cut off. */
la_ssize_t dpl_xz_read(DplXz *xz, struct archive *archive, const void **ret, GError **error);

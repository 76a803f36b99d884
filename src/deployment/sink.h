/* sink.h: where an artifact's entries go: into a tree that is being made (or, dry, into its list
 * alone). For the unpackers only.
 *
 * All rules about names, kinds, modes, owners and bounds are here, so that a tar, a .deb and a
 * directory are refused for the same things. Entries come from one thread; contents are digested
 * and written by several. */
#pragma once

#include "deployment/unpack.h"

#include <time.h>

typedef struct DplSink DplSink;

typedef struct {
  const char *path; /* as the source has it */
  guint32 uid, gid; /* as the source has them */
  guint mode;       /* & 07777 */
  struct timespec mtime;
  const char *capability; /* hexadecimal or NULL */
} DplSinkEntry;

/* NULL: `into` is no path below a tree. */
DplSink *dpl_sink_new(int dir, const DplUnpackOptions *options, DplTree *tree, const DplWork *work);
/* Waits for the writers. Frees it. */
void dpl_sink_free(DplSink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSink, dpl_sink_free)

/* FALSE: refused or failed. An entry that `strip` leaves nothing of is dropped: TRUE. */
gboolean dpl_sink_directory(DplSink *sink, const DplSinkEntry *entry, GError **error);
gboolean dpl_sink_link(DplSink *sink, const DplSinkEntry *entry, const char *target,
                       GError **error);
gboolean dpl_sink_hard_link(DplSink *sink, const DplSinkEntry *entry, const char *target,
                            GError **error);
/* A file whose content is given; `bytes` (g_malloc) becomes the sink's, written some time later. */
gboolean dpl_sink_bytes(DplSink *sink, const DplSinkEntry *entry, char *bytes, gsize size,
                        GError **error);
/* A file that is copied from `path` below `source`, some time later. */
gboolean dpl_sink_copy(DplSink *sink, const DplSinkEntry *entry, int source, const char *path,
                       guint64 size, GError **error);
/* A file that comes block by block, in order, with holes between: begin, any number of blocks, end.
 * One at a time. `ret_wanted` FALSE: dropped by `strip`, no blocks are to follow. */
gboolean dpl_sink_begin(DplSink *sink, const DplSinkEntry *entry, guint64 size,
                        gboolean *ret_wanted, GError **error);
gboolean dpl_sink_block(DplSink *sink, gconstpointer bytes, gsize size, guint64 offset,
                        GError **error);
gboolean dpl_sink_end(DplSink *sink, guint64 size, GError **error);
/* All is written, hard links are made and canonical; counts into `ret`. */
gboolean dpl_sink_finish(DplSink *sink, DplUnpacked *ret, GError **error);
/* Entries of this artifact alone as a tree without `into`; valid after finish. (transfer full) */
DplTree *dpl_sink_part(DplSink *sink);
DplProgress *dpl_sink_progress(DplSink *sink);
/* Replaces the numbers where the names (may be NULL) are known here, if owners are kept at all. */
void dpl_sink_owner(DplSink *sink, const char *user, const char *group, DplSinkEntry *entry);

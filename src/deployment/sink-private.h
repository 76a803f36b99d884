/* sink-private.h: what the files of the sink share. */
#pragma once

#include "deployment/sink.h"

#define DPL_SINK_BLOCK (256 * 1024)
/* Content that waits for a writer. */
#define DPL_SINK_QUEUE_BYTES (32 * 1024 * 1024)

typedef struct {
  DplEntry *entry; /* of the tree; its size and sha256 are the job's to fill in */
  struct timespec mtime;
  char *bytes; /* or */
  gsize size;
  int source;
  char *path;
} DplSinkJob;

struct DplSink {
  int dir; /* -1: dry */
  DplTree *tree;
  const DplUnpackOptions *options;
  DplLimits limits;
  DplProgress progress;
  gboolean keep_owners;
  char *into;                 /* clean */
  GHashTable *mine;           /* DplEntry of this artifact, borrowed from the tree */
  GHashTable *explicit;       /* paths (borrowed) that the artifact itself has named */
  GHashTable *users, *groups; /* of sink-owner.c */
  GPtrArray *hard;            /* hard links to make, borrowed entries */
  guint64 bytes;              /* of files so far, jobs counted when they are given */
  guint entries, links_out;

  GThreadPool *pool;
  GMutex lock; /* of what follows */
  GCond room;
  gsize queued;
  guint n_jobs;
  GError *error;

  /* the file that comes block by block */
  DplEntry *entry;
  struct timespec mtime;
  int fd;
  guint64 at;
  DplDigest *digest;
};

/* sink-path.c: "a/b" of the tree for a path of the source, or NULL with `error` (refused) or
 * without (dropped by strip). */
char *dpl_sink_path(DplSink *sink, const char *path, GError **error);
gboolean dpl_sink_refuse(DplSink *sink, GError **error, const char *path, const char *text);
/* The directories above, made and listed where they are not. */
gboolean dpl_sink_parents(DplSink *sink, const char *path, GError **error);
/* A new entry of the tree, counted; NULL: refused. Takes `path`. */
DplEntry *dpl_sink_enter(DplSink *sink, const DplSinkEntry *source, DplEntryKind kind, char *path,
                         const char *target, GError **error);

/* sink-write.c */
void dpl_sink_run(gpointer data, gpointer user_data); /* GFunc of the pool */
void dpl_sink_job_free(DplSinkJob *job);
int dpl_sink_create(DplSink *sink, const DplEntry *entry, GError **error);
/* Owner, mode, capability and time of a file that is written. */
gboolean dpl_sink_dress(DplSink *sink, int fd, const DplEntry *entry, const struct timespec *mtime,
                        GError **error);

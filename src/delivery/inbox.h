/* inbox.h: inside of the back-end "inbox": a directory in maildir's form, one file a message.
 *
 * Two threads: the loop (inbox.c) takes jobs and reports, the worker (inbox-worker.c and what it
 * calls) does everything that touches a file, one operation after the other. What a DlvInbox knows
 * of the directory belongs to the worker; the rest is set once and never changes.
 *
 * A name tells all that must outlive a restart: SECONDS.MmicrosecondsWnumber.AGENT, as maildir's
 * unique names are built, with the message's stored time. So the same message delivered twice is
 * the same file, and agents may share a directory. What a reader appends (":2,S") is left alone. */
#pragma once

#include "delivery/backend.h"

#include <sys/types.h>

/* One file that lies in new/ or cur/. */
typedef struct {
  char *name; /* as it is called now */
  gboolean in_cur;
  guint64 size;
} DlvInboxFile;

typedef struct {
  char *agent;
  char *directory;   /* as people know it, for causes */
  char *home;        /* where the walk begins; NULL: at the root */
  char **components; /* from there */
  mode_t mode;
  guint64 max_messages, max_bytes; /* G_MAXUINT64: no limit */

  /* the worker's */
  GHashTable *files; /* gint64 number -> DlvInboxFile; what lies there, or less: people remove */
  gboolean known;    /* `files` was read once */
  gboolean cleared;  /* tmp/ was, once */
  guint64 bytes;

  /* between the two, under `lock` */
  GMutex lock;
  GArray *finished; /* numbers whose files are to go; not empty: the worker was told */

  /* the loop's */
  gboolean freed;
} DlvInbox;

DlvInbox *dlv_inbox_ref(DlvInbox *inbox);
void dlv_inbox_unref(DlvInbox *inbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DlvInbox, dlv_inbox_unref)

/* inbox-dir.c */
typedef struct {
  int tmp, new, cur;
} DlvInboxDirs;

/* Walks there from home or the root, component by component, never through a symbolic link, and
 * only past owners that are ours (above home: or root's) where nobody else can write; makes what is
 * missing with 0700. The error names the component. Close with dlv_inbox_close(). */
gboolean dlv_inbox_open(const DlvInbox *inbox, DlvInboxDirs *ret, GError **error);
void dlv_inbox_close(DlvInboxDirs *dirs);
/* Sets `error` from errno with a code that tells a full or read-only disk from the rest. */
gboolean dlv_inbox_errno(GError **error, const DlvInbox *inbox, const char *what);

/* inbox-list.c */
char *dlv_inbox_name(const DlvInbox *inbox, guint64 number, gint64 time);
/* Reads new/ and cur/ again. */
gboolean dlv_inbox_read(DlvInbox *inbox, const DlvInboxDirs *dirs, GError **error);
/* Removes our files from this directory. */
gboolean dlv_inbox_clear(DlvInbox *inbox, int fd, GError **error);
/* Whether the message lies there; looks, since people move files. Call after a first read. */
gboolean dlv_inbox_has(DlvInbox *inbox, const DlvInboxDirs *dirs, guint64 number, const char *name);
void dlv_inbox_put(DlvInbox *inbox, guint64 number, const char *name, guint64 size);
void dlv_inbox_forget(DlvInbox *inbox, guint64 number);
/* Removes the files of these messages from new/ and cur/; what is not there is no error. */
gboolean dlv_inbox_remove(DlvInbox *inbox, const DlvInboxDirs *dirs, const guint64 *numbers,
                          gsize n, GError **error);

/* inbox-nest.c */
typedef struct {
  int fd;     /* where the files of a batch are made: tmp/ or a directory in it */
  char *name; /* of the directory; NULL: tmp/ */
} DlvInboxNest;

/* Call under the lock; never fails. */
void dlv_inbox_nest_begin(const DlvInbox *inbox, const DlvInboxDirs *dirs, guint n,
                          DlvInboxNest *ret);
void dlv_inbox_nest_end(const DlvInboxDirs *dirs, DlvInboxNest *nest);
/* Removes what a crash left of ours in tmp/; call under the lock, before the first write. */
gboolean dlv_inbox_clear_tmp(DlvInbox *inbox, const DlvInboxDirs *dirs, GError **error);

/* inbox-write.c */
typedef struct {
  DlvMessage message; /* a copy: the job may be given up while a disk hangs */
  char *name;
  GBytes *text; /* until it is written */
  gsize size;
  int fd; /* open while the file is in tmp/, else -1 */
  int sync_errno;
  gboolean settled;
  DlvResult result;
  char *cause;
} DlvInboxItem;

/* Delivers: each item has a result afterwards. Once `canceled` is not 0 nothing new is begun. */
void dlv_inbox_write(DlvInbox *inbox, DlvInboxItem *items, guint n, const int *canceled);
DlvResult dlv_inbox_result(const GError *error);

/* inbox-sync.c: fsync() of each that has a descriptor; what failed has `sync_errno`. */
void dlv_inbox_sync(DlvInboxItem *items, guint n);

/* inbox-worker.c */
typedef void (*DlvInboxWork)(gpointer data);
/* `work` on the worker's thread, then `done` on the loop's. */
void dlv_inbox_queue(DlvInboxWork work, DlvInboxWork done, gpointer data);

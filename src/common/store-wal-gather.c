/* store-wal-gather.c: see store-wal-gather.h.
 *
 * SQLite writes each frame of the WAL with two calls, a header and a page, and a commit is ten
 * frames and more: what they cost together is mostly the calls. They are neighbours in the file,
 * so they are kept until the frame that ends the commit and written at once. SQLite makes a commit
 * known to other connections (in the index of the WAL) after that frame's write has returned, so
 * nobody can look for frames that are not in the file yet.
 *
 * The methods of the one open file are replaced by a table of our own, at whose head the state is
 * found; what is not replaced is the file's own. All calls come from the thread that owns the
 * connection, but for wg_wal_sync(): it looks at nothing that is kept, since the next commit may be
 * on its way (store-writer-sync.c).
 *
 * A sync of a file that has grown costs two and three times that of one whose blocks were written
 * before: the file system has its own journal to write. So once the WAL is in steady use it is
 * lengthened by zeros, many commits' worth at once, behind the commit that has just been written.
 * For SQLite as for salvage they are no frames, like what an earlier round has left there. They
 * are written by the thread that writes the frames, after them and before the next, so they can
 * never come down on one; without them (a full disk) all is as it was, only slower.
 *
 * Invariants: bytes reach the file in the order of their writes; whatever looks at the file sees
 * all of them. A write that fails is reported by the call that caused it, which is within the same
 * transaction, and nothing is kept of it. */
#include "common/store-wal-gather.h"

#include "common/store-pages.h"
#include "common/store-wal.h"

#include <glib.h>

/* SQLite's own files take no write of 128 KiB or more; none of theirs is larger than a page. */
#define KEPT_MAX (127 * 1024)
/* Shorter ones are left alone: who sends a message now and then shall not write twice as much. */
#define AHEAD_FROM (128 * 1024)
#define AHEAD_MOST (1024 * 1024)

typedef struct {
  sqlite3_io_methods methods; /* first: what the file points to */
  const sqlite3_io_methods *own;
  GByteArray *kept;
  sqlite3_int64 begin; /* where in the file */
  gboolean ends;       /* the frame that is being written ends a commit */
  sqlite3_int64 size;  /* of the file, as far as we know; -1: not asked yet */
} Gather;

static Gather *gather_of(sqlite3_file *file) {
  return (Gather *)file->pMethods;
}

static int flush(sqlite3_file *file) {
  Gather *g = gather_of(file);
  int size = (int)g->kept->len;

  if (size == 0)
    return SQLITE_OK;
  g_byte_array_set_size(g->kept, 0);
  return g->own->xWrite(file, g->kept->data, size, g->begin);
}

/* `end`: where the commit that was just written ends. What cannot be written is not needed. */
static void lengthen(sqlite3_file *file, sqlite3_int64 end) {
  static const guint8 zeros[64 * 1024];
  Gather *g = gather_of(file);

  if (end < AHEAD_FROM || end <= g->size)
    return;
  if (g->size < 0 && g->own->xFileSize(file, &g->size) == SQLITE_OK && end < g->size)
    return;
  g->size = end + MIN(end, AHEAD_MOST);
  for (sqlite3_int64 at = end; at < g->size; at += sizeof zeros)
    if (g->own->xWrite(file, zeros, (int)MIN((sqlite3_int64)sizeof zeros, g->size - at), at) !=
        SQLITE_OK)
      return;
}

static int end_commit(sqlite3_file *file) {
  Gather *g = gather_of(file);
  sqlite3_int64 end = g->begin + g->kept->len;
  int rc = flush(file);

  if (rc == SQLITE_OK)
    lengthen(file, end);
  return rc;
}

static int gather_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  Gather *g = gather_of(file);
  gboolean follows = at == g->begin + g->kept->len && g->kept->len + (guint)size <= KEPT_MAX;
  int rc = follows ? SQLITE_OK : flush(file);

  if (rc != SQLITE_OK)
    return rc;
  if (g->kept->len == 0)
    g->begin = at;
  g_byte_array_append(g->kept, data, (guint)size);
  if (size == WG_WAL_FRAME_HEADER) {
    g->ends = wg_be32((const guint8 *)data + 4) != 0; /* pages in the file after the commit */
    return SQLITE_OK;
  }
  return g->ends ? end_commit(file) : SQLITE_OK;
}

static int gather_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at) {
  int rc = flush(file);
  return rc == SQLITE_OK ? gather_of(file)->own->xRead(file, data, size, at) : rc;
}

static int gather_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int rc = flush(file);

  gather_of(file)->size = -1;
  return rc == SQLITE_OK ? gather_of(file)->own->xTruncate(file, size) : rc;
}

static int gather_sync(sqlite3_file *file, int flags) {
  int rc = flush(file);
  return rc == SQLITE_OK ? gather_of(file)->own->xSync(file, flags) : rc;
}

static int gather_size(sqlite3_file *file, sqlite3_int64 *ret) {
  int rc = flush(file);
  return rc == SQLITE_OK ? gather_of(file)->own->xFileSize(file, ret) : rc;
}

static int gather_close(sqlite3_file *file) {
  Gather *g = gather_of(file);
  int rc = flush(file);

  file->pMethods = g->own;
  int closed = g->own->xClose(file);
  g_byte_array_unref(g->kept);
  g_free(g);
  return rc == SQLITE_OK ? closed : rc;
}

void wg_wal_gather(sqlite3 *db) {
  sqlite3_file *file = NULL;

  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (!file || !file->pMethods || file->pMethods->xWrite == gather_write)
    return;
  Gather *g = g_new0(Gather, 1);
  g->own = file->pMethods;
  g->size = -1;
  g->methods = *g->own;
  g->methods.iVersion = MIN(g->own->iVersion, 3); /* what this header knows */
  g->methods.xClose = gather_close;
  g->methods.xRead = gather_read;
  g->methods.xWrite = gather_write;
  g->methods.xTruncate = gather_truncate;
  g->methods.xSync = gather_sync;
  g->methods.xFileSize = gather_size;
  g->kept = g_byte_array_new();
  file->pMethods = &g->methods;
}

int wg_wal_sync(sqlite3_file *file) {
  if (!file)
    return SQLITE_OK;
  const sqlite3_io_methods *m =
      file->pMethods->xWrite == gather_write ? gather_of(file)->own : file->pMethods;
  return m->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

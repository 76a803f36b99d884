/* fault-vfs.h: an SQLite VFS that fails on demand.
 *
 * Wraps the default one. Writes, truncations and syncs are counted over all files; from the
 * `from`-th on `count` of them fail with `errnum`. Shared by threads, hence atomic. A sync of the
 * WAL passes a gate, where it can be made to fail, and the sync thread's be kept waiting. */
#pragma once

#include <errno.h>
#include <glib.h>
#include <sqlite3.h>
#include <string.h>

static struct {
  gint ops, from, count, errnum, hits;
  gint dirty; /* the WAL has bytes that were not synced */
} fault;

static struct {
  GMutex lock;
  GCond changed;
  gboolean shut, waits; /* `waits`: somebody stands before it */
  guint failed;
  int rc; /* what a sync gets that has passed */
} gate;

static inline void gate_set(gboolean shut, int rc) {
  g_mutex_lock(&gate.lock);
  gate.shut = shut;
  gate.rc = rc;
  g_cond_broadcast(&gate.changed);
  g_mutex_unlock(&gate.lock);
}

static inline void gate_await(void) {
  g_mutex_lock(&gate.lock);
  while (!gate.waits)
    g_cond_wait(&gate.changed, &gate.lock);
  g_mutex_unlock(&gate.lock);
}

static inline guint gate_failed(void) {
  g_mutex_lock(&gate.lock);
  guint n = gate.failed;
  g_mutex_unlock(&gate.lock);
  return n;
}

static inline int gate_pass(gboolean may_wait) {
  g_mutex_lock(&gate.lock);
  while (gate.shut && may_wait) {
    gate.waits = TRUE;
    g_cond_broadcast(&gate.changed);
    g_cond_wait(&gate.changed, &gate.lock);
  }
  gate.waits = FALSE;
  int rc = gate.rc;
  gate.failed += rc != SQLITE_OK;
  g_mutex_unlock(&gate.lock);
  return rc;
}

typedef struct {
  sqlite3_file base;
  sqlite3_file *real;
  gboolean is_wal;
} FaultFile;

static inline void fault_set(gint from, gint count, gint errnum) {
  g_atomic_int_set(&fault.from, 0);
  g_atomic_int_set(&fault.ops, 0);
  g_atomic_int_set(&fault.hits, 0);
  g_atomic_int_set(&fault.errnum, errnum);
  g_atomic_int_set(&fault.count, count);
  g_atomic_int_set(&fault.from, from);
}

static inline gboolean fault_now(void) {
  gint n = g_atomic_int_add(&fault.ops, 1) + 1, from = g_atomic_int_get(&fault.from);
  gint count = g_atomic_int_get(&fault.count);
  if (from == 0 || n < from || (count > 0 && n >= from + count))
    return FALSE;
  g_atomic_int_inc(&fault.hits);
  return TRUE;
}

static inline int fault_rc(int otherwise) {
  return g_atomic_int_get(&fault.errnum) == ENOSPC && otherwise == SQLITE_IOERR_WRITE ? SQLITE_FULL
                                                                                      : otherwise;
}

#define REAL(f) (((FaultFile *)(f))->real)
static int ff_close(sqlite3_file *f) {
  int rc = REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
  return rc;
}
static int ff_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
  return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
static int ff_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
  if (((FaultFile *)f)->is_wal)
    g_atomic_int_set(&fault.dirty, 1);
  if (!fault_now())
    return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
  REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at); /* a torn one */
  return fault_rc(SQLITE_IOERR_WRITE);
}
static int ff_truncate(sqlite3_file *f, sqlite3_int64 size) {
  return fault_now() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int ff_sync(sqlite3_file *f, int flags) {
  int rc = ((FaultFile *)f)->is_wal ? gate_pass((flags & SQLITE_SYNC_DATAONLY) != 0) : SQLITE_OK;
  if (rc != SQLITE_OK || fault_now())
    return SQLITE_IOERR_FSYNC;
  if (((FaultFile *)f)->is_wal)
    g_atomic_int_set(&fault.dirty, 0);
  return REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int ff_size(sqlite3_file *f, sqlite3_int64 *ret) {
  return REAL(f)->pMethods->xFileSize(REAL(f), ret);
}
static int ff_lock(sqlite3_file *f, int l) {
  return REAL(f)->pMethods->xLock(REAL(f), l);
}
static int ff_unlock(sqlite3_file *f, int l) {
  return REAL(f)->pMethods->xUnlock(REAL(f), l);
}
static int ff_reserved(sqlite3_file *f, int *ret) {
  return REAL(f)->pMethods->xCheckReservedLock(REAL(f), ret);
}
static int ff_control(sqlite3_file *f, int op, void *arg) {
  if (op == SQLITE_FCNTL_LAST_ERRNO) {
    *(int *)arg = g_atomic_int_get(&fault.errnum);
    return SQLITE_OK;
  }
  return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int ff_sector(sqlite3_file *f) {
  return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int ff_device(sqlite3_file *f) {
  return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int ff_shm_map(sqlite3_file *f, int r, int size, int extend, void volatile **ret) {
  return REAL(f)->pMethods->xShmMap(REAL(f), r, size, extend, ret);
}
static int ff_shm_lock(sqlite3_file *f, int o, int n, int flags) {
  return REAL(f)->pMethods->xShmLock(REAL(f), o, n, flags);
}
static void ff_shm_barrier(sqlite3_file *f) {
  REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int ff_shm_unmap(sqlite3_file *f, int del) {
  return REAL(f)->pMethods->xShmUnmap(REAL(f), del);
}

static const sqlite3_io_methods fault_methods = {
    2,         ff_close,   ff_read,     ff_write,       ff_truncate,  ff_sync,
    ff_size,   ff_lock,    ff_unlock,   ff_reserved,    ff_control,   ff_sector,
    ff_device, ff_shm_map, ff_shm_lock, ff_shm_barrier, ff_shm_unmap,
};

static int fv_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret) {
  sqlite3_vfs *real = vfs->pAppData;
  FaultFile *ff = (FaultFile *)f;
  ff->real = (sqlite3_file *)(ff + 1);
  int rc = real->xOpen(real, name, ff->real, flags, ret);
  ff->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
  f->pMethods = ff->real->pMethods ? &fault_methods : NULL;
  return rc;
}

static int fv_last_error(sqlite3_vfs *vfs, int n, char *text) {
  return g_atomic_int_get(&fault.errnum);
}

static inline void fault_vfs_register(void) {
  static sqlite3_vfs vfs;
  sqlite3_vfs *real = sqlite3_vfs_find(NULL);
  vfs = *real;
  vfs.szOsFile = (int)sizeof(FaultFile) + real->szOsFile;
  vfs.zName = "fault";
  vfs.pAppData = real;
  vfs.xOpen = fv_open;
  vfs.xGetLastError = fv_last_error;
  g_assert_cmpint(sqlite3_vfs_register(&vfs, 0), ==, SQLITE_OK);
}

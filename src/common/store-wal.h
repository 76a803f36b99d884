/* store-wal.h: a write-ahead log read frame by frame, without SQLite.
 *
 * SQLite ends its recovery at the first frame whose checksum is wrong and takes what follows for
 * the torn end of the log. Each frame stores the checksum that the next one starts from, so
 * frames behind a damaged one can still be proved good; when there is a whole commit among
 * them, the damage is in the middle of what was promised. */
#pragma once

#include <glib.h>

typedef struct {
  guint page_size;     /* 0: there is no WAL worth the name */
  guint n_frames;      /* up to and with the last commit that is proved */
  guint first_bad;     /* where SQLite's recovery would end; n_frames when all is well */
  guint commits_after; /* commits behind first_bad that are proved */
  gboolean header_bad;
  /* Per frame: */
  guint8 *good;      /* proved; the others carry damage somewhere */
  guint8 *strange;   /* nothing speaks for it: left of an older log, or overwritten */
  guint32 *page;     /* which page it says it is ... */
  guint32 *repaired; /* ... and which it may be, if a bit of that is wrong; 0: none */
  guint32 *size;     /* pages of the store after the commit that ends here; 0: none ends */
} WgWal;

#define WG_WAL_HEADER 32
#define WG_WAL_FRAME_HEADER 24

/* `page_size_hint` serves when the WAL's own header is damaged; 0: unknown. */
void wg_wal_scan(const guint8 *data, gsize size, guint page_size_hint, WgWal *ret);
void wg_wal_clear(WgWal *wal);
/* A commit that came after the damage was synced after it: the damage is no torn end. */
gboolean wg_wal_lost_commits(const WgWal *wal);
guint wg_wal_commit_end(const WgWal *wal, guint begin); /* behind the commit that begins there */

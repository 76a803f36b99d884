/* store-pages-place.h: which page a damaged frame of the write-ahead log is an image of. */
#pragma once

#include "common/store-pages.h"
#include "common/store-wal.h"

/* Frame `i` of the commit that begins at frame `begin`; `pages` is as it was before that commit.
 * The number may be 0 or behind the end, when nothing better is known. Counts pages->unsure. */
guint32 wg_pages_place(WgPages *pages, const WgWal *wal, const guint8 *data, guint begin, guint i);

/* store-pages-tree.c: what pages say of one another; for store-pages-place.c only. */
typedef struct {
  const WgPages *pages; /* as they were before */
  const WgWal *wal;
  const guint8 *data;
  guint begin, end; /* its frames */
} WgCommit;

typedef enum { WG_PAGE_OTHER, WG_PAGE_TABLE, WG_PAGE_INDEX } WgPageKind;

const guint8 *wg_commit_image(const WgCommit *commit, guint i);
/* FALSE: another frame of the commit has page `number` as a child, and the keys of frame `i` do not
 * lie where it says. */
gboolean wg_commit_keys_fit(const WgCommit *commit, guint i, guint32 number);
WgPageKind wg_page_kind(const guint8 *page); /* the first page of the file is WG_PAGE_OTHER */
/* As a child or a row's overflow page. `first`: `page` is the file's first; NULL refers to none. */
gboolean wg_pages_refers(const WgPages *pages, const guint8 *page, gboolean first, guint32 number);

/* store-pages.c: the pages of a damaged store; see store-pages.h.
 *
 * The newest image of a page is the last one in the WAL that belongs to a commit, else the file's.
 * A frame whose content is damaged still serves: most of its rows are whole, and its neighbours
 * in the commit rely on it. Nothing is written. */
#include "common/store-pages.h"

#include "common/store-pages-place.h"

#include <string.h>

#define DEFAULT_PAGE_SIZE 4096 /* what our files are made with */

static guint header_page_size(const guint8 *data, gsize size) {
  if (size < 100 || memcmp(data, "SQLite format 3", 16) != 0)
    return 0;
  guint n = wg_be16(data + 16);
  n = n == 1 ? 65536 : n;
  return n >= 512 && (n & (n - 1)) == 0 ? n : 0;
}

/* A frame that is not proved never makes the store longer. */
static void overlay(WgPages *pages, const WgWal *wal, const guint8 *data) {
  gsize step = WG_WAL_FRAME_HEADER + (gsize)wal->page_size;
  guint n = pages->n_pages;
  for (guint i = 0; i < wal->n_frames; i++) {
    if (wal->good[i])
      n = MAX(n, MAX(wal->page[i], wal->size[i]));
  }
  pages->frame = g_new0(guint64, (gsize)n + 1);
  pages->n_pages = n;
  g_autofree guint32 *number = g_new(guint32, wal->n_frames + 1);
  for (guint begin = 0, end = 0; begin < wal->n_frames; begin = end) {
    end = wg_wal_commit_end(wal, begin);
    for (guint i = begin; i < end; i++) /* all of a commit are seen against what was before it */
      number[i] = wg_pages_place(pages, wal, data, begin, i);
    for (guint i = begin; i < end; i++) {
      gboolean homeless = number[i] == 0 || number[i] > n || wal->strange[i];
      pages->homeless += homeless;
      if (!homeless)
        pages->frame[number[i]] = WG_WAL_HEADER + i * step + WG_WAL_FRAME_HEADER;
    }
  }
}

static GMappedFile *map(const char *path, const char *suffix) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  return g_mapped_file_new(name, FALSE, NULL);
}

static const guint8 *contents(GMappedFile *file, gsize *ret_size) {
  *ret_size = file ? g_mapped_file_get_length(file) : 0;
  return file ? (const guint8 *)g_mapped_file_get_contents(file) : NULL;
}

WgPages *wg_pages_open(const char *path) {
  WgPages *pages = g_new0(WgPages, 1);
  WgWal wal = {0};
  gsize size, wal_size;
  pages->db = map(path, "");
  pages->wal = map(path, "-wal");
  const guint8 *data = contents(pages->db, &size), *wal_data = contents(pages->wal, &wal_size);
  guint hint = header_page_size(data, size);
  if (wal_data)
    wg_wal_scan(wal_data, wal_size, hint, &wal);
  /* The WAL's header is proved by a checksum, the file's is not. */
  pages->page_size = wal.page_size && !wal.header_bad ? wal.page_size
                     : hint                           ? hint
                                                      : DEFAULT_PAGE_SIZE;
  pages->usable = pages->page_size; /* we reserve nothing */
  pages->n_pages = (size + pages->page_size - 1) / pages->page_size;
  if (size % pages->page_size != 0) {
    pages->partial = g_malloc0(pages->page_size);
    gsize whole = size - size % pages->page_size;
    memcpy(pages->partial, data + whole, size - whole);
  }
  if (wal.page_size != pages->page_size)
    wal.n_frames = 0;
  pages->file_pages = pages->n_pages;
  overlay(pages, &wal, wal_data);
  wg_wal_clear(&wal);
  return pages;
}

void wg_pages_free(WgPages *pages) {
  if (!pages)
    return;
  g_clear_pointer(&pages->db, g_mapped_file_unref);
  g_clear_pointer(&pages->wal, g_mapped_file_unref);
  g_free(pages->frame);
  g_free(pages->partial);
  g_free(pages);
}

const guint8 *wg_pages_get(const WgPages *pages, guint number) {
  if (number == 0 || number > pages->n_pages)
    return NULL;
  if (pages->frame[number])
    return (const guint8 *)g_mapped_file_get_contents(pages->wal) + pages->frame[number];
  if (number > pages->file_pages)
    return NULL;
  if (pages->partial && number == pages->file_pages)
    return pages->partial;
  return (const guint8 *)g_mapped_file_get_contents(pages->db) +
         (gsize)(number - 1) * pages->page_size;
}

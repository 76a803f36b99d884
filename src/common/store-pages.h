/* store-pages.h: a damaged store as numbered pages, without SQLite.
 *
 * The database file and the committed frames of its WAL, as one sequence of pages; and the parser
 * of b-tree pages and records (https://www.sqlite.org/fileformat2.html). Every number that comes
 * from the files is checked before it is used: they may hold anything. For the salvage only. */
#pragma once

#include "common/store-internal.h"

typedef struct {
  GMappedFile *db, *wal;
  guint page_size, usable;
  guint n_pages, file_pages; /* with the WAL; in the file alone */
  guint64 *frame;            /* per page: offset of its newest image in the WAL; 0: in the file */
  guint homeless;  /* images in the WAL that nobody knows the page of; they are left out */
  guint unsure;    /* images that may have been given to the wrong page */
  guint8 *partial; /* the last page, when the file ends inside it */
} WgPages;

WgPages *wg_pages_open(const char *path); /* files that are missing are empty */
void wg_pages_free(WgPages *pages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgPages, wg_pages_free)
const guint8 *wg_pages_get(const WgPages *pages, guint number); /* NULL: there is none */
guint32 wg_be32(const guint8 *p);
guint16 wg_be16(const guint8 *p);

typedef enum { WG_TREE_TABLE, WG_TREE_INDEX } WgTree; /* rows are in table leaves, or everywhere */

/* One cell that has parsed: the record is whole, its header consistent. */
typedef struct {
  gint64 rowid;    /* WG_TREE_TABLE only */
  guint8 *payload; /* owned; wg_cell_clear() */
  gsize size;
  guint n_columns;
  guint end; /* offset in the page after the part that lies there */
} WgCell;

typedef struct {
  guint64 type; /* serial type */
  const guint8 *data;
  gsize size;
} WgValue;

/* Parses the cell at `offset` of `page`; `child_bytes` is 4 in interior index pages. `overflow`
 * is called for each overflow page (to mark it used). FALSE: it is damaged. */
gboolean wg_cell_parse(const WgPages *pages, const guint8 *page, guint offset, WgTree tree,
                       guint child_bytes, GHashTable *used, WgCell *ret);
/* The first overflow page of such a cell; 0: it has none, or is damaged. */
guint32 wg_cell_overflow(const WgPages *pages, const guint8 *page, guint offset, WgTree tree,
                         guint child_bytes);
void wg_cell_clear(WgCell *cell);
guint wg_cell_values(const WgCell *cell, WgValue *values, guint max); /* how many there are */
/* Up to 9 bytes; returns how many, 0 when it runs over `end`. */
guint wg_varint(const guint8 *p, const guint8 *end, guint64 *ret);

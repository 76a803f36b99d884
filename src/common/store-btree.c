/* store-btree.c: parses cells and records; see store-pages.h.
 *
 * A cell is accepted only when all of it is: its payload lies in the page or in overflow pages
 * that exist, and the sizes in the record's header add up to the payload exactly. A flipped bit in
 * any length is found that way; one in a value is the business of the row's checksum. */
#include "common/store-pages.h"

#include <string.h>

guint32 wg_be32(const guint8 *p) {
  return (guint32)p[0] << 24 | (guint32)p[1] << 16 | (guint32)p[2] << 8 | p[3];
}

guint16 wg_be16(const guint8 *p) {
  return (guint16)(p[0] << 8 | p[1]);
}

guint wg_varint(const guint8 *p, const guint8 *end, guint64 *ret) {
  guint64 v = 0;
  for (guint i = 0; i < 9 && p + i < end; i++) {
    if (i == 8) {
      *ret = v << 8 | p[8];
      return 9;
    }
    v = v << 7 | (p[i] & 0x7f);
    if (!(p[i] & 0x80)) {
      *ret = v;
      return i + 1;
    }
  }
  return 0;
}

/* How many bytes of a payload of `size` lie in the page itself. */
static guint64 local_size(const WgPages *pages, WgTree tree, guint64 size) {
  guint64 u = pages->usable;
  guint64 max = tree == WG_TREE_TABLE ? u - 35 : (u - 12) * 64 / 255 - 23;
  guint64 min = (u - 12) * 32 / 255 - 23;
  if (size <= max)
    return size;
  guint64 k = min + (size - min) % (u - 4);
  return k <= max ? k : min;
}

static gboolean read_overflow(const WgPages *pages, guint32 next, guint8 *to, guint64 left,
                              GHashTable *used) {
  while (left > 0) {
    const guint8 *page = wg_pages_get(pages, next);
    if (!page)
      return FALSE;
    if (used)
      g_hash_table_add(used, GUINT_TO_POINTER(next));
    guint64 n = MIN(left, pages->usable - 4);
    memcpy(to, page + 4, n);
    to += n;
    left -= n;
    next = wg_be32(page);
  }
  return next == 0; /* a chain that goes on belongs to another record */
}

static gsize type_size(guint64 type) {
  static const guint8 small[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < G_N_ELEMENTS(small))
    return small[type];
  return type < 12 ? G_MAXSIZE : (type - 12) / 2;
}

guint wg_cell_values(const WgCell *cell, WgValue *values, guint max) {
  const guint8 *p = cell->payload, *end = p + cell->size;
  guint64 header = 0, type = 0;
  guint n = 0, used = wg_varint(p, end, &header);
  if (used == 0 || header < used || header > cell->size)
    return 0;
  const guint8 *data = p + header, *header_end = data;
  for (p += used; p < header_end; n++) {
    guint len = wg_varint(p, header_end, &type);
    gsize size = type_size(type);
    if (len == 0 || size > (gsize)(end - data))
      return 0;
    if (n < max)
      values[n] = (WgValue){type, data, size};
    p += len;
    data += size;
  }
  return data == end ? n : 0;
}

typedef struct {
  guint64 rowid, size, local; /* bytes of the payload; those that lie in the page */
  const guint8 *payload;
} Layout;

static gboolean lay_out(const WgPages *pages, const guint8 *page, guint offset, WgTree tree,
                        guint child_bytes, Layout *ret) {
  const guint8 *end = page + pages->usable, *p = page + offset + child_bytes;
  Layout l = {0};
  guint len = p < end ? wg_varint(p, end, &l.size) : 0;
  if (len == 0 || l.size < 2 || l.size > (guint64)pages->n_pages * pages->page_size)
    return FALSE;
  p += len;
  if (tree == WG_TREE_TABLE && (len = wg_varint(p, end, &l.rowid)) == 0)
    return FALSE;
  p += tree == WG_TREE_TABLE ? len : 0;
  l.payload = p;
  l.local = local_size(pages, tree, l.size);
  if (l.local + (l.local < l.size ? 4 : 0) > (guint64)(end - p))
    return FALSE;
  *ret = l;
  return TRUE;
}

guint32 wg_cell_overflow(const WgPages *pages, const guint8 *page, guint offset, WgTree tree,
                         guint child_bytes) {
  Layout l;
  if (!lay_out(pages, page, offset, tree, child_bytes, &l) || l.local == l.size)
    return 0;
  return wg_be32(l.payload + l.local);
}

gboolean wg_cell_parse(const WgPages *pages, const guint8 *page, guint offset, WgTree tree,
                       guint child_bytes, GHashTable *used, WgCell *ret) {
  Layout l;
  if (!lay_out(pages, page, offset, tree, child_bytes, &l))
    return FALSE;
  gboolean spills = l.local < l.size;
  const guint8 *end = l.payload + l.local;
  WgCell cell = {.rowid = (gint64)l.rowid, .size = l.size, .payload = g_try_malloc(l.size)};
  if (!cell.payload)
    return FALSE;
  memcpy(cell.payload, l.payload, l.local);
  cell.end = (guint)(end + (spills ? 4 : 0) - page);
  if (!spills || read_overflow(pages, wg_be32(end), cell.payload + l.local, l.size - l.local, used))
    cell.n_columns = wg_cell_values(&cell, NULL, 0);
  if (cell.n_columns == 0) {
    wg_cell_clear(&cell);
    return FALSE;
  }
  *ret = cell;
  return TRUE;
}

void wg_cell_clear(WgCell *cell) {
  g_clear_pointer(&cell->payload, g_free);
}

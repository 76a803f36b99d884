/* store-salvage-leaf.c: the cells of one page; see store-salvage-internal.h.
 *
 * A cell is reached by its pointer. When one of them fails, or the number of cells is wrong, the
 * bytes that no cell covers are looked at as well: cells lie close together, so that such a run
 * begins with one. (Removed cells were overwritten with zeroes, secure_delete=FAST.) */
#include "common/store-salvage-internal.h"

#include <string.h>

static guint page_offset(guint number) {
  return number == 1 ? 100 : 0; /* the file's header */
}

static guint max_cells(const WgPages *pages, guint header) {
  return (pages->usable - header) / 2;
}

/* Whether a cell lies there that is one of the table's. */
static gboolean parse(Salvage *s, const SalvageTable *t, const guint8 *page, guint at,
                      guint child_bytes, GHashTable *used, WgCell *ret) {
  if (at + 4 > s->pages->usable ||
      !wg_cell_parse(s->pages, page, at, t->tree, child_bytes, used, ret))
    return FALSE;
  if (wg_salvage_fits(t, ret))
    return TRUE;
  wg_cell_clear(ret);
  return FALSE;
}

SalvageLook wg_salvage_look(Salvage *s, const SalvageTable *t, guint number, guint child_bytes,
                            SalvageRange range) {
  const guint8 *page = wg_pages_get(s->pages, number);
  guint at = page_offset(number);
  SalvageLook look = {.type = page[at], .n_cells = wg_be16(page + at + 3)};
  guint header = at + (child_bytes ? 12 : 8);
  guint n = MIN(look.n_cells, max_cells(s->pages, header));
  for (guint i = 0; i < n; i++) {
    WgCell cell;
    if (!parse(s, t, page, wg_be16(page + header + 2 * i), child_bytes, NULL, &cell))
      continue;
    look.valid++;
    if (t->tree == WG_TREE_INDEX || (cell.rowid > range.lo && cell.rowid <= range.hi)) {
      look.first = look.in_range == 0 ? cell.rowid : MIN(look.first, cell.rowid);
      look.last = look.in_range == 0 ? cell.rowid : MAX(look.last, cell.rowid);
      look.in_range++;
    }
    wg_cell_clear(&cell);
  }
  return look;
}

typedef struct {
  guint header, child_bytes, n, lowest;
  const guint8 *page;
  SalvageRange range;
  gint64 last; /* rowid */
} Reading;

/* Marks the cell's bytes. FALSE when some belong to another cell already. */
static gboolean cover(Salvage *s, guint at, guint end) {
  if (memchr(s->covered + at, 1, end - at))
    return FALSE;
  memset(s->covered + at, 1, end - at);
  return TRUE;
}

/* Where the next cell begins behind `at`, as far as the pointers tell. */
static guint next_start(const WgPages *pages, const Reading *r, guint at) {
  guint end = pages->usable;
  for (guint i = 0; i < r->n; i++) {
    guint p = wg_be16(r->page + r->header + 2 * i);
    if (p > at && p < end)
      end = p;
  }
  return end;
}

/* The rowid of the cell behind pointer `i` when it can be read; else no limit. */
static gint64 rowid_of(Salvage *s, const SalvageTable *t, const Reading *r, guint i) {
  WgCell cell;
  gint64 rowid = G_MAXINT64;
  if (i < r->n && parse(s, t, r->page, wg_be16(r->page + r->header + 2 * i), 0, NULL, &cell)) {
    rowid = cell.rowid;
    wg_cell_clear(&cell);
  }
  return rowid;
}

/* Rowids ascend. One that is out of order is wrong itself, or its neighbour is: it waits. */
static gboolean in_order(Salvage *s, const SalvageTable *t, Reading *r, guint i,
                         const WgCell *cell) {
  if (t->tree == WG_TREE_INDEX)
    return TRUE;
  if (cell->rowid <= r->last || cell->rowid > r->range.hi)
    return FALSE;
  /* When the next one is smaller, it is that one's fault only if it is out of order by itself. */
  gint64 next = rowid_of(s, t, r, i + 1);
  if (next <= cell->rowid && next > r->last)
    return FALSE;
  r->last = cell->rowid;
  return TRUE;
}

static gboolean read_pointer(Salvage *s, SalvageTable *t, Reading *r, guint i) {
  guint at = wg_be16(r->page + r->header + 2 * i);
  WgCell cell;
  if (at < r->lowest || !parse(s, t, r->page, at, r->child_bytes, s->overflow, &cell))
    return FALSE;
  if (!cover(s, at, cell.end)) {
    wg_cell_clear(&cell);
    return FALSE;
  }
  if (in_order(s, t, r, i, &cell))
    t->row(s, t, &cell);
  else
    g_array_append_val(t->doubtful, cell);
  return TRUE;
}

/* Cells that no pointer leads to. Returns how many. */
static guint read_uncovered(Salvage *s, SalvageTable *t, Reading *r, guint start) {
  guint found = 0;
  for (guint at = start; at + 4 < s->pages->usable;) {
    WgCell cell;
    if (s->covered[at] || r->page[at + r->child_bytes] == 0 ||
        !parse(s, t, r->page, at, r->child_bytes, s->overflow, &cell)) {
      at++;
      continue;
    }
    if (!cover(s, at, cell.end)) {
      wg_cell_clear(&cell);
      at++;
      continue;
    }
    at = cell.end;
    found++;
    g_array_append_val(t->doubtful, cell);
  }
  return found;
}

static guint uncovered(const Salvage *s, guint start) {
  guint n = 0;
  for (guint at = start; at < s->pages->usable; at++)
    n += !s->covered[at];
  return n;
}

/* Free blocks and fragments, as far as their chain is sound. */
guint wg_salvage_free_bytes(const WgPages *pages, const guint8 *page, guint at) {
  guint n = page[at + 7], steps = 0;
  for (guint p = wg_be16(page + at + 1); p >= at + 8 && p + 4 <= pages->usable && steps < 16384;
       steps++) {
    guint next = wg_be16(page + p);
    n += wg_be16(page + p + 2);
    if (next != 0 && next <= p)
      break;
    p = next;
  }
  return n;
}

void wg_salvage_read_cells(Salvage *s, SalvageTable *t, guint number, guint child_bytes,
                           SalvageRange range) {
  const guint8 *page = wg_pages_get(s->pages, number);
  guint at = page_offset(number), n_cells = wg_be16(page + at + 3), failed = 0;
  Reading r = {.header = at + (child_bytes ? 12 : 8), .child_bytes = child_bytes, .page = page};
  r.range = range;
  r.last = range.lo;
  r.n = MIN(n_cells, max_cells(s->pages, r.header));
  r.lowest = r.header;
  memset(s->covered, 0, s->pages->page_size);
  guint8 *bad = g_new0(guint8, r.n + 1);
  for (guint i = 0; i < r.n; i++)
    failed += bad[i] = !read_pointer(s, t, &r, i);
  guint start = wg_be16(page + at + 5);
  start = start < r.header || start > s->pages->usable ? r.header + 2 * r.n : start;
  if (failed > 0 || n_cells != r.n ||
      uncovered(s, start) != wg_salvage_free_bytes(s->pages, page, at)) {
    t->damaged |= child_bytes > 0; /* children that no cell told of are searched */
    guint found = read_uncovered(s, t, &r, start);
    for (guint i = 0; i < r.n; i++) {
      guint p = wg_be16(page + r.header + 2 * i);
      if (!bad[i] || p < start || p >= s->pages->usable || s->covered[p])
        continue;
      wg_salvage_keep_bytes(s, t, 0, "the cell cannot be parsed", page + p,
                            next_start(s->pages, &r, p) - p);
    }
    t->lost += failed > found && n_cells == r.n ? failed - found : 0;
  }
  g_free(bad);
}

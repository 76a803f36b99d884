/* store-pages-tree.c: who refers to a page, and which keys it may have; see store-pages-place.h.
 *
 * It reads single images, which may be damaged; nothing is followed from page to page but the
 * overflow of a key. Keys of an index are compared as SQLite does by default (no collation, nothing
 * descending): where that is wrong, they fit nowhere and so decide nothing. */
#include "common/store-pages-place.h"

#include <string.h>

#define MAX_KEY 8 /* columns */

typedef struct {
  WgPageKind kind;
  guint header, child_bytes, n; /* end of the page's header; cells */
} Shape;

const guint8 *wg_commit_image(const WgCommit *c, guint i) {
  gsize step = WG_WAL_FRAME_HEADER + (gsize)c->wal->page_size;
  return c->data + WG_WAL_HEADER + i * step + WG_WAL_FRAME_HEADER;
}

static WgPageKind kind_of(guint8 type) {
  if (type == 0x05 || type == 0x0d)
    return WG_PAGE_TABLE;
  return type == 0x02 || type == 0x0a ? WG_PAGE_INDEX : WG_PAGE_OTHER;
}

WgPageKind wg_page_kind(const guint8 *page) {
  return kind_of(page[0]);
}

static Shape shape_of(const WgPages *pages, const guint8 *page, gboolean first) {
  guint at = first ? 100 : 0;
  Shape s = {.kind = kind_of(page[at])};
  s.child_bytes = page[at] < 0x0a ? 4 : 0;
  s.header = at + (s.child_bytes ? 12 : 8);
  s.n = s.kind == WG_PAGE_OTHER ? 0 : MIN(wg_be16(page + at + 3), (pages->usable - s.header) / 2);
  return s;
}

/* Offset of the cell; 0: there is none. */
static guint cell_at(const WgPages *pages, const guint8 *page, const Shape *s, guint i) {
  guint at = wg_be16(page + s->header + 2 * i);
  return at >= s->header && at + 4 < pages->usable ? at : 0;
}

/* The child in place `i` of an interior page; the last one has place n. */
static guint32 child_at(const WgPages *pages, const guint8 *page, const Shape *s, guint i) {
  guint at = i < s->n ? cell_at(pages, page, s, i) : s->header - 4;
  return at ? wg_be32(page + at) : 0;
}

gboolean wg_pages_refers(const WgPages *pages, const guint8 *page, gboolean first, guint32 number) {
  if (!page)
    return FALSE;
  Shape s = shape_of(pages, page, first);
  if (s.kind == WG_PAGE_OTHER)
    return FALSE;
  WgTree tree = s.kind == WG_PAGE_TABLE ? WG_TREE_TABLE : WG_TREE_INDEX;
  gboolean rows = tree == WG_TREE_INDEX || s.child_bytes == 0;
  for (guint i = 0; i <= s.n; i++) {
    if (s.child_bytes && child_at(pages, page, &s, i) == number)
      return TRUE;
    guint at = rows && i < s.n ? cell_at(pages, page, &s, i) : 0;
    if (at && wg_cell_overflow(pages, page, at, tree, s.child_bytes) == number)
      return TRUE;
  }
  return FALSE;
}

/* TRUE: it can be read; to be cleared. Interior pages of a table have nothing but the rowid. */
static gboolean read_key(const WgPages *pages, const guint8 *page, const Shape *s, guint i,
                         WgCell *ret) {
  guint at = i < s->n ? cell_at(pages, page, s, i) : 0;
  guint64 key;
  *ret = (WgCell){0};
  if (at == 0)
    return FALSE;
  if (s->kind == WG_PAGE_INDEX)
    return wg_cell_parse(pages, page, at, WG_TREE_INDEX, s->child_bytes, NULL, ret);
  const guint8 *p = page + at + s->child_bytes, *end = page + pages->usable;
  guint size = s->child_bytes ? 0 : wg_varint(p, end, &key); /* of the payload */
  if ((!s->child_bytes && size == 0) || wg_varint(p + size, end, &key) == 0)
    return FALSE;
  ret->rowid = (gint64)key;
  return TRUE;
}

static guint class_of(const WgValue *v) {
  return v->type == 0 ? 0 : v->type < 12 ? 1 : v->type & 1 ? 2 : 3; /* null, number, text, blob */
}

static gint64 integer(const WgValue *v) {
  if (v->type == 8 || v->type == 9)
    return v->type - 8;
  guint64 n = v->data[0] & 0x80 ? G_MAXUINT64 : 0;
  for (gsize i = 0; i < v->size; i++)
    n = n << 8 | v->data[i];
  return (gint64)n;
}

static gint compare_values(const WgValue *x, const WgValue *y) {
  guint class = class_of(x);
  if (class != class_of(y))
    return class < class_of(y) ? -1 : 1;
  if (class == 0 || x->type == 7 || y->type == 7) /* a double: not compared */
    return 0;
  if (class == 1)
    return integer(x) < integer(y) ? -1 : integer(x) > integer(y);
  gint sign = memcmp(x->data, y->data, MIN(x->size, y->size));
  return sign ? sign : x->size < y->size ? -1 : x->size > y->size;
}

static gint compare_keys(WgPageKind kind, const WgCell *x, const WgCell *y) {
  WgValue a[MAX_KEY], b[MAX_KEY];
  gint sign = 0;
  if (kind == WG_PAGE_TABLE)
    return x->rowid < y->rowid ? -1 : x->rowid > y->rowid;
  guint n = MIN(wg_cell_values(x, a, MAX_KEY), wg_cell_values(y, b, MAX_KEY));
  for (guint i = 0; i < MIN(n, MAX_KEY) && sign == 0; i++)
    sign = compare_values(&a[i], &b[i]);
  return sign;
}

/* Whether key `i` of `page` is not on the wrong side of key `k` of `parent`; `side` -1: it has to
 * be smaller, or equal. What cannot be read fits. */
static gboolean fits(const WgPages *pages, const guint8 *page, guint i, const guint8 *parent,
                     guint k, gint side) {
  Shape s = shape_of(pages, page, FALSE), above = shape_of(pages, parent, FALSE);
  WgCell x, y = {0};
  gboolean ok = TRUE;
  if (read_key(pages, page, &s, i, &x) && read_key(pages, parent, &above, k, &y))
    ok = compare_keys(s.kind, &x, &y) * side >= 0;
  wg_cell_clear(&x);
  wg_cell_clear(&y);
  return ok;
}

gboolean wg_commit_keys_fit(const WgCommit *c, guint i, guint32 number) {
  const guint8 *page = wg_commit_image(c, i);
  Shape s = shape_of(c->pages, page, FALSE);
  for (guint k = c->begin; s.n > 0 && k < c->end; k++) {
    const guint8 *parent = wg_commit_image(c, k);
    Shape above = shape_of(c->pages, parent, FALSE);
    if (k == i || !c->wal->good[k] || c->wal->page[k] == 1 || above.child_bytes == 0 ||
        above.kind == WG_PAGE_OTHER)
      continue;
    for (guint at = 0; at <= above.n; at++) {
      if (child_at(c->pages, parent, &above, at) == number)
        return above.kind == s.kind && (at == 0 || fits(c->pages, page, 0, parent, at - 1, 1)) &&
               (at == above.n || fits(c->pages, page, s.n - 1, parent, at, -1));
    }
  }
  return TRUE;
}

/* store-salvage-walk.c: down the trees, and through what they do not reach; see
 * store-salvage-internal.h.
 *
 * A child is believed when it looks like a page of the table and its rows lie where its
 * parent says; what its type byte says counts less than what its cells say. A page that is
 * refused makes the table `damaged`, and only then pages that nobody claims are searched: in a
 * sound store they are free and may hold rows that were removed long ago. */
#include "common/store-salvage-internal.h"

#define MAX_DEPTH 24

typedef enum { NOTHING, LEAF, INTERIOR } Kind;

static gboolean in_file(const Salvage *s, guint32 number) {
  return number > 0 && number <= s->pages->n_pages;
}

/* Interior cells of a table are a child and a key; most of them have to make sense. */
static gboolean is_interior(Salvage *s, guint number, const SalvageLook *look) {
  const guint8 *page = wg_pages_get(s->pages, number);
  guint at = number == 1 ? 100 : 0, good = 0;
  guint n = MIN(look->n_cells, (s->pages->usable - at - 12) / 2);
  for (guint i = 0; i < n; i++) {
    guint p = wg_be16(page + at + 12 + 2 * i);
    good += p >= at + 12 && p + 5 <= s->pages->usable && in_file(s, wg_be32(page + p));
  }
  return n > 0 ? good * 2 > n : look->type == 0x05 && in_file(s, wg_be32(page + at + 8));
}

static Kind classify_table(Salvage *s, const SalvageTable *t, guint number, SalvageRange range) {
  SalvageLook look = wg_salvage_look(s, t, number, 0, range);
  const guint8 *page = wg_pages_get(s->pages, number);
  gboolean vacant = number != t->root && wg_be16(page + 5) == s->pages->usable;
  if (look.n_cells == 0 && look.type == 0x0d)
    return vacant ? NOTHING : LEAF; /* free: only a root is left empty */
  if (look.valid > 0 && (look.type == 0x0d || look.valid * 2 >= look.n_cells))
    return look.in_range * 2 > look.valid ? LEAF : NOTHING;
  return is_interior(s, number, &look) ? INTERIOR : NOTHING;
}

/* Without rowids both kinds of pages have rows: the reading that more of them fit is right. */
static Kind classify_index(Salvage *s, const SalvageTable *t, guint number, SalvageRange range) {
  SalvageLook leaf = wg_salvage_look(s, t, number, 0, range);
  SalvageLook interior = wg_salvage_look(s, t, number, 4, range);
  if (leaf.valid == 0 && interior.valid == 0 && leaf.n_cells > 1)
    return NOTHING; /* another tree's: one wrong bit does not spoil two cells */
  if (leaf.valid == interior.valid)
    return leaf.type == 0x0a ? LEAF : leaf.type == 0x02 ? INTERIOR : NOTHING;
  return leaf.valid > interior.valid ? LEAF : INTERIOR;
}

static Kind classify(Salvage *s, const SalvageTable *t, guint number, SalvageRange range) {
  return t->tree == WG_TREE_TABLE ? classify_table(s, t, number, range)
                                  : classify_index(s, t, number, range);
}

static void walk(Salvage *s, SalvageTable *t, guint number, SalvageRange range, guint depth);

static void walk_interior(Salvage *s, SalvageTable *t, guint number, SalvageRange range,
                          guint depth) {
  const guint8 *page = wg_pages_get(s->pages, number);
  guint at = number == 1 ? 100 : 0;
  guint n = MIN(wg_be16(page + at + 3), (s->pages->usable - at - 12) / 2);
  gint64 lo = range.lo;
  guint cells = 0; /* their bytes */
  for (guint i = 0; i < n; i++) {
    guint p = wg_be16(page + at + 12 + 2 * i);
    guint64 key = 0;
    if (p < at + 12 || p + 5 > s->pages->usable) {
      t->damaged = TRUE;
      continue;
    }
    guint32 child = wg_be32(page + p);
    guint key_size = wg_varint(page + p + 4, page + s->pages->usable, &key);
    gboolean ok = t->tree == WG_TREE_INDEX || key_size > 0;
    cells += 4 + key_size;
    if (t->tree == WG_TREE_TABLE && (!ok || (gint64)key <= lo || (gint64)key > range.hi)) {
      /* A key that is out of order says nothing about its children. */
      walk(s, t, child, (SalvageRange){lo, range.hi}, depth + 1);
      continue;
    }
    gint64 hi = t->tree == WG_TREE_TABLE ? (gint64)key : range.hi;
    walk(s, t, child, (SalvageRange){lo, hi}, depth + 1);
    lo = t->tree == WG_TREE_TABLE ? hi : lo;
  }
  /* More bytes in use than the cells have: the number of cells is wrong, and children were passed
   * over. */
  guint start = wg_be16(page + at + 5);
  if (t->tree == WG_TREE_TABLE &&
      s->pages->usable - start != cells + wg_salvage_free_bytes(s->pages, page, at))
    t->damaged = TRUE;
  walk(s, t, wg_be32(page + at + 8), (SalvageRange){lo, range.hi}, depth + 1);
}

/* A child that is also in the list of free pages: either the list has a wrong bit, or its parent.
 * Then the true one is one bit away, in neither of them, and its rows follow closer on the
 * key that is known. (In a free page lie rows that were removed.) */
static guint32 true_child(Salvage *s, const SalvageTable *t, guint32 number, SalvageRange range) {
  guint32 best = number;
  if (t->tree == WG_TREE_INDEX || !g_hash_table_contains(s->free, GUINT_TO_POINTER(number)))
    return number;
  SalvageLook most = wg_salvage_look(s, t, number, 0, range);
  for (guint bit = 0; bit < 32; bit++) {
    guint32 other = number ^ 1u << bit;
    if (!wg_pages_get(s->pages, other) || s->claimed[other] ||
        g_hash_table_contains(s->free, GUINT_TO_POINTER(other)) ||
        g_hash_table_contains(s->overflow, GUINT_TO_POINTER(other)))
      continue;
    SalvageLook look = wg_salvage_look(s, t, other, 0, range);
    gboolean closer = range.hi == G_MAXINT64 ? look.first < most.first : look.last > most.last;
    if (look.in_range == 0 || look.in_range * 2 <= look.n_cells || (most.in_range > 0 && !closer))
      continue;
    best = other;
    most = look;
  }
  return best;
}

static void walk(Salvage *s, SalvageTable *t, guint number, SalvageRange range, guint depth) {
  if (s->error)
    return;
  Kind kind = NOTHING;
  if (wg_pages_get(s->pages, number))
    number = true_child(s, t, number, range);
  if (wg_pages_get(s->pages, number) && !s->claimed[number] && depth <= MAX_DEPTH)
    kind = classify(s, t, number, range);
  if (kind == NOTHING) {
    t->damaged = TRUE;
    t->refused++;
    return;
  }
  s->claimed[number] = TRUE;
  if (kind == LEAF || t->tree == WG_TREE_INDEX)
    wg_salvage_read_cells(s, t, number, kind == LEAF ? 0 : 4, range);
  if (kind == INTERIOR)
    walk_interior(s, t, number, range, depth);
}

void wg_salvage_walk(Salvage *s, SalvageTable *t) {
  if (t->root == 0)
    t->damaged = TRUE;
  else
    walk(s, t, t->root, (SalvageRange){G_MININT64, G_MAXINT64}, 0);
}

/* The table that an unclaimed leaf belongs to: the one of the damaged tables that most of its cells
 * fit. NULL: none, or several alike. */
static SalvageTable *owner_of(Salvage *s, guint number) {
  SalvageTable *best = NULL;
  guint most = 0;
  gboolean tie = FALSE;
  for (guint i = 0; i < s->tables->len; i++) {
    SalvageTable *t = s->tables->pdata[i];
    if (!t->damaged)
      continue;
    SalvageLook look = wg_salvage_look(s, t, number, 0, (SalvageRange){G_MININT64, G_MAXINT64});
    guint leaf = t->tree == WG_TREE_TABLE ? 0x0d : 0x0a;
    if (__builtin_popcount(look.type ^ leaf) > 1 || look.valid == 0 ||
        look.valid * 2 < look.n_cells)
      continue;
    tie = look.valid == most;
    if (look.valid > most) {
      most = look.valid;
      best = t;
    }
  }
  return tie ? NULL : best;
}

void wg_salvage_orphans(Salvage *s) {
  gboolean any = FALSE;
  for (guint i = 0; i < s->tables->len; i++)
    any |= ((SalvageTable *)s->tables->pdata[i])->damaged;
  for (guint n = 2; any && n <= s->pages->n_pages && !s->error; n++) {
    if (s->claimed[n] || !wg_pages_get(s->pages, n) ||
        g_hash_table_contains(s->free, GUINT_TO_POINTER(n)) ||
        g_hash_table_contains(s->overflow, GUINT_TO_POINTER(n)))
      continue;
    SalvageTable *t = owner_of(s, n);
    if (!t)
      continue;
    s->claimed[n] = TRUE;
    t->orphans++;
    wg_salvage_read_cells(s, t, n, 0, (SalvageRange){G_MININT64, G_MAXINT64});
  }
}

void wg_salvage_read_free_list(Salvage *s) {
  const guint8 *first = wg_pages_get(s->pages, 1);
  guint32 trunk = first ? wg_be32(first + 32) : 0;
  while (in_file(s, trunk) && !g_hash_table_contains(s->free, GUINT_TO_POINTER(trunk))) {
    const guint8 *page = wg_pages_get(s->pages, trunk);
    guint32 n = page ? wg_be32(page + 4) : G_MAXUINT32;
    if (n > s->pages->usable / 4 - 2)
      return;
    g_hash_table_add(s->free, GUINT_TO_POINTER(trunk));
    for (guint i = 0; i < n; i++) {
      guint32 leaf = wg_be32(page + 8 + 4 * i);
      if (in_file(s, leaf))
        g_hash_table_add(s->free, GUINT_TO_POINTER(leaf));
    }
    trunk = wg_be32(page);
  }
}

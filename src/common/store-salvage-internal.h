/* store-salvage-internal.h: what the files store-salvage*.c share.
 *
 * The salvage walks the pages of the damaged store itself: first down the tree of each table, then
 * through pages that no tree reaches any more. What parses and fits the table's columns goes
 * into the new store at once; rows about which there is a doubt (a number out of order, bytes
 * that no pointer leads to) wait until all others are in and never displace one. Bytes of
 * cells that do not parse are kept in the table `quarantine`. */
#pragma once

#include "common/store-pages.h"

#define SALVAGE_MAX_COLUMNS 256

typedef struct Salvage Salvage;
typedef struct SalvageTable SalvageTable;
struct SalvageTable {
  char *name;
  WgTree tree;
  guint32 root; /* 0: unknown */
  guint n_columns;
  char **columns;   /* in the order of storage */
  guint8 *affinity; /* 'i' integer, 'r' real, 't' text, 'b' anything */
  guint8 *not_null;
  guint rowid_column;     /* index of the column that stands for the rowid; G_MAXUINT: none */
  gboolean damaged;       /* something of its tree is out of reach */
  guint refused, orphans; /* pages that should be the table's and are not; pages found elsewhere */
  guint64 salvaged, lost;
  void (*row)(Salvage *s, SalvageTable *t, WgCell *cell); /* takes a sound row */
  sqlite3_stmt *insert;
  guint insert_columns; /* what `insert` is for; older rows have fewer */
  GArray *doubtful;     /* WgCell */
};

struct Salvage {
  WgStore *store;
  WgPages *pages;
  sqlite3 *to;
  GPtrArray *tables;    /* SalvageTable; `quarantine` first */
  GHashTable *free;     /* page numbers on the free list, as far as it can be read */
  GHashTable *overflow; /* pages that belong to a record */
  guint8 *claimed;      /* per page */
  guint8 *covered;      /* per byte of the page at hand */
  GError *error;        /* of the new store: ends the salvage */
  guint since_commit;
};

/* store-salvage-schema.c */
gboolean wg_salvage_load_schema(Salvage *s, GError **error);
void wg_salvage_table_free(SalvageTable *table);
gboolean wg_salvage_fits(const SalvageTable *table, const WgCell *cell);
void wg_salvage_find_roots(Salvage *s);

/* store-salvage-insert.c */
void wg_salvage_insert(Salvage *s, SalvageTable *table, WgCell *cell); /* takes its content */
void wg_salvage_insert_doubtful(Salvage *s);
void wg_salvage_keep_bytes(Salvage *s, SalvageTable *table, gint64 key, const char *reason,
                           const void *bytes, gsize size);

/* store-salvage-leaf.c: the cells of one page. `lo` < rowid <= `hi` is what its parent says. */
typedef struct {
  gint64 lo, hi;
} SalvageRange;
typedef struct {
  guint type, n_cells;   /* as the page says */
  guint valid, in_range; /* cells that parse and fit; of those, in range */
  gint64 first, last;    /* rowids of those in range */
} SalvageLook;
/* `child_bytes`: 0 as a leaf, 4 as an interior page of an index tree. */
SalvageLook wg_salvage_look(Salvage *s, const SalvageTable *table, guint number, guint child_bytes,
                            SalvageRange range);
guint wg_salvage_free_bytes(const WgPages *pages, const guint8 *page,
                            guint at); /* of the page's header at `at` */
void wg_salvage_read_cells(Salvage *s, SalvageTable *table, guint number, guint child_bytes,
                           SalvageRange range);

/* store-salvage-walk.c */
void wg_salvage_walk(Salvage *s, SalvageTable *table);
void wg_salvage_orphans(Salvage *s);
void wg_salvage_read_free_list(Salvage *s);

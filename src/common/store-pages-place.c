/* store-pages-place.c: see store-pages-place.h.
 *
 * A wrong bit in a frame's page number costs two pages when it is believed: the one that gets
 * another's image, and the one that keeps an old one, without a sign of it in either. The checksum
 * often tells what the number was, but some bits of the content look the same to it. Between the
 * two numbers decides what else is known, the surest first:
 *   - a commit's pages are in ascending order, none twice, none behind the end of the store;
 *   - a page that is new, or that the commit refers to for the first time, comes with it, and one
 *     that it refers to no more does not;
 *   - a page's keys lie between those that its parent says;
 *   - a page mostly holds what it held before.
 * Invariant: a frame that is proved is never doubted. */
#include "common/store-pages-place.h"

#include <string.h>

#define WINDOW 8        /* bytes that are looked for together */
#define SAME_KIND 200   /* worth so many thousandths of likeness */
#define CLEAR_ENOUGH 50 /* a smaller difference decides nothing for sure */

/* How much of `content` the page held before, in thousandths, wherever in the page; a bit more
 * when it was the same kind of page. */
static gint likeness(const WgPages *pages, guint32 number, const guint8 *content) {
  static const guint8 zero[WINDOW];
  const guint8 *older = wg_pages_get(pages, number);
  guint same = 0, all = 1;
  for (guint i = 0; older && i + WINDOW <= pages->page_size; i += WINDOW) {
    if (memcmp(content + i, zero, WINDOW) == 0)
      continue;
    all++;
    same += memmem(older, pages->page_size, content + i, WINDOW) != NULL;
  }
  gboolean alike = older && wg_page_kind(older) == wg_page_kind(content);
  return (gint)(same * 1000 / all) + (alike ? SAME_KIND : 0);
}

/* What the commit does to the page by what its other frames refer to. */
typedef enum {
  GONE,    /* out of its tree: not written any more, except as a part of the free list */
  UNKNOWN, /* or kept */
  NEW,     /* then it is among the frames */
} Fate;

static gboolean goes_on_at(const guint8 *page, guint32 number) {
  return page && wg_page_kind(page) == WG_PAGE_OTHER && wg_be32(page) == number;
}

/* A reference may move from page to page, so all of the older images count together; whether those
 * of the two pages that the frame may be were replaced is not known. An overflow page goes on where
 * it did, and so does a list of free pages, to which nobody refers. */
static Fate fate_of(const WgCommit *c, guint i, guint32 number) {
  const guint32 both[] = {c->wal->page[i], c->wal->repaired[i]};
  gboolean then = FALSE, perhaps = FALSE;
  gboolean now = wg_pages_refers(c->pages, wg_commit_image(c, i), FALSE, number);
  if (!wg_pages_get(c->pages, number))
    return NEW;
  for (guint k = 0; k < G_N_ELEMENTS(both); k++)
    perhaps |= wg_pages_refers(c->pages, wg_pages_get(c->pages, both[k]), both[k] == 1, number);
  for (guint k = c->begin; k < c->end; k++) {
    guint32 page = c->wal->page[k];
    const guint8 *older = wg_pages_get(c->pages, page), *image = wg_commit_image(c, k);
    if (!c->wal->good[k])
      continue;
    then |= wg_pages_refers(c->pages, older, page == 1, number);
    now |= wg_pages_refers(c->pages, image, page == 1, number);
    now |= page != 1 && goes_on_at(image, number) && !goes_on_at(older, number);
  }
  return now && !then && !perhaps ? NEW : then && !now ? GONE : UNKNOWN;
}

static gboolean is_possible(const WgCommit *c, guint i, guint32 number) {
  const WgWal *wal = c->wal;
  for (guint k = c->begin; k < c->end; k++) {
    if (wal->good[k] && ((k < i && wal->page[k] >= number) || (k > i && wal->page[k] <= number)))
      return FALSE;
  }
  return number > 0 && number <= c->pages->n_pages && number <= wal->size[c->end - 1];
}

guint32 wg_pages_place(WgPages *pages, const WgWal *wal, const guint8 *data, guint begin, guint i) {
  guint32 says = wal->page[i], may_be = wal->repaired[i];
  if (wal->good[i] || may_be == 0 || may_be == says)
    return says;
  WgCommit c = {pages, wal, data, begin, wg_wal_commit_end(wal, begin)};
  const guint8 *content = wg_commit_image(&c, i);
  gboolean first = is_possible(&c, i, says), second = is_possible(&c, i, may_be);
  if (first != second)
    return first ? says : may_be;
  Fate fate = first ? fate_of(&c, i, says) : UNKNOWN;
  Fate other = second ? fate_of(&c, i, may_be) : UNKNOWN;
  gboolean in_tree = wg_page_kind(content) != WG_PAGE_OTHER;
  if (fate != other && (fate == NEW || other == NEW || in_tree))
    return fate > other ? says : may_be;
  first = wg_commit_keys_fit(&c, i, says);
  second = wg_commit_keys_fit(&c, i, may_be);
  if (first != second)
    return first ? says : may_be;
  gint more = likeness(pages, may_be, content) - likeness(pages, says, content);
  pages->unsure += ABS(more) < CLEAR_ENOUGH;
  return more > 0 ? may_be : says;
}

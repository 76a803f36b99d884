/* store-wal.c: see store-wal.h. */
#include "common/store-wal.h"

#include "common/store-internal.h"
#include "common/store-pages.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
  guint32 a, b;
} Sum;

typedef struct {
  const guint8 *data;
  guint page_size, n;
  gboolean big_endian;
  guint8 salt[8];
} Scan;

static guint32 word(const guint8 *p, gboolean big_endian) {
  guint32 w;
  memcpy(&w, p, 4);
  return big_endian ? GUINT32_FROM_BE(w) : GUINT32_FROM_LE(w);
}

static Sum add(Sum s, const guint8 *p, gsize size, gboolean big_endian) {
  for (gsize i = 0; i + 8 <= size; i += 8) {
    s.a += word(p + i, big_endian) + s.b;
    s.b += word(p + i + 4, big_endian) + s.a;
  }
  return s;
}

static Sum stored(const guint8 *p) {
  return (Sum){wg_be32(p), wg_be32(p + 4)};
}

static gboolean same(Sum x, Sum y) {
  return x.a == y.a && x.b == y.b;
}

static const guint8 *frame_at(const Scan *s, guint i) {
  return s->data + WG_WAL_HEADER + (gsize)i * (WG_WAL_FRAME_HEADER + s->page_size);
}

static Sum frame_sum(const Scan *s, const guint8 *f, Sum seed) {
  seed = add(seed, f, 8, s->big_endian);
  return add(seed, f + WG_WAL_FRAME_HEADER, s->page_size, s->big_endian);
}

static gboolean is_page_size(guint size) {
  return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

/* FALSE: the header is damaged; then its place is taken by what can be guessed. */
static gboolean read_header(Scan *s, gsize size, guint hint) {
  guint32 magic = wg_be32(s->data);
  s->big_endian = (magic & 1) != 0;
  s->page_size = wg_be32(s->data + 8);
  memcpy(s->salt, s->data + 16, 8);
  gboolean ok = (magic & ~1u) == 0x377f0682 && is_page_size(s->page_size) &&
                same(add((Sum){0, 0}, s->data, 24, s->big_endian), stored(s->data + 24));
  if (!ok) {
    s->big_endian = G_BYTE_ORDER == G_BIG_ENDIAN;
    s->page_size = is_page_size(hint) ? hint : 4096;
  }
  s->n = (size - WG_WAL_HEADER) / (WG_WAL_FRAME_HEADER + s->page_size);
  if (!ok && s->n > 0)
    memcpy(s->salt, frame_at(s, s->n > 1 ? 1 : 0) + 8, 8);
  return ok;
}

/* A wrong bit in the page number would put a whole page elsewhere, one in the size makes or hides a
 * commit; the checksum tells which bit it may be (only may: it is weak in the upper bits of
 * each word, where bits of the content look the same). */
static void repair_head(const Scan *s, guint i, Sum seed, WgWal *ret) {
  const guint8 *f = frame_at(s, i);
  guint8 head[8];
  for (guint bit = 0; bit < 64; bit++) {
    memcpy(head, f, 8);
    head[bit / 8] ^= 1 << bit % 8;
    Sum sum = add(seed, head, 8, s->big_endian);
    sum = add(sum, f + WG_WAL_FRAME_HEADER, s->page_size, s->big_endian);
    if (!same(sum, stored(f + 16)))
      continue;
    ret->repaired[i] = wg_be32(head);
    ret->size[i] = wg_be32(head + 4);
    return;
  }
}

static void accept(const Scan *s, guint i, WgWal *ret) {
  ret->good[i] = ret->page[i] > 0;
  ret->strange[i] = FALSE;
  ret->repaired[i] = 0;
  ret->size[i] = wg_be32(frame_at(s, i) + 4);
}

/* A frame is proved when its checksum follows from the one stored before it. Where that one was hit
 * itself, the one that should stand there serves, and the frame before is proved, too. */
static void prove(const Scan *s, WgWal *ret) {
  Sum before = stored(s->data + 24), hit = add((Sum){0, 0}, s->data, 24, s->big_endian);
  for (guint i = 0; i < s->n; i++) {
    const guint8 *f = frame_at(s, i);
    Sum computed = frame_sum(s, f, before);
    gboolean salted = memcmp(f + 8, s->salt, 8) == 0, chained = same(computed, stored(f + 16));
    ret->page[i] = wg_be32(f);
    ret->size[i] = wg_be32(f + 4);
    if (!chained && same(frame_sum(s, f, hit), stored(f + 16))) {
      chained = TRUE;
      if (i > 0)
        accept(s, i - 1, ret);
    }
    ret->good[i] = chained && salted && ret->page[i] > 0;
    ret->strange[i] = !salted && (!chained || (i > 0 && ret->strange[i - 1]));
    if (!ret->good[i])
      ret->first_bad = MIN(ret->first_bad, i);
    if (!chained && salted)
      repair_head(s, i, before, ret);
    hit = chained ? stored(f + 16) : computed;
    before = stored(f + 16);
  }
}

void wg_wal_scan(const guint8 *data, gsize size, guint page_size_hint, WgWal *ret) {
  Scan s = {.data = data};
  guint whole = 0;
  *ret = (WgWal){0};
  if (size < WG_WAL_HEADER)
    return;
  ret->header_bad = !read_header(&s, size, page_size_hint);
  ret->page_size = s.page_size;
  ret->good = g_new0(guint8, s.n + 1);
  ret->strange = g_new0(guint8, s.n + 1);
  ret->page = g_new0(guint32, s.n + 1);
  ret->repaired = g_new0(guint32, s.n + 1);
  ret->size = g_new0(guint32, s.n + 1);
  ret->first_bad = ret->header_bad ? 0 : s.n;
  prove(&s, ret);
  for (guint i = 0; i < s.n; i++) {
    if (!ret->good[i] || ret->size[i] == 0)
      continue;
    ret->n_frames = i + 1;
    whole = i < ret->first_bad ? i + 1 : whole;
  }
  for (guint i = ret->first_bad; i < ret->n_frames; i++)
    ret->commits_after +=
        ret->size[i] > 0 && (ret->good[i] || (i == ret->first_bad && !ret->strange[i]));
  ret->first_bad = MIN(ret->first_bad, ret->n_frames);
  if (!wg_wal_lost_commits(ret))
    ret->n_frames = whole; /* a torn end never was promised */
}

void wg_wal_clear(WgWal *wal) {
  g_clear_pointer(&wal->good, g_free);
  g_clear_pointer(&wal->strange, g_free);
  g_clear_pointer(&wal->page, g_free);
  g_clear_pointer(&wal->repaired, g_free);
  g_clear_pointer(&wal->size, g_free);
}

/* One commit alone behind the first bad frame may be the transaction that a power cut has torn:
 * its frames reach the disk in any order. Two cannot. */
gboolean wg_wal_lost_commits(const WgWal *wal) {
  return wal->commits_after >= (wal->header_bad ? 1 : 2);
}

guint wg_wal_commit_end(const WgWal *wal, guint begin) {
  guint i = begin;
  while (i + 1 < wal->n_frames && wal->size[i] == 0)
    i++;
  return i + 1;
}

gboolean wg_store_wal_is_damaged(const char *path, char **ret_why) {
  g_autofree char *name = g_strconcat(path, "-wal", NULL);
  g_autoptr(GMappedFile) file = g_mapped_file_new(name, FALSE, NULL);
  struct stat st;
  if (!file || g_mapped_file_get_length(file) < WG_WAL_HEADER)
    return FALSE;
  if (stat(path, &st) < 0 || st.st_size == 0) {
    *ret_why = g_strdup("there is a write-ahead log, but the file itself is missing or empty");
    return TRUE;
  }
  WgWal wal;
  wg_wal_scan((const guint8 *)g_mapped_file_get_contents(file), g_mapped_file_get_length(file), 0,
              &wal);
  gboolean damaged = wg_wal_lost_commits(&wal);
  if (damaged)
    *ret_why = g_strdup_printf("the write-ahead log is damaged at frame %u of %u", wal.first_bad,
                               wal.n_frames);
  wg_wal_clear(&wal);
  return damaged;
}

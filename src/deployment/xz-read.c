/* xz-read.c: see xz-read.h. The first bytes say whether it is xz; they are kept until then, however
 * small the pieces are in which they come. */
#include "deployment/xz-read.h"

#include "common/error.h"

#include <lzma.h>
#include <string.h>

#define BLOCK (256 * 1024)

static const guint8 magic[] = {0xFD, '7', 'z', 'X', 'Z', 0x00};
/* of a frame, and the end of those of frames that are skipped, of which the first byte may vary */
static const guint8 zstd[] = {0x28, 0xB5, 0x2F, 0xFD}, zstd_skip[] = {0x2A, 0x4D, 0x18};

struct DplXz {
  DplXzSource source;
  gpointer data;
  guint8 head[sizeof magic];
  gsize n_head;
  const guint8 *rest; /* of the piece that ended the head; the source's */
  gsize n_rest;
  gboolean known, is_xz, is_zstd, drained, over;
  lzma_stream stream;
  guint8 *block;
};

DplXz *dpl_xz_new(DplXzSource source, gpointer data) {
  DplXz *xz = g_new0(DplXz, 1);

  xz->source = source;
  xz->data = data;
  xz->stream = (lzma_stream)LZMA_STREAM_INIT;
  return xz;
}

void dpl_xz_end(DplXz *xz) {
  lzma_end(&xz->stream);
  g_clear_pointer(&xz->block, g_free);
}

void dpl_xz_free(DplXz *xz) {
  dpl_xz_end(xz);
  g_free(xz);
}

/* FALSE: the source failed. */
static gboolean look(DplXz *xz, struct archive *archive) {
  while (xz->n_head < sizeof xz->head && !xz->drained) {
    const void *piece = NULL;
    la_ssize_t n = xz->source(archive, xz->data, &piece);
    if (n < 0)
      return FALSE;
    gsize wanted = MIN((gsize)n, sizeof xz->head - xz->n_head);
    if (wanted > 0)
      memcpy(xz->head + xz->n_head, piece, wanted);
    xz->n_head += wanted;
    xz->rest = (const guint8 *)piece + wanted;
    xz->n_rest = (gsize)n - wanted;
    xz->drained = n == 0;
  }
  xz->is_xz = xz->n_head == sizeof magic && memcmp(xz->head, magic, sizeof magic) == 0;
  xz->is_zstd =
      xz->n_head >= sizeof zstd &&
      (memcmp(xz->head, zstd, sizeof zstd) == 0 ||
       ((xz->head[0] & 0xF0) == 0x50 && memcmp(xz->head + 1, zstd_skip, sizeof zstd_skip) == 0));
  xz->known = TRUE;
  return TRUE;
}

gboolean dpl_xz_look(DplXz *xz, struct archive *archive, gboolean *ret_costly) {
  if (!xz->known && !look(xz, archive))
    return FALSE;
  *ret_costly = xz->is_xz || xz->is_zstd;
  return TRUE;
}

/* What was read and not given yet, then the source. */
static la_ssize_t next_piece(DplXz *xz, struct archive *archive, const void **ret) {
  gsize n = xz->n_head;

  *ret = xz->head;
  xz->n_head = 0;
  if (n == 0) {
    *ret = xz->rest;
    n = xz->n_rest;
    xz->n_rest = 0;
  }
  if (n > 0 || xz->drained)
    return (la_ssize_t)n;
  la_ssize_t got = xz->source(archive, xz->data, ret);
  xz->drained = got == 0;
  return got;
}

static gboolean fail(DplXz *xz, lzma_ret r, GError **error) {
  if (r == LZMA_MEMLIMIT_ERROR)
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "it takes %" G_GUINT64_FORMAT
                " MiB of memory to unpack, and at most %" G_GUINT64_FORMAT
                " MiB are given; compress it with a smaller dictionary (xz -9 or less)",
                (guint64)(lzma_memusage(&xz->stream) >> 20), DPL_XZ_MEMORY_MAX >> 20);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s",
                r == LZMA_BUF_ERROR       ? "the xz data are cut off"
                : r == LZMA_OPTIONS_ERROR ? "the xz data need something that this liblzma lacks"
                                          : "the xz data are damaged");
  return FALSE;
}

static gboolean begin(DplXz *xz, GError **error) {
  if (xz->block != NULL)
    return TRUE;
  lzma_ret r = lzma_stream_decoder(&xz->stream, DPL_XZ_MEMORY_MAX, LZMA_CONCATENATED);
  if (r != LZMA_OK)
    return fail(xz, r, error);
  xz->block = g_malloc(BLOCK);
  return TRUE;
}

static la_ssize_t decode(DplXz *xz, struct archive *archive, GError **error) {
  lzma_stream *s = &xz->stream;

  s->next_out = xz->block;
  s->avail_out = BLOCK;
  while (s->avail_out > 0 && !xz->over) {
    if (s->avail_in == 0 && !xz->drained) {
      const void *piece = NULL;
      la_ssize_t n = next_piece(xz, archive, &piece);
      if (n < 0)
        return -1;
      s->next_in = piece;
      s->avail_in = (gsize)n;
    }
    lzma_ret r = lzma_code(s, xz->drained && xz->n_rest == 0 ? LZMA_FINISH : LZMA_RUN);
    xz->over = r == LZMA_STREAM_END;
    if (r != LZMA_OK && r != LZMA_STREAM_END) {
      fail(xz, r, error);
      return -1;
    }
  }
  return (la_ssize_t)(BLOCK - s->avail_out);
}

la_ssize_t dpl_xz_read(DplXz *xz, struct archive *archive, const void **ret, GError **error) {
  g_return_val_if_fail(xz->known, -1);
  if (!xz->is_xz)
    return next_piece(xz, archive, ret);
  if (!begin(xz, error))
    return -1;
  *ret = xz->block;
  return decode(xz, archive, error);
}

/* archive-read.c: libarchive behind a narrow door; see archive-read.h. Only filters that are built
 * into the library are used: where it would run a program (ARCHIVE_WARN) the format is not
 * supported. xz is decoded before it (xz-read.h), since its own reader knows no bound of memory. */
#include "deployment/archive-read.h"

#include "deployment/io.h"
#include "deployment/unpack-turn.h"
#include "deployment/xz-read.h"

#include <errno.h>
#include <locale.h>

#define BLOCK (256 * 1024)

typedef struct {
  DplXz *xz;
  DplArchiveInput *input;
} Reader;

static void reader_free(gpointer data) {
  Reader *reader = data;

  dpl_xz_free(reader->xz);
  g_free(reader);
}

static Reader *reader_new(DplArchiveInput *input, DplXzSource source, gpointer data) {
  Reader *reader = g_new0(Reader, 1);

  *reader = (Reader){dpl_xz_new(source, data), input};
  g_ptr_array_add(input->readers, reader);
  return reader;
}

/* Before the first decoder holds anything: one an artifact, however many archives are in it. */
static gboolean take_turn(DplArchiveInput *input, struct archive *archive) {
  const DplWork *work = input->progress ? input->progress->work : NULL;

  if (!input->has_turn)
    input->has_turn = dpl_unpack_turn_take(work, input->error ? NULL : &input->error);
  if (!input->has_turn)
    archive_set_error(archive, EIO, "unpacking was ended");
  return input->has_turn;
}

/* A package has two archives, one after the other. */
static int clear_close(struct archive *archive, void *data) {
  Reader *reader = data;

  dpl_xz_end(reader->xz);
  return ARCHIVE_OK;
}

static la_ssize_t clear_read(struct archive *archive, void *data, const void **ret) {
  Reader *reader = data;
  DplArchiveInput *input = reader->input;
  g_autoptr(GError) error = NULL;
  gboolean costly;

  if (!dpl_xz_look(reader->xz, archive, &costly) || (costly && !take_turn(input, archive)))
    return -1;
  la_ssize_t n = dpl_xz_read(reader->xz, archive, ret, &error);
  if (error != NULL) {
    archive_set_error(archive, EIO, "unpacking xz failed");
    if (input->error == NULL)
      g_set_error(&input->error, WG_ERROR, error->code, "the artifact %s is refused: %s",
                  input->name, error->message);
  }
  return n;
}

void dpl_archive_input_open(DplArchiveInput *input, int fd, const char *name,
                            DplProgress *progress) {
  *input = (DplArchiveInput){.fd = fd,
                             .name = name,
                             .digest = dpl_digest_new(DPL_SHA256),
                             .progress = progress,
                             .block = g_malloc(BLOCK),
                             .readers = g_ptr_array_new_with_free_func(reader_free)};
}

void dpl_archive_input_clear(DplArchiveInput *input) {
  g_clear_pointer(&input->digest, dpl_digest_free);
  g_clear_error(&input->error);
  g_clear_pointer(&input->block, g_free);
  g_clear_pointer(&input->readers, g_ptr_array_unref);
  if (input->has_turn)
    dpl_unpack_turn_give();
  input->has_turn = FALSE;
}

static la_ssize_t input_read(struct archive *archive, void *data, const void **ret) {
  DplArchiveInput *input = data;
  ssize_t n = -1;

  if (dpl_work_go_on(input->progress ? input->progress->work : NULL, &input->error)) {
    n = dpl_read_some(input->fd, input->block, BLOCK, -1);
    if (n < 0)
      dpl_error_errno(&input->error, errno, "cannot read the artifact %s", input->name);
  }
  if (n < 0) {
    archive_set_error(archive, EIO, "reading failed");
    return -1;
  }
  dpl_digest_add(input->digest, input->block, (gsize)n);
  dpl_progress_add(input->progress, (guint64)n);
  *ret = input->block;
  return n;
}

gboolean dpl_archive_input_end(DplArchiveInput *input, guint8 *ret_sha256, GError **error) {
  for (ssize_t n; (n = dpl_read_some(input->fd, input->block, BLOCK, -1)) != 0;) {
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read the artifact %s", input->name);
    dpl_digest_add(input->digest, input->block, (gsize)n);
    dpl_progress_add(input->progress, (guint64)n);
    if (!dpl_work_go_on(input->progress ? input->progress->work : NULL, error))
      return FALSE;
  }
  dpl_digest_end(input->digest, ret_sha256);
  return TRUE;
}

void dpl_archive_free(DplArchive *archive) {
  if (archive)
    archive_read_free(archive);
}

gboolean dpl_archive_fail(DplArchive *archive, DplArchiveInput *input, GError **error) {
  const char *text = archive_error_string(archive);

  if (input->error) {
    g_propagate_error(error, g_steal_pointer(&input->error));
    return FALSE;
  }
  g_autofree char *valid = g_utf8_make_valid(text ? text : "no reason given", -1);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "the artifact %s cannot be unpacked: %s; make it anew (a directory, tar, tar.gz, "
              "tar.xz, tar.zst or .deb)",
              input->name, valid);
  return FALSE;
}

static DplArchive *new_tar(void) {
  DplArchive *archive = archive_read_new();
  int (*const filters[])(struct archive *) = {archive_read_support_filter_gzip,
                                              archive_read_support_filter_zstd};

  if (!archive)
    g_error("no memory for libarchive");
  archive_read_support_format_tar(archive);
  for (guint i = 0; i < G_N_ELEMENTS(filters); i++)
    if (filters[i](archive) != ARCHIVE_OK) {
      archive_read_free(archive);
      return NULL;
    }
  return archive;
}

static DplArchive *no_filters(DplArchiveInput *input, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED,
              "the artifact %s cannot be unpacked: this libarchive is built without gzip or zstd; "
              " install the distribution's own",
              input->name);
  return NULL;
}

static DplArchive *open_tar(DplArchiveInput *input, DplXzSource source, gpointer data,
                            GError **error) {
  g_autoptr(DplArchive) archive = new_tar();

  if (!archive)
    return no_filters(input, error);
  if (archive_read_open(archive, reader_new(input, source, data), NULL, clear_read, clear_close) !=
      ARCHIVE_OK) {
    dpl_archive_fail(archive, input, error);
    return NULL;
  }
  return g_steal_pointer(&archive);
}

DplArchive *dpl_archive_open_tar(DplArchiveInput *input, GError **error) {
  return open_tar(input, input_read, input, error);
}

DplArchive *dpl_archive_open_ar(DplArchiveInput *input, GError **error) {
  g_autoptr(DplArchive) archive = archive_read_new();

  if (!archive)
    g_error("no memory for libarchive");
  archive_read_support_format_ar(archive);
  if (archive_read_open(archive, input, NULL, input_read, NULL) != ARCHIVE_OK) {
    dpl_archive_fail(archive, input, error);
    return NULL;
  }
  return g_steal_pointer(&archive);
}

static la_ssize_t member_read(struct archive *archive, void *data, const void **ret) {
  gsize size = 0;
  la_int64_t offset;
  int r = archive_read_data_block(data, ret, &size, &offset);

  if (r == ARCHIVE_OK || r == ARCHIVE_EOF)
    return r == ARCHIVE_EOF ? 0 : (la_ssize_t)size;
  archive_set_error(archive, EIO, "the member of the package cannot be read");
  return -1;
}

DplArchive *dpl_archive_open_member(DplArchive *outer, DplArchiveInput *input, GError **error) {
  return open_tar(input, member_read, outer, error);
}

gboolean dpl_archive_next(DplArchive *archive, DplArchiveInput *input, struct archive_entry **ret,
                          GError **error) {
  int r = archive_read_next_header(archive, ret);

  if (r == ARCHIVE_EOF)
    return FALSE;
  if (r == ARCHIVE_OK && archive_entry_pathname(*ret))
    return TRUE;
  return dpl_archive_fail(archive, input, error); /* a warning too: it was not understood whole */
}

char *dpl_archive_slurp(DplArchive *archive, DplArchiveInput *input, struct archive_entry *entry,
                        gsize max, gsize *ret_size, GError **error) {
  gint64 size = archive_entry_size(entry);

  if (size < 0 || (guint64)size > max) {
    g_autofree char *name = dpl_path_escape(archive_entry_pathname(entry));
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "the artifact %s is refused: %.300s has more than %" G_GSIZE_FORMAT " bytes",
                input->name, name, max);
    return NULL;
  }
  g_autofree char *bytes = g_malloc((gsize)size + 1);
  gsize at = 0;
  for (la_ssize_t n; at < (gsize)size; at += (gsize)n) {
    n = archive_read_data(archive, bytes + at, (gsize)size - at);
    if (n < 0) {
      dpl_archive_fail(archive, input, error);
      return NULL;
    }
    if (n == 0)
      break;
  }
  bytes[at] = '\0';
  *ret_size = at;
  return g_steal_pointer(&bytes);
}

void dpl_archive_locale_enter(DplArchiveLocale *locale) {
  locale->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
  locale->old = locale->locale ? uselocale(locale->locale) : NULL;
}

void dpl_archive_locale_leave(DplArchiveLocale *locale) {
  if (!locale->locale)
    return;
  uselocale(locale->old);
  freelocale(locale->locale);
  locale->locale = NULL;
}

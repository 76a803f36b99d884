/* archive-read.h: reading archives through libarchive, for the unpackers only: a descriptor whose
 * bytes are digested as they are read, and the few formats that are meant. */
#pragma once

#include "deployment/sink.h"

#include <archive.h>
#include <archive_entry.h>

typedef struct {
  int fd;
  const char *name; /* the artifact's */
  DplDigest *digest;
  DplProgress *progress;
  GError *error; /* of reading; told instead of libarchive's words */
  char *block;
  GPtrArray *readers; /* of the archives in it, which end before it */
  gboolean has_turn;  /* unpack-turn.h */
} DplArchiveInput;

void dpl_archive_input_open(DplArchiveInput *input, int fd, const char *name,
                            DplProgress *progress);
/* Reads what libarchive did not want, so that all bytes are digested. */
gboolean dpl_archive_input_end(DplArchiveInput *input, guint8 *ret_sha256, GError **error);
void dpl_archive_input_clear(DplArchiveInput *input);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplArchiveInput, dpl_archive_input_clear)

typedef struct archive DplArchive;
void dpl_archive_free(DplArchive *archive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplArchive, dpl_archive_free)
/* NULL sets error. */
DplArchive *dpl_archive_open_tar(DplArchiveInput *input, GError **error);
DplArchive *dpl_archive_open_ar(DplArchiveInput *input, GError **error);
/* A tar that is the current member of `outer`. */
DplArchive *dpl_archive_open_member(DplArchive *outer, DplArchiveInput *input, GError **error);
/* The next entry; FALSE without error: the end. */
gboolean dpl_archive_next(DplArchive *archive, DplArchiveInput *input, struct archive_entry **ret,
                          GError **error);
gboolean dpl_archive_fail(DplArchive *archive, DplArchiveInput *input, GError **error);

/* The whole content of the current entry, at most `max` bytes, with a NUL behind; NULL sets error.
 */
char *dpl_archive_slurp(DplArchive *archive, DplArchiveInput *input, struct archive_entry *entry,
                        gsize max, gsize *ret_size, GError **error);
/* While it lives, names of archives are taken as UTF-8 in this thread, whatever the locale is. */
typedef struct {
  gpointer locale, old;
} DplArchiveLocale;
void dpl_archive_locale_enter(DplArchiveLocale *locale);
void dpl_archive_locale_leave(DplArchiveLocale *locale);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplArchiveLocale, dpl_archive_locale_leave)

/* unpack-archive.c: all entries of a tar into the sink. */
gboolean dpl_unpack_tar(DplArchive *archive, DplArchiveInput *input, DplSink *sink, GError **error);
/* unpack-deb.c: a package; `sink` NULL: the control part alone. NULL sets error. */
DplDeb *dpl_unpack_deb(DplArchiveInput *input, DplSink *sink, GError **error);
/* unpack-copy.c: a directory. */
gboolean dpl_unpack_copy(int source, DplSink *sink, const DplUnpackOptions *options,
                         const DplWork *work, GError **error);

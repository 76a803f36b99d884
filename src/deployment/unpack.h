/* unpack.h: an artifact becomes files of a tree that is being made.
 *
 * A directory is copied (cloned where the file system can), a tar (plain, gzip, xz, zstd) unpacked,
 * of a .deb the data. What kind it is, its content says. Refused, with the entry's name: absolute
 * paths and "..", a path that leads through a link, an entry twice, hard links to what is not in
 * the tree, devices, sockets, fifos, set-uid and capabilities unless allowed, more or larger
 * entries than the limits. The right to write for everybody is taken off. Nothing is ever written
 * through a link. Digests are taken while writing; each byte is read once. */
#pragma once

#include "deployment/deb.h"
#include "deployment/tree.h"

typedef enum { DPL_SOURCE_DIRECTORY, DPL_SOURCE_TAR, DPL_SOURCE_DEB } DplSourceKind;

typedef struct {
  guint64 bytes_max; /* of all files; 0: 64 GiB */
  guint64 file_max;  /* of one; 0: as bytes_max */
  guint entries_max; /* 0: 1,000,000 */
  guint depth_max;   /* components of a path; 0: 64 */
} DplLimits;

/* Small files of the tree whose content somebody wants, also when nothing is written. */
typedef struct {
  GHashTable *paths; /* a set */
  gsize max;         /* larger ones are left out */
  GMutex lock;
  GHashTable *contents; /* path -> GBytes; the last one of a path stays */
} DplCapture;

typedef struct {
  const char *name;        /* the artifact's, for errors */
  const char *into;        /* directory of the tree; NULL or ".": its top */
  guint strip;             /* leading components that are dropped; shorter entries are left out */
  gboolean archive_owners; /* owners as the source names them (root only); else ours */
  gboolean allow_setuid, allow_capability;
  DplLimits limits;
  DplCapture *capture; /* NULL: none */
  const char *sha256;  /* hexadecimal: of the archive's bytes; of a directory: its tree's digest
                          (without `into`). Has to fit. NULL: not asked */
} DplUnpackOptions;

typedef struct {
  DplSourceKind kind;
  char sha256[DPL_SHA256_HEX + 1]; /* what DplUnpackOptions.sha256 is compared with */
  guint64 bytes;                   /* written, without holes counted twice: sizes of files */
  guint entries;
  guint links_out; /* symbolic links whose target is absolute or above the tree; they are kept */
  DplDeb *deb;     /* of a .deb, else NULL */
} DplUnpacked;
void dpl_unpacked_clear(DplUnpacked *unpacked);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplUnpacked, dpl_unpacked_clear)

/* `source` is open for reading, at its start, and stays the caller's. `dir` is the tree; -1:
 * nothing is written, what would be stands in `tree` all the same (so a plan knows files, sizes and
 * the digest). Entries are added to `tree`, which several artifacts may fill one after the other.
 * On failure the tree is to be thrown away. Nothing is synced. */
gboolean dpl_unpack(int source, int dir, const DplUnpackOptions *options, DplTree *tree,
                    const DplWork *work, DplUnpacked *ret, GError **error);
/* After the last artifact: owners and modes of directories, which had to wait. The top is always
 * ours and 0755, whatever the source says of it. */
gboolean dpl_unpack_finish(int dir, DplTree *tree, GError **error);

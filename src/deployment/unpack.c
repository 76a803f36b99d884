/* unpack.c: which kind of artifact it is, and whether it is the one that is meant; see unpack.h. An
 * archive's digest is taken of the very bytes that are unpacked, so nothing can be exchanged
 * between a check and its use. */
#include "deployment/archive-read.h"
#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void dpl_unpacked_clear(DplUnpacked *unpacked) {
  g_clear_pointer(&unpacked->deb, dpl_deb_free);
}

static gboolean look(int source, const char *name, DplSourceKind *ret, guint64 *ret_size,
                     GError **error) {
  char magic[8] = "";
  struct stat st;

  if (fstat(source, &st) < 0)
    return dpl_error_errno(error, errno, "cannot look at the artifact %s", name);
  *ret_size = (guint64)st.st_size;
  *ret = DPL_SOURCE_DIRECTORY;
  if (S_ISDIR(st.st_mode))
    return TRUE;
  if (!S_ISREG(st.st_mode)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "the artifact %s is neither a directory nor a plain file", name);
    return FALSE;
  }
  if (lseek(source, 0, SEEK_SET) < 0 || dpl_read_some(source, magic, sizeof magic, 0) < 0)
    return dpl_error_errno(error, errno, "cannot read the artifact %s", name);
  *ret = memcmp(magic, "!<arch>\n", sizeof magic) == 0 ? DPL_SOURCE_DEB : DPL_SOURCE_TAR;
  return TRUE;
}

static gboolean unpack_archive(int source, DplSink *sink, const DplUnpackOptions *options,
                               DplUnpacked *ret, GError **error) {
  g_auto(DplArchiveInput) input = {0};
  g_auto(DplArchiveLocale) locale = {0};
  guint8 sha256[DPL_SHA256_SIZE];

  dpl_archive_locale_enter(&locale);
  dpl_archive_input_open(&input, source, options->name, dpl_sink_progress(sink));
  if (ret->kind == DPL_SOURCE_DEB) {
    ret->deb = dpl_unpack_deb(&input, sink, error);
    if (!ret->deb)
      return FALSE;
  } else {
    g_autoptr(DplArchive) tar = dpl_archive_open_tar(&input, error);
    if (!tar || !dpl_unpack_tar(tar, &input, sink, error))
      return FALSE;
  }
  if (!dpl_archive_input_end(&input, sha256, error) || !dpl_sink_finish(sink, ret, error))
    return FALSE;
  g_autofree char *hex = dpl_hex(sha256, sizeof sha256);
  memcpy(ret->sha256, hex, sizeof ret->sha256);
  return TRUE;
}

static gboolean unpack_directory(int source, DplSink *sink, const DplUnpackOptions *options,
                                 const DplWork *work, DplUnpacked *ret, GError **error) {
  if (!dpl_unpack_copy(source, sink, options, work, error) || !dpl_sink_finish(sink, ret, error))
    return FALSE;
  g_autoptr(DplTree) part = dpl_sink_part(sink);
  g_autofree char *hex = dpl_tree_digest(part);
  memcpy(ret->sha256, hex, sizeof ret->sha256);
  return TRUE;
}

gboolean dpl_unpack(int source, int dir, const DplUnpackOptions *options, DplTree *tree,
                    const DplWork *work, DplUnpacked *ret, GError **error) {
  g_auto(DplUnpacked) done = {0};
  guint64 size = 0;

  if (!look(source, options->name, &done.kind, &size, error))
    return FALSE;
  g_autoptr(DplSink) sink = dpl_sink_new(dir, options, tree, work);
  if (!sink)
    return dpl_error_errno(error, EINVAL, "\"%s\" is no directory below a release", options->into);
  dpl_sink_progress(sink)->total = size;
  if (done.kind == DPL_SOURCE_DIRECTORY
          ? !unpack_directory(source, sink, options, work, &done, error)
          : !unpack_archive(source, sink, options, &done, error))
    return FALSE;
  if (options->sha256 && g_ascii_strcasecmp(options->sha256, done.sha256) != 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "the artifact %s is not the one that the manifest means: its sha256 is %s, not %s",
                options->name, done.sha256, options->sha256);
    return FALSE;
  }
  *ret = done;
  done.deb = NULL;
  return TRUE;
}

/* Deepest first: a directory that forbids writing is closed when all below it is done. */
gboolean dpl_unpack_finish(int dir, DplTree *tree, GError **error) {
  for (guint i = dpl_tree_n(tree); i-- > 0;) {
    const DplEntry *e = dpl_tree_at(tree, i);
    if (e->kind != DPL_ENTRY_DIRECTORY)
      continue;
    DPL_AUTO_FD fd = dpl_within_open(dir, e->path, O_RDONLY | O_DIRECTORY, 0);
    uid_t uid = e->uid == DPL_TREE_OURS ? (uid_t)-1 : e->uid;
    gid_t gid = e->gid == DPL_TREE_OURS ? (gid_t)-1 : e->gid;
    if (fd < 0 || ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) < 0) ||
        fchmod(fd, e->mode) < 0)
      return dpl_error_errno(error, errno, "cannot give the directory %s of the release its mode",
                             e->path);
  }
  return TRUE;
}

/* unpack-archive.c: the entries of a tar, one after the other, into the sink. This thread reads and
 * decompresses; small contents go to the writers whole, large ones are written here. */
#include "deployment/archive-read.h"

#define SMALL (1024 * 1024)

typedef struct {
  DplArchive *archive;
  DplArchiveInput *input;
  DplSink *sink;
  struct archive_entry *entry;
} Tar;

static gboolean refuse(Tar *t, GError **error, const char *text) {
  g_autofree char *escaped = dpl_path_escape(archive_entry_pathname(t->entry));

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the artifact %s is refused: %.300s %s",
              t->input->name, escaped, text);
  return FALSE;
}

/* By the name where the archive has one that is known here, else by the number. */
static void put_owner(Tar *t, DplSinkEntry *e) {
  e->uid = (guint32)archive_entry_uid(t->entry);
  e->gid = (guint32)archive_entry_gid(t->entry);
  dpl_sink_owner(t->sink, archive_entry_uname(t->entry), archive_entry_gname(t->entry), e);
}

static char *capability(Tar *t) {
  const char *name;
  const void *value;
  gsize size;

  archive_entry_xattr_reset(t->entry);
  while (archive_entry_xattr_next(t->entry, &name, &value, &size) == ARCHIVE_OK)
    if (g_strcmp0(name, "security.capability") == 0)
      return dpl_hex(value, size);
  return NULL;
}

static gboolean large_file(Tar *t, const DplSinkEntry *e, GError **error) {
  guint64 size = (guint64)archive_entry_size(t->entry);
  gboolean wanted;
  const void *block;
  gsize n;
  la_int64_t offset;
  int r;

  if (!dpl_sink_begin(t->sink, e, size, &wanted, error))
    return FALSE;
  if (!wanted)
    return TRUE;
  while ((r = archive_read_data_block(t->archive, &block, &n, &offset)) == ARCHIVE_OK)
    if (!dpl_sink_block(t->sink, block, n, (guint64)offset, error))
      return FALSE;
  if (r != ARCHIVE_EOF)
    return dpl_archive_fail(t->archive, t->input, error);
  return dpl_sink_end(t->sink, size, error);
}

static gboolean plain_file(Tar *t, const DplSinkEntry *e, GError **error) {
  gsize size, want = (gsize)archive_entry_size(t->entry);

  if (!archive_entry_size_is_set(t->entry) || archive_entry_size(t->entry) < 0)
    return refuse(t, error, "does not say how large it is");
  if (archive_entry_size(t->entry) > SMALL)
    return large_file(t, e, error);
  char *bytes = dpl_archive_slurp(t->archive, t->input, t->entry, SMALL, &size, error);
  if (!bytes)
    return FALSE;
  if (size == want)
    return dpl_sink_bytes(t->sink, e, bytes, size, error);
  g_free(bytes);
  return refuse(t, error, "is cut off");
}

static gboolean one_entry(Tar *t, GError **error) {
  DplSinkEntry e = {.path = archive_entry_pathname(t->entry),
                    .mode = archive_entry_mode(t->entry) & 07777,
                    .mtime = {.tv_sec = archive_entry_mtime(t->entry),
                              .tv_nsec = archive_entry_mtime_nsec(t->entry)}};
  const char *hard = archive_entry_hardlink(t->entry);

  put_owner(t, &e);
  if (hard)
    return archive_entry_size_is_set(t->entry) && archive_entry_size(t->entry) > 0
               ? refuse(t, error, "is a hard link with a content of its own")
               : dpl_sink_hard_link(t->sink, &e, hard, error);
  g_autofree char *caps = capability(t);
  e.capability = caps;
  switch (archive_entry_filetype(t->entry)) {
  case AE_IFREG:
    return plain_file(t, &e, error);
  case AE_IFDIR:
    return dpl_sink_directory(t->sink, &e, error);
  case AE_IFLNK:
    return dpl_sink_link(t->sink, &e, archive_entry_symlink(t->entry), error);
  default:
    return refuse(t, error, "is a device, a socket or a fifo");
  }
}

gboolean dpl_unpack_tar(DplArchive *archive, DplArchiveInput *input, DplSink *sink,
                        GError **error) {
  Tar t = {.archive = archive, .input = input, .sink = sink};
  GError *failure = NULL;
  guint n = 0;

  for (; dpl_archive_next(archive, input, &t.entry, &failure); n++)
    if (!one_entry(&t, error))
      return FALSE;
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  if (n > 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "the artifact %s has no entries; was it written to its end?", input->name);
  return FALSE;
}

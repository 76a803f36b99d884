/* inbox-write.c: messages into files that are there whole or not at all.
 *
 * A batch goes through each step together, so that the disk sees one burst and not one wait after
 * the other: all are written to tmp/ or a directory in it (inbox-nest.c), all are synced
 * (inbox-sync.c), each is renamed into new/, and new/ is synced once. Only then has anything been
 * announced. A file that cannot be finished is removed from tmp/ again; a crash leaves it there for
 * the next start. */
#include "delivery/inbox.h"

#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

DlvResult dlv_inbox_result(const GError *error) {
  /* a disk that is full or read-only, and another courier, are no fault of this rung */
  return g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL) ||
                 g_error_matches(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY) ||
                 g_error_matches(error, WG_ERROR, WG_ERROR_LOCKED)
             ? DLV_HELD
             : DLV_FAILED;
}

static void settle(DlvInboxItem *item, DlvResult result, const char *cause) {
  item->settled = TRUE;
  item->result = result;
  item->cause = g_strdup(cause);
}

static void settle_errno(DlvInbox *inbox, DlvInboxItem *item, const char *what) {
  g_autoptr(GError) error = NULL;

  dlv_inbox_errno(&error, inbox, what);
  settle(item, dlv_inbox_result(error), error->message);
}

static void settle_rest(DlvInboxItem *items, guint n, const GError *error) {
  for (guint i = 0; i < n; i++)
    if (!items[i].settled)
      settle(&items[i], dlv_inbox_result(error), error->message);
}

/* A batch on its way. What is in tmp/ counts for the limits, but is no file of the inbox yet. */
typedef struct {
  DlvInbox *inbox;
  DlvInboxDirs dirs;
  DlvInboxNest nest;
  guint n;
  guint64 bytes;
  gboolean looked; /* the directory was read again for the limits */
} Batch;

static guint64 lying(const Batch *b) {
  return g_hash_table_size(b->inbox->files) + b->n;
}

static gboolean too_many(const Batch *b) {
  return lying(b) >= b->inbox->max_messages;
}

static gboolean too_large(const Batch *b, gsize size) {
  return size > b->inbox->max_bytes || b->inbox->bytes + b->bytes > b->inbox->max_bytes - size;
}

static gboolean within_limits(Batch *b, DlvInboxItem *item) {
  g_autoptr(GError) error = NULL;
  g_autofree char *cause = NULL;

  if (!too_many(b) && !too_large(b, item->size))
    return TRUE;
  /* the owner may have removed some; a look a batch */
  if (!b->looked && !dlv_inbox_read(b->inbox, &b->dirs, &error)) {
    settle(item, dlv_inbox_result(error), error->message);
    return FALSE;
  }
  b->looked = TRUE;
  if (!too_many(b) && !too_large(b, item->size))
    return TRUE;
  if (too_many(b))
    cause = g_strdup_printf("%s: %" G_GUINT64_FORMAT
                            " messages lie there, as many as \"max-messages\" allows",
                            b->inbox->directory, lying(b));
  else
    cause = g_strdup_printf("%s: %" G_GUINT64_FORMAT " bytes lie there and %" G_GSIZE_FORMAT
                            " more would be over \"max-bytes\"",
                            b->inbox->directory, b->inbox->bytes + b->bytes, item->size);
  settle(item, DLV_HELD, cause);
  return FALSE;
}

static void leave_tmp(Batch *b, DlvInboxItem *item) {
  close(item->fd);
  item->fd = -1;
  b->n--;
  b->bytes -= item->size;
}

/* Takes the half of a file away again. */
static void give_up(Batch *b, DlvInboxItem *item, const char *what) {
  settle_errno(b->inbox, item, what);
  leave_tmp(b, item);
  unlinkat(b->nest.fd, item->name, 0);
}

static void write_one(Batch *b, DlvInboxItem *item) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

  item->fd = openat(b->nest.fd, item->name, flags, b->inbox->mode);
  if (item->fd < 0 && errno == EEXIST) { /* of a delivery that ended in the middle */
    unlinkat(b->nest.fd, item->name, 0);
    item->fd = openat(b->nest.fd, item->name, flags, b->inbox->mode);
  }
  if (item->fd < 0) {
    settle_errno(b->inbox, item, "no file can be made in tmp");
    return;
  }
  b->n++;
  b->bytes += item->size;
  if (fchmod(item->fd, b->inbox->mode) < 0 ||
      !wg_write_all(item->fd, g_bytes_get_data(item->text, NULL), g_bytes_get_size(item->text)))
    give_up(b, item, "the message cannot be written");
}

static void write_files(Batch *b, DlvInboxItem *items, guint n, const int *canceled) {
  for (guint i = 0; i < n; i++) {
    DlvInboxItem *item = &items[i];
    if (g_atomic_int_get(canceled)) {
      settle(item, DLV_HELD, "the courier stops; nothing was written");
      continue;
    }
    if (dlv_inbox_has(b->inbox, &b->dirs, item->message.number, item->name))
      continue; /* an earlier delivery: synced with the rest below */
    item->text = dlv_message_json(b->inbox->agent, &item->message);
    item->size = g_bytes_get_size(item->text);
    if (within_limits(b, item))
      write_one(b, item);
    g_clear_pointer(&item->text, g_bytes_unref);
  }
}

static void move_files(Batch *b, DlvInboxItem *items, guint n) {
  dlv_inbox_sync(items, n);
  for (guint i = 0; i < n; i++) {
    DlvInboxItem *item = &items[i];
    if (item->fd < 0)
      continue;
    errno = item->sync_errno;
    if (errno != 0) {
      give_up(b, item, "the message cannot be brought to the disk");
    } else if (renameat(b->nest.fd, item->name, b->dirs.new, item->name) < 0) {
      give_up(b, item, "the message cannot be moved to new");
    } else {
      leave_tmp(b, item);
      dlv_inbox_put(b->inbox, item->message.number, item->name, item->size);
    }
  }
}

/* Two couriers of one owner for a moment (a session begins): one at a time. */
static gboolean lock(const Batch *b, GError **error) {
  if (flock(b->dirs.tmp, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return TRUE; /* where nothing can be locked, one courier is trusted to be alone */
  g_set_error(error, WG_ERROR, WG_ERROR_LOCKED, "%s: another process is writing there",
              b->inbox->directory);
  return FALSE;
}

static gboolean prepare(Batch *b, GError **error) {
  if (!lock(b, error) || (!b->inbox->known && !dlv_inbox_read(b->inbox, &b->dirs, error)) ||
      (!b->inbox->cleared && !dlv_inbox_clear_tmp(b->inbox, &b->dirs, error)))
    return FALSE;
  b->inbox->cleared = TRUE;
  return TRUE;
}

static void deliver(Batch *b, DlvInboxItem *items, guint n, const int *canceled) {
  g_autoptr(GError) error = NULL;

  dlv_inbox_nest_begin(b->inbox, &b->dirs, n, &b->nest);
  write_files(b, items, n, canceled);
  move_files(b, items, n);
  dlv_inbox_nest_end(&b->dirs, &b->nest);
  if (fsync(b->dirs.new) < 0) {
    dlv_inbox_errno(&error, b->inbox, "new cannot be brought to the disk");
    settle_rest(items, n, error); /* found again, and synced, by the next try */
  }
  for (guint i = 0; i < n; i++)
    if (!items[i].settled)
      settle(&items[i], DLV_ANNOUNCED, NULL);
}

void dlv_inbox_write(DlvInbox *inbox, DlvInboxItem *items, guint n, const int *canceled) {
  g_autoptr(GError) error = NULL;
  Batch b = {.inbox = inbox};

  if (!dlv_inbox_open(inbox, &b.dirs, &error)) {
    settle_rest(items, n, error);
    return;
  }
  if (prepare(&b, &error))
    deliver(&b, items, n, canceled);
  else
    settle_rest(items, n, error);
  dlv_inbox_close(&b.dirs);
}

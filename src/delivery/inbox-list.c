/* inbox-list.c: what lies in an inbox, and taking it away again.
 *
 * Only files whose names say that we wrote them for this agent count, and only those are ever
 * removed. What is remembered may be more than there is, since the owner may remove files; so it is
 * read again before a limit refuses a message. */
#include "delivery/inbox.h"

#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sorted by name is sorted by age. */
char *dlv_inbox_name(const DlvInbox *inbox, guint64 number, gint64 time) {
  return g_strdup_printf("%010" G_GINT64_FORMAT ".M%06" G_GINT64_FORMAT "W%" G_GUINT64_FORMAT ".%s",
                         time / G_USEC_PER_SEC, time % G_USEC_PER_SEC, number, inbox->agent);
}

/* 0: the name is not one of ours for this agent. What a reader or tmp/ appends follows a ':'. */
static guint64 number_of(const DlvInbox *inbox, const char *name) {
  guint64 time, usec, number;
  int end = 0;

  if (sscanf(name, "%" G_GUINT64_FORMAT ".M%6" G_GUINT64_FORMAT "W%" G_GUINT64_FORMAT ".%n", &time,
             &usec, &number, &end) < 3 ||
      end == 0)
    return 0;
  const char *agent = name + end;
  gsize n = strlen(inbox->agent);
  return strncmp(agent, inbox->agent, n) == 0 && (agent[n] == '\0' || agent[n] == ':') ? number : 0;
}

static void insert(DlvInbox *inbox, guint64 number, const char *name, gboolean in_cur,
                   guint64 size) {
  DlvInboxFile *file = g_new(DlvInboxFile, 1);
  gint64 *key = g_new(gint64, 1);

  *key = (gint64)number;
  *file = (DlvInboxFile){.name = g_strdup(name), .in_cur = in_cur, .size = size};
  dlv_inbox_forget(inbox, number);
  g_hash_table_insert(inbox->files, key, file);
  inbox->bytes += size;
}

void dlv_inbox_put(DlvInbox *inbox, guint64 number, const char *name, guint64 size) {
  insert(inbox, number, name, FALSE, size);
}

void dlv_inbox_forget(DlvInbox *inbox, guint64 number) {
  gint64 key = (gint64)number;
  DlvInboxFile *file = g_hash_table_lookup(inbox->files, &key);

  if (file == NULL)
    return;
  inbox->bytes -= file->size;
  g_hash_table_remove(inbox->files, &key);
}

/* Calls `each` for our names in the directory; its descriptor stays open. */
static gboolean for_each(DlvInbox *inbox, int fd, gpointer data,
                         void (*each)(DlvInbox *inbox, int fd, guint64 number, const char *name,
                                      gpointer data),
                         GError **error) {
  int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* an offset of its own */
  DIR *dir = own < 0 ? NULL : fdopendir(own);
  const struct dirent *entry;

  if (dir == NULL) {
    dlv_inbox_errno(error, inbox, "the directory cannot be read");
    if (own >= 0)
      close(own);
    return FALSE;
  }
  for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
    guint64 number = number_of(inbox, entry->d_name);
    if (number != 0)
      each(inbox, fd, number, entry->d_name, data);
  }
  gboolean ok = errno == 0 || dlv_inbox_errno(error, inbox, "the directory cannot be read");
  closedir(dir);
  return ok;
}

static void note(DlvInbox *inbox, int fd, guint64 number, const char *name, gpointer in_cur) {
  struct stat st;

  if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
    insert(inbox, number, name, in_cur != NULL, (guint64)st.st_size);
}

static void unlink_stale(DlvInbox *inbox, int fd, guint64 number, const char *name, gpointer data) {
  unlinkat(fd, name, 0);
}

gboolean dlv_inbox_read(DlvInbox *inbox, const DlvInboxDirs *dirs, GError **error) {
  g_hash_table_remove_all(inbox->files);
  inbox->bytes = 0;
  /* new/ before cur/: a file that is moved meanwhile is seen twice, not missed */
  if (!for_each(inbox, dirs->new, NULL, note, error) ||
      !for_each(inbox, dirs->cur, inbox, note, error))
    return FALSE;
  inbox->known = TRUE;
  return TRUE;
}

gboolean dlv_inbox_clear(DlvInbox *inbox, int fd, GError **error) {
  return for_each(inbox, fd, NULL, unlink_stale, error);
}

static gboolean lies(const DlvInboxDirs *dirs, const DlvInboxFile *file) {
  struct stat st;

  return fstatat(file->in_cur ? dirs->cur : dirs->new, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static DlvInboxFile *find(DlvInbox *inbox, guint64 number) {
  gint64 key = (gint64)number;

  return g_hash_table_lookup(inbox->files, &key);
}

gboolean dlv_inbox_has(DlvInbox *inbox, const DlvInboxDirs *dirs, guint64 number,
                       const char *name) {
  DlvInboxFile *file = find(inbox, number);

  /* numbers begin again with a new store: the name has the time as well */
  if (file == NULL || strncmp(file->name, name, strlen(name)) != 0)
    return FALSE;
  if (lies(dirs, file))
    return TRUE;
  /* moved to cur/, or gone; rare */
  if (!dlv_inbox_read(inbox, dirs, NULL))
    return FALSE;
  file = find(inbox, number);
  return file && strncmp(file->name, name, strlen(name)) == 0;
}

/* FALSE: not where it was last seen. */
static gboolean remove_one(DlvInbox *inbox, const DlvInboxDirs *dirs, guint64 number) {
  DlvInboxFile *file = find(inbox, number);

  if (file == NULL || unlinkat(file->in_cur ? dirs->cur : dirs->new, file->name, 0) < 0)
    return FALSE;
  dlv_inbox_forget(inbox, number);
  return TRUE;
}

gboolean dlv_inbox_remove(DlvInbox *inbox, const DlvInboxDirs *dirs, const guint64 *numbers,
                          gsize n, GError **error) {
  g_autofree guint64 *missing = g_new(guint64, MAX(n, 1));
  gsize n_missing = 0;

  if (!inbox->known && !dlv_inbox_read(inbox, dirs, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (find(inbox, numbers[i]) && !remove_one(inbox, dirs, numbers[i]))
      missing[n_missing++] = numbers[i];
  if (n_missing == 0)
    return TRUE;
  /* the reader moved them to cur/, or removed them: one look tells for all */
  if (!dlv_inbox_read(inbox, dirs, error))
    return FALSE;
  for (gsize i = 0; i < n_missing; i++)
    if (find(inbox, missing[i]) && !remove_one(inbox, dirs, missing[i]) && errno != ENOENT)
      return dlv_inbox_errno(error, inbox, "the file of a finished message cannot be removed");
  return TRUE;
}

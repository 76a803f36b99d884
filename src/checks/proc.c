/* proc.c: see proc.h. */
#include "checks/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void chk_process_clear(ChkProcess *process) {
  g_free(process->comm);
  g_strfreev(process->argv);
  g_free(process->exe);
  g_free(process->unit);
  *process = (ChkProcess){0};
}

void chk_process_free(ChkProcess *process) {
  chk_process_clear(process);
  g_free(process);
}

static char *text_of(pid_t pid, const char *name, gsize *ret_size) {
  g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
  char *text = NULL;

  return g_file_get_contents(path, &text, ret_size, NULL) ? text : NULL;
}

/* PID (COMM) STATE ...: the name may contain anything, so its end is the last ')'. */
static gboolean stat_read(pid_t pid, ChkProcess *ret) {
  g_autofree char *text = text_of(pid, "stat", NULL);
  char *open = text ? strchr(text, '(') : NULL, *close = text ? strrchr(text, ')') : NULL;

  if (open == NULL || close == NULL || close < open || close[1] == 0)
    return FALSE;
  g_auto(GStrv) fields = g_strsplit(close + 2, " ", -1);
  if (g_strv_length(fields) < 22)
    return FALSE;
  ret->comm = g_strndup(open + 1, (gsize)(close - open - 1));
  ret->threads = (guint)g_ascii_strtoull(fields[17], NULL, 10);
  guint64 ticks = g_ascii_strtoull(fields[19], NULL, 10), hz = (guint64)sysconf(_SC_CLK_TCK);
  ret->start = ticks * (G_USEC_PER_SEC / hz);
  ret->rss = g_ascii_strtoull(fields[21], NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
  return TRUE;
}

static char **argv_of(pid_t pid) {
  g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
  gsize size = 0;
  g_autofree char *text = text_of(pid, "cmdline", &size);

  for (const char *p = text; p && p < text + size; p += strlen(p) + 1)
    g_strv_builder_add(argv, p);
  return g_strv_builder_end(argv);
}

static void exe_read(pid_t pid, ChkProcess *ret) {
  g_autofree char *path = g_strdup_printf("/proc/%d/exe", (int)pid);
  char target[PATH_MAX + 1];
  ssize_t n = readlink(path, target, sizeof target - 1);

  if (n <= 0)
    return;
  target[n] = 0;
  ret->deleted = g_str_has_suffix(target, " (deleted)");
  if (ret->deleted)
    target[n - (ssize_t)strlen(" (deleted)")] = 0;
  ret->exe = g_strdup(target);
}

char *chk_cgroup_unit(const char *path) {
  static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);

  for (int i = (int)g_strv_length(parts) - 1; i >= 0; i--)
    for (guint j = 0; j < G_N_ELEMENTS(suffixes); j++)
      /* user@UID.service holds a manager; what has no unit of that one belongs to none of ours */
      if (g_str_has_suffix(parts[i], suffixes[j]))
        return g_strdup(parts[i][0] == '_' ? parts[i] + 1 : parts[i]);
  return NULL;
}

/* cgroup v2 is "0::PATH"; before it systemd's hierarchy is "N:name=systemd:PATH". */
char *chk_process_unit(pid_t pid) {
  g_autofree char *text = text_of(pid, "cgroup", NULL);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
  char *unit = NULL;

  for (guint i = 0; lines && lines[i] && !unit; i++) {
    const char *path = strstr(lines[i], ":name=systemd:");
    if (path)
      unit = chk_cgroup_unit(path + strlen(":name=systemd:"));
    else if (g_str_has_prefix(lines[i], "0::"))
      unit = chk_cgroup_unit(lines[i] + 3);
  }
  return unit;
}

gboolean chk_process_read(pid_t pid, ChkProcess *ret) {
  g_autofree char *path = g_strdup_printf("/proc/%d", (int)pid);
  struct stat st;

  *ret = (ChkProcess){.pid = pid};
  if (stat(path, &st) < 0 || !stat_read(pid, ret)) {
    chk_process_clear(ret);
    return FALSE;
  }
  ret->uid = st.st_uid;
  ret->argv = argv_of(pid);
  ret->unit = chk_process_unit(pid);
  exe_read(pid, ret);
  return TRUE;
}

const char *chk_process_name(const ChkProcess *process) {
  const char *path = process->exe ? process->exe : process->argv[0];
  const char *slash = path ? strrchr(path, '/') : NULL;

  return slash ? slash + 1 : path ? path : process->comm;
}

/* Calls `each` for all numbers among the names of /proc. */
static gboolean pids(gboolean (*each)(pid_t pid, gpointer data), gpointer data, GError **error) {
  DIR *dir = opendir("/proc");
  const struct dirent *entry;
  guint64 pid;

  if (dir == NULL)
    return wg_error_set_errno(error, errno, "the processes cannot be listed");
  while ((entry = readdir(dir)))
    if (g_ascii_string_to_unsigned(entry->d_name, 10, 1, G_MAXINT, &pid, NULL) &&
        !each((pid_t)pid, data))
      break;
  closedir(dir);
  return TRUE;
}

static gboolean add(pid_t pid, gpointer list) {
  g_autofree ChkProcess *process = g_new0(ChkProcess, 1);

  if (chk_process_read(pid, process))
    g_ptr_array_add(list, g_steal_pointer(&process));
  return TRUE;
}

GPtrArray *chk_process_list(GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)chk_process_free);

  return pids(add, list, error) ? g_steal_pointer(&list) : NULL;
}

typedef struct {
  const ChkLook *look;
  GHashTable *inodes;
  GPtrArray *found;
} Holders;

static gboolean holds_one(pid_t pid, GHashTable *inodes) {
  g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
  char target[64];
  DIR *dir = opendir(path);
  const struct dirent *entry;
  gboolean holds = FALSE;

  while (dir && !holds && (entry = readdir(dir))) {
    ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    if (n < (ssize_t)strlen("socket:[1]") || memcmp(target, "socket:[", 8) != 0)
      continue;
    target[n] = 0;
    guint inode = (guint)g_ascii_strtoull(target + 8, NULL, 10);
    holds = g_hash_table_contains(inodes, GUINT_TO_POINTER(inode));
  }
  if (dir)
    closedir(dir);
  return holds;
}

static gboolean add_holder(pid_t pid, gpointer data) {
  Holders *holders = data;

  if (holds_one(pid, holders->inodes))
    g_ptr_array_add(holders->found, GINT_TO_POINTER(pid));
  return !chk_look_over(holders->look);
}

GPtrArray *chk_socket_holders(const ChkLook *look, GHashTable *inodes) {
  Holders holders = {look, inodes, g_ptr_array_new()};

  if (g_hash_table_size(inodes) > 0)
    pids(add_holder, &holders, NULL);
  return holders.found;
}

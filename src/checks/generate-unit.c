/* generate-unit.c: what belongs to a unit, found in its properties and, on a worker thread, in
 * /proc for the processes of its cgroup. What this user may not see is left out. */
#include "checks/generate.h"

#include "checks/accounts.h"
#include "checks/local.h"
#include "checks/proc.h"
#include "checks/sockets.h"
#include "checks/types.h"
#include "checks/unit-ask.h"
#include "checks/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define ASK_USEC (20 * G_USEC_PER_SEC)
#define FILES_MAX 40

typedef struct {
  ChkLook look; /* for what looks need: the world alone */
  char *unit;
  GPtrArray *found;   /* of ChkCandidate */
  GHashTable *known;  /* "type subject" */
  GHashTable *inodes; /* sockets of the unit's processes */
  guint n_files;
  ChkUnitAsk *ask;
  ChkGeneratedFunc done;
  gpointer user_data;
} Finder;

static ChkCandidate *add(Finder *f, const ChkType *type, const char *subject) {
  g_autofree char *key = g_strdup_printf("%s %s", type->name, subject);

  if (g_hash_table_contains(f->known, key))
    return NULL;
  g_hash_table_add(f->known, g_steal_pointer(&key));
  ChkCandidate *candidate = chk_candidate_new(type, subject);
  g_ptr_array_add(f->found, candidate);
  return candidate;
}

static void finish(Finder *f, const GError *error) {
  f->done(error ? NULL : f->found, error, f->user_data);
  g_ptr_array_unref(f->found);
  g_hash_table_unref(f->known);
  g_hash_table_unref(f->inodes);
  chk_world_unref(f->look.world);
  g_free(f->unit);
  g_free(f);
}

/* Files that are there to stay: not those of /proc and /dev, not what the process made to write a
 * log or data into (open for writing). */
static void add_path(Finder *f, const char *path) {
  struct stat st;

  if (*path != '/' || f->n_files >= FILES_MAX || g_str_has_prefix(path, "/proc/") ||
      g_str_has_prefix(path, "/dev/") || g_str_has_prefix(path, "/sys/") ||
      chk_local_stat(&f->look, path, TRUE, &st) < 0)
    return;
  if (S_ISREG(st.st_mode) && add(f, &chk_type_file, path))
    f->n_files++;
  if (S_ISDIR(st.st_mode) && path[1] && add(f, &chk_type_directory, path))
    f->n_files++;
}

static gboolean is_read_only(pid_t pid, const char *fd) {
  g_autofree char *path = g_strdup_printf("/proc/%d/fdinfo/%s", (int)pid, fd), *text = NULL;
  const char *flags = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "flags:") : NULL;

  return flags && (g_ascii_strtoull(flags + strlen("flags:") + strspn(flags + 6, " \t"), NULL, 8) &
                   O_ACCMODE) == O_RDONLY;
}

static void add_descriptors(Finder *f, pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
  DIR *dir = opendir(path);
  const struct dirent *entry;

  while (dir && (entry = readdir(dir))) {
    g_autofree char *link = g_build_filename(path, entry->d_name, NULL);
    g_autofree char *target = g_file_read_link(link, NULL);
    if (target && g_str_has_prefix(target, "socket:["))
      g_hash_table_add(f->inodes, GUINT_TO_POINTER((guint)g_ascii_strtoull(target + 8, NULL, 10)));
    else if (target && is_read_only(pid, entry->d_name))
      add_path(f, target);
  }
  if (dir)
    closedir(dir);
}

static void add_ports(Finder *f, int family, int protocol) {
  g_autoptr(GArray) all = chk_sockets_inet(family, protocol, CHK_SOCKETS_LISTENING, NULL);

  for (guint i = 0; all && i < all->len; i++) {
    const ChkSocket *each = &g_array_index(all, ChkSocket, i);
    if (!g_hash_table_contains(f->inodes, GUINT_TO_POINTER(each->inode)))
      continue;
    g_autofree char *at = chk_socket_text(family, &each->local, each->port);
    g_autofree char *subject =
        g_strdup_printf("%s:%s", protocol == IPPROTO_TCP ? "tcp" : "udp", at);
    add(f, &chk_type_port, subject);
  }
}

static void add_unix(Finder *f) {
  g_autoptr(GArray) all = chk_sockets_unix(&f->look, NULL);

  for (guint i = 0; all && i < all->len; i++) {
    const ChkUnixSocket *each = &g_array_index(all, ChkUnixSocket, i);
    if (!each->listening || *each->path != '/' ||
        !g_hash_table_contains(f->inodes, GUINT_TO_POINTER(each->inode)))
      continue;
    g_autofree char *subject = g_strconcat("unix:", each->path, NULL);
    add(f, &chk_type_port, subject);
  }
}

static void add_process(Finder *f, const ChkProcess *process) {
  g_autofree char *user = chk_account_user_name(&f->look, process->uid);

  if (process->uid != 0)
    add(f, &chk_type_user, user);
  for (guint i = 1; process->argv[0] && process->argv[i]; i++) {
    const char *equal = strchr(process->argv[i], '='); /* --config=/a/b */
    add_path(f, process->argv[i]);
    if (equal)
      add_path(f, equal + 1);
  }
  add_descriptors(f, process->pid);
}

static void find_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Finder *f = data;
  g_autoptr(GPtrArray) all = chk_process_list(NULL);

  for (guint i = 0; all && i < all->len; i++) {
    const ChkProcess *process = all->pdata[i];
    if (g_strcmp0(process->unit, f->unit) == 0)
      add_process(f, process);
  }
  add_ports(f, AF_INET, IPPROTO_TCP);
  add_ports(f, AF_INET6, IPPROTO_TCP);
  add_ports(f, AF_INET, IPPROTO_UDP);
  add_ports(f, AF_INET6, IPPROTO_UDP);
  add_unix(f);
  g_task_return_boolean(task, TRUE);
}

static void on_found(GObject *source, GAsyncResult *result, gpointer user_data) {
  finish(user_data, NULL);
}

/* A text, or a list of texts or of lists that begin with one (EnvironmentFiles). */
static void add_property(Finder *f, JsonObject *properties, const char *name) {
  JsonNode *node = json_object_get_member(properties, name);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  add_path(f, chk_unit_text(properties, name, ""));
  for (guint i = 0; list && i < json_array_get_length(list); i++) {
    JsonNode *each = json_array_get_element(list, i);
    if (JSON_NODE_HOLDS_ARRAY(each) && json_array_get_length(json_node_get_array(each)) > 0)
      each = json_array_get_element(json_node_get_array(each), 0);
    const char *path = JSON_NODE_HOLDS_VALUE(each) ? json_node_get_string(each) : NULL;
    if (path)
      add_path(f, path);
  }
}

static void on_properties(JsonObject *properties, const GError *error, gpointer user_data) {
  static const char *const paths[] = {"FragmentPath", "DropInPaths", "EnvironmentFiles"};
  Finder *f = user_data;

  f->ask = NULL;
  if (error) {
    finish(f, error);
    return;
  }
  add(f, &chk_type_unit, f->unit);
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
    add_property(f, properties, paths[i]);
  if (chk_unit_int(properties, "MainPID", 0) > 0) {
    ChkCandidate *process = add(f, &chk_type_process, f->unit);
    process->options = json_object_new();
    json_object_set_string_member(process->options, "by", "unit");
  }
  if (*chk_unit_text(properties, "BusName", ""))
    add(f, &chk_type_dbus, chk_unit_text(properties, "BusName", ""));
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_found, f);
  g_task_set_task_data(task, f, NULL);
  g_task_run_in_thread(task, find_in_thread);
}

void chk_generate_unit(ChkWorld *world, const char *unit, ChkGeneratedFunc done,
                       gpointer user_data) {
  Finder *f = g_new0(Finder, 1);
  g_autoptr(GError) error = NULL;

  f->look.world = chk_world_ref(world);
  f->unit = chk_unit_name(unit);
  f->found = g_ptr_array_new_with_free_func((GDestroyNotify)chk_candidate_free);
  f->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  f->inodes = g_hash_table_new(NULL, NULL);
  f->done = done;
  f->user_data = user_data;
  f->ask = chk_unit_ask(world, f->unit, ASK_USEC, on_properties, f, &error);
  if (f->ask == NULL)
    finish(f, error);
}

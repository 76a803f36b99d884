/* preflight-ports.c: are the ports free that the manifest wants to be? One on which a unit of this
 * deployment, or of the release before, listens is its own. */
#include "deployment/preflight.h"

#include "checks/proc.h"
#include "checks/sockets.h"

#include <string.h>

#define LOOK_MAX (10 * G_USEC_PER_SEC)

static gboolean lists_unit(const DplManifest *m, const char *unit) {
  char **lists[] = {m ? m->units.start : NULL, m ? m->units.reload : NULL};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (lists[i] && g_strv_contains((const char *const *)lists[i], unit))
      return TRUE;
  return FALSE;
}

/* A socket of systemd's own (of a .socket unit) has PID 1 or the user's manager as its holder. */
static gboolean is_manager(pid_t pid) {
  g_auto(ChkProcess) process = {0};

  return chk_process_read(pid, &process) && strcmp(process.comm, "systemd") == 0;
}

static gboolean starts_sockets(const DplManifest *m) {
  for (guint i = 0; m && m->units.start[i]; i++)
    if (g_str_has_suffix(m->units.start[i], ".socket"))
      return TRUE;
  return FALSE;
}

static gboolean is_own(const DplPreflight *p, pid_t pid) {
  g_autofree char *unit = chk_process_unit(pid);

  if (unit && (lists_unit(p->manifest, unit) || lists_unit(p->previous, unit)))
    return TRUE;
  return (starts_sockets(p->manifest) || starts_sockets(p->previous)) && is_manager(pid);
}

static char *describe(pid_t pid) {
  g_auto(ChkProcess) process = {0};

  if (!chk_process_read(pid, &process))
    return g_strdup_printf("process %d", (int)pid);
  return g_strdup_printf("process %d, %s%s%s", (int)pid, chk_process_name(&process),
                         process.unit ? ", of " : "", process.unit ?: "");
}

static void look_at_port(const DplPreflight *p, const ChkLook *look, guint port, GArray *sockets,
                         GPtrArray *reasons) {
  g_autoptr(GHashTable) inodes = g_hash_table_new(NULL, NULL);

  for (guint i = 0; i < sockets->len; i++)
    if (g_array_index(sockets, ChkSocket, i).port == port)
      g_hash_table_add(inodes, GUINT_TO_POINTER(g_array_index(sockets, ChkSocket, i).inode));
  if (g_hash_table_size(inodes) == 0)
    return;
  g_autoptr(GPtrArray) pids = chk_socket_holders(look, inodes);
  for (guint i = 0; i < pids->len; i++)
    if (is_own(p, GPOINTER_TO_INT(pids->pdata[i])))
      return;
  g_autofree char *who =
      pids->len ? describe(GPOINTER_TO_INT(pids->pdata[0])) : g_strdup("a process of another user");
  g_ptr_array_add(reasons, g_strdup_printf("port %u is not free: %s listens there", port, who));
}

void dpl_preflight_ports(const DplPreflight *p, const DplWork *work, GPtrArray *reasons) {
  static const int families[] = {AF_INET, AF_INET6};
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(ChkSocket));
  const ChkLook look = {.cancel = work ? work->cancel : NULL,
                        .deadline = (guint64)g_get_monotonic_time() + LOOK_MAX};

  if (!p->manifest->require.ports[0])
    return;
  for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) some =
        chk_sockets_inet(families[i], IPPROTO_TCP, CHK_SOCKETS_LISTENING, &error);
    if (some)
      g_array_append_vals(all, some->data, some->len);
    else
      g_ptr_array_add(reasons,
                      g_strdup_printf("which ports are free cannot be told: %s", error->message));
  }
  for (guint i = 0; p->manifest->require.ports[i]; i++)
    look_at_port(p, &look, (guint)g_ascii_strtoull(p->manifest->require.ports[i], NULL, 10), all,
                 reasons);
}

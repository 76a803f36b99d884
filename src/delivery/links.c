/* links.c: to which messaging services the courier connects: the one that the environment names,
 * else the system's and the user's. */
#include "delivery/links.h"

#include "delivery/agent.h"

#include "common/names.h"

static void add(DlvCourier *courier, const char *runtime_dir) {
  if (runtime_dir == NULL || runtime_dir[0] != '/')
    return;
  g_autofree char *path = g_build_filename(runtime_dir, WG_SOCKET_DIR, WG_SOCKET_MESSAGING, NULL);
  g_ptr_array_add(courier->links, dlv_link_new(courier, path));
}

void dlv_links_init(DlvCourier *courier) {
  const char *address = g_getenv(WG_ENV_ADDRESS);

  courier->links = g_ptr_array_new();
  if (address != NULL && address[0] != '\0') {
    g_ptr_array_add(courier->links, dlv_link_new(courier, address));
    return;
  }
  add(courier, DLV_SYSTEM_RUNTIME_DIR);
  add(courier, g_getenv("XDG_RUNTIME_DIR"));
}

void dlv_links_wake(DlvCourier *courier) {
  for (guint i = 0; i < courier->links->len; i++)
    dlv_link_wake(courier->links->pdata[i]);
}

void dlv_links_clear(DlvCourier *courier) {
  /* who is told that its call failed still looks at the other links */
  while (courier->links->len > 0)
    dlv_link_free(g_ptr_array_steal_index(courier->links, courier->links->len - 1));
  g_clear_pointer(&courier->links, g_ptr_array_unref);
}

gboolean dlv_links_busy(const DlvCourier *courier) {
  for (guint i = 0; i < courier->links->len; i++)
    if (dlv_link_busy(courier->links->pdata[i]))
      return TRUE;
  return FALSE;
}

gboolean dlv_links_telling(const DlvCourier *courier) {
  for (guint i = 0; i < courier->links->len; i++) {
    const DlvLink *link = courier->links->pdata[i];
    if (link->state == DLV_LINK_READY &&
        (link->calls.length > link->n_polls || link->reports->len > 0 || link->acks->len > 0))
      return TRUE;
  }
  return FALSE;
}

void dlv_links_each_agent(DlvCourier *courier, void (*each)(DlvAgent *agent, gpointer data),
                          gpointer data) {
  for (guint i = 0; i < courier->links->len; i++) {
    DlvLink *link = courier->links->pdata[i];
    GHashTableIter iter;
    gpointer agent;
    g_hash_table_iter_init(&iter, link->agents);
    while (g_hash_table_iter_next(&iter, NULL, &agent))
      each(agent, data);
  }
}

char **dlv_links_connected(const DlvCourier *courier) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (guint i = 0; courier->links != NULL && i < courier->links->len; i++) {
    const DlvLink *link = courier->links->pdata[i];
    if (link->state == DLV_LINK_READY)
      g_strv_builder_add(names, link->shown);
  }
  return g_strv_builder_end(names);
}

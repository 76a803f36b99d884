/* type-listening.c: all sockets of this network namespace that wait for strangers, for comparing
 * with what was there before. No connection is made. */
#include "checks/sockets.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

static const ChkKey options[] = {{"loopback", CHK_BOOL, "also those on loopback addresses (true)"},
                                 {NULL}};

static const ChkKey values[] = {
    {"sockets", CHK_TEXTS, "\"tcp 0.0.0.0:80\", \"udp [::]:53\", sorted"},
    {"ports", CHK_TEXTS, "the same without addresses: \"tcp 80\", sorted"},
    {"count", CHK_INT, "how many sockets there are"},
    {NULL},
};

static int by_text(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static JsonArray *sorted_set(GHashTable *set) {
  JsonArray *array = json_array_new();
  g_autoptr(GPtrArray) list = g_ptr_array_new();
  GHashTableIter iter;
  gpointer text;

  g_hash_table_iter_init(&iter, set);
  while (g_hash_table_iter_next(&iter, &text, NULL))
    g_ptr_array_add(list, text);
  g_ptr_array_sort(list, by_text);
  for (guint i = 0; i < list->len; i++)
    json_array_add_string_element(array, g_ptr_array_index(list, i));
  return array;
}

static gboolean is_loopback(int family, const struct in6_addr *address) {
  return family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(address) : address->s6_addr[0] == 127;
}

static gboolean collect(const ChkLook *look, int family, int protocol, GHashTable *sockets,
                        GHashTable *ports, GError **error) {
  gboolean loopback = chk_option_bool(look, "loopback", TRUE);
  const char *name = protocol == IPPROTO_TCP ? "tcp" : "udp";
  g_autoptr(GArray) all = chk_sockets_inet(family, protocol, CHK_SOCKETS_LISTENING, error);

  if (!all)
    return FALSE;
  for (guint i = 0; i < all->len; i++) {
    const ChkSocket *socket = &g_array_index(all, ChkSocket, i);
    if (!loopback && is_loopback(family, &socket->local))
      continue;
    g_autofree char *address = chk_socket_text(family, &socket->local, socket->port);
    g_hash_table_add(sockets, g_strdup_printf("%s %s", name, address));
    g_hash_table_add(ports, g_strdup_printf("%s %u", name, socket->port));
  }
  return TRUE;
}

static gboolean wants(const ChkLook *look, const char *protocol) {
  return strcmp(look->subject, "all") == 0 || strcmp(look->subject, protocol) == 0;
}

static void look_at(ChkLook *look, ChkSight *ret) {
  static const int families[] = {AF_INET, AF_INET6};
  g_autoptr(GHashTable) sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS(families); i++)
    if ((wants(look, "tcp") && !collect(look, families[i], IPPROTO_TCP, sockets, ports, &error)) ||
        (wants(look, "udp") && !collect(look, families[i], IPPROTO_UDP, sockets, ports, &error))) {
      chk_unknown(ret, "the sockets cannot be listed: %s", error->message);
      return;
    }
  JsonObject *seen = json_object_new();
  json_object_set_array_member(seen, "sockets", sorted_set(sockets));
  json_object_set_array_member(seen, "ports", sorted_set(ports));
  json_object_set_int_member(seen, "count", g_hash_table_size(sockets));
  chk_observed(ret, seen);
}

const ChkType chk_type_listening = {
    .name = "listening",
    .subject_help = "tcp, udp or all",
    .options = options,
    .values = values,
    .sync = look_at,
    .validate = chk_subject_listening,
};

/* type-interface.c: a network interface of this namespace. */
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const ChkKey options[] = {{NULL}};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is such an interface"},
    {"up", CHK_BOOL, "it is switched on"},
    {"carrier", CHK_BOOL, "it is connected, so that packets go through"},
    {"loopback", CHK_BOOL, "it is a loopback interface"},
    {"addresses", CHK_TEXTS, "its addresses with the length of the prefix, sorted"},
    {"mtu", CHK_INT, "the largest packet in bytes"},
    {"mac", CHK_TEXT, "its link-layer address"},
    {NULL},
};

static guint prefix_length(const guint8 *mask, gsize size) {
  guint bits = 0;

  for (gsize i = 0; i < size; i++)
    bits += (guint)__builtin_popcount(mask[i]);
  return bits;
}

static char *address_text(const struct ifaddrs *each) {
  char text[INET6_ADDRSTRLEN];
  gboolean v6 = each->ifa_addr->sa_family == AF_INET6;
  const void *address = v6 ? (const void *)&((struct sockaddr_in6 *)each->ifa_addr)->sin6_addr
                           : &((struct sockaddr_in *)each->ifa_addr)->sin_addr;

  if (inet_ntop(each->ifa_addr->sa_family, address, text, sizeof text) == NULL)
    return NULL;
  if (each->ifa_netmask == NULL)
    return g_strdup(text);
  const guint8 *mask = v6 ? (const guint8 *)&((struct sockaddr_in6 *)each->ifa_netmask)->sin6_addr
                          : (const guint8 *)&((struct sockaddr_in *)each->ifa_netmask)->sin_addr;
  return g_strdup_printf("%s/%u", text, prefix_length(mask, v6 ? 16 : 4));
}

static void set_mac(JsonObject *seen, const struct sockaddr_ll *link) {
  g_autoptr(GString) mac = g_string_new(NULL);

  for (guint i = 0; i < link->sll_halen && i < sizeof link->sll_addr; i++)
    g_string_append_printf(mac, "%s%02x", i > 0 ? ":" : "", link->sll_addr[i]);
  if (mac->len > 0)
    chk_set_text(seen, "mac", mac->str);
}

static void set_mtu(JsonObject *seen, const char *name) {
  struct ifreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  if (ioctl(fd, SIOCGIFMTU, &request) == 0)
    json_object_set_int_member(seen, "mtu", request.ifr_mtu);
  close(fd);
}

static gboolean describe(const char *name, const struct ifaddrs *list, JsonObject *seen) {
  GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);
  gboolean exists = FALSE;

  for (const struct ifaddrs *each = list; each; each = each->ifa_next) {
    if (strcmp(each->ifa_name, name) != 0)
      continue;
    exists = TRUE;
    json_object_set_boolean_member(seen, "up", (each->ifa_flags & IFF_UP) != 0);
    json_object_set_boolean_member(seen, "carrier", (each->ifa_flags & IFF_RUNNING) != 0);
    json_object_set_boolean_member(seen, "loopback", (each->ifa_flags & IFF_LOOPBACK) != 0);
    int family = each->ifa_addr ? each->ifa_addr->sa_family : AF_UNSPEC;
    char *text = family == AF_INET || family == AF_INET6 ? address_text(each) : NULL;
    if (text)
      g_ptr_array_add(addresses, text);
    if (family == AF_PACKET)
      set_mac(seen, (const struct sockaddr_ll *)each->ifa_addr);
  }
  if (exists)
    chk_set_sorted(seen, "addresses", addresses);
  else
    g_ptr_array_unref(addresses);
  return exists;
}

static void see(ChkLook *look, ChkSight *ret) {
  struct ifaddrs *list = NULL;

  if (getifaddrs(&list) < 0) {
    chk_unknown(ret, "the interfaces could not be listed: %s", g_strerror(errno));
    return;
  }
  JsonObject *seen = json_object_new();
  gboolean exists = describe(look->subject, list, seen);
  freeifaddrs(list);
  json_object_set_boolean_member(seen, "exists", exists);
  if (exists)
    set_mtu(seen, look->subject);
  chk_observed(ret, seen);
}

const ChkType chk_type_interface = {
    .name = "interface",
    .subject_help = "name of an interface",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_interface,
};

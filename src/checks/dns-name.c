/* dns-name.c: see dns-name.h. */
#include "checks/dns-name.h"

#include "common/error.h"

#include <arpa/nameser.h>
#include <string.h>

static const struct {
  const char *name;
  int type;
} types[] = {{"A", ns_t_a},        {"AAAA", ns_t_aaaa}, {"CNAME", ns_t_cname}, {"MX", ns_t_mx},
             {"NS", ns_t_ns},      {"TXT", ns_t_txt},   {"SRV", ns_t_srv},     {"PTR", ns_t_ptr},
             {"SOA", ns_t_soa},    {"CAA", 257},        {"TLSA", 52},          {"SSHFP", 44},
             {"NAPTR", ns_t_naptr}};

int chk_dns_type(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    if (g_ascii_strcasecmp(types[i].name, name) == 0)
      return types[i].type;
  return -1;
}

static gboolean no_name(const char *name, const char *why, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no name to resolve: %s", name,
              why);
  return FALSE;
}

/* What a name server may be asked for is wider than what a host may be called: "_sip._tcp" and "*"
 * are asked for, and names in other scripts are sent as they are written. */
gboolean chk_dns_name_is_good(const char *name, GError **error) {
  gsize length = strlen(name), label = 0;

  if (strchr(name, ':') && g_hostname_is_ip_address(name))
    return TRUE;
  for (const char *p = name; *p; p++)
    if ((guchar)*p <= ' ' || *p == 0x7f || strchr("/:@,;?#'\"()[]{}<>|\\", *p))
      return no_name(name, "write it as in www.example.org", error);
  if (length > 253 + (length > 0 && name[length - 1] == '.' ? 1u : 0u))
    return no_name(name, "it is longer than 253 bytes", error);
  for (const char *p = name; strcmp(name, ".") != 0; p++) {
    if (*p && *p != '.') {
      label++;
      continue;
    }
    if (label > 63)
      return no_name(name, "what stands between two dots is at most 63 bytes", error);
    if (label == 0 && (*p || p == name)) /* one dot may end it */
      return no_name(name, "nothing stands between two dots", error);
    if (*p == 0)
      break;
    label = 0;
  }
  return TRUE;
}

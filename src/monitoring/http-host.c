/* http-host.c: is a request for us? see http.h. A page in a browser of this machine can have its
 * own name resolved to 127.0.0.1 ("DNS rebinding") and read what answers there; its requests carry
 * that name in Host. So names other than the machine's are refused; an address is none, and is
 * taken. */
#include "monitoring/http.h"

#include <gio/gio.h>
#include <string.h>

static gboolean is_one_of(const char *name, const char *list) {
  g_auto(GStrv) words = g_strsplit_set(list, " \t", -1);

  for (guint i = 0; words[i]; i++)
    if (*words[i] && g_ascii_strcasecmp(words[i], name) == 0)
      return TRUE;
  return FALSE;
}

/* "name:1234", "[::1]:1234" without the port; NULL: it is no host. */
static char *without_port(const char *host) {
  const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
  const char *port = end && host[0] == '[' ? end + 1 : end;

  if (host[0] == '[' && !end)
    return NULL;
  if (port && *port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
    return NULL;
  if (host[0] == '[')
    return g_strndup(host + 1, (gsize)(end - host - 1));
  return end ? g_strndup(host, (gsize)(end - host)) : g_strdup(host);
}

gboolean mon_http_host_is_ours(const char *host, const char *machine, const char *more) {
  g_autofree char *name = without_port(host);
  g_autofree char *first = g_strndup(machine, strcspn(machine, "."));
  gsize n = name ? strlen(name) : 0;

  if (n > 1 && name[n - 1] == '.') /* as DNS writes it out */
    name[--n] = '\0';
  if (n == 0)
    return FALSE;
  return g_hostname_is_ip_address(name) || g_ascii_strcasecmp(name, "localhost") == 0 ||
         (*machine && g_ascii_strcasecmp(name, machine) == 0) ||
         (*first && g_ascii_strcasecmp(name, first) == 0) || is_one_of(name, more);
}

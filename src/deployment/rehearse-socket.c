/* rehearse-socket.c: see rehearse-unit.h. A socket of the file system gets a name of its own, which
 * nobody but its service is told; all others are opened in the network of the rehearsal, where
 * the same address means nothing to the live one. What is in no network is not opened at all. */
#include "deployment/rehearse-unit-private.h"

#include "common/error.h"

#include <string.h>

/* What concerns the socket's descriptor alone: no names, no commands, no devices, nobody's unit. */
static const char *const kept[] = {
    "Backlog",         "BindIPv6Only",       "Broadcast",
    "DeferAcceptSec",  "FileDescriptorName", "IPTOS",
    "IPTTL",           "KeepAlive",          "KeepAliveIntervalSec",
    "KeepAliveProbes", "KeepAliveTimeSec",   "NoDelay",
    "PassCredentials", "PassPacketInfo",     "PassSecurity",
    "PipeSize",        "ReceiveBuffer",      "SendBuffer",
    "SocketProtocol",  "Timestamping",       NULL,
};
static const char *const addresses[] = {"ListenStream", "ListenDatagram", "ListenSequentialPacket",
                                        "ListenFIFO", NULL};

typedef struct {
  const DplIsolation *how;
  const char *original, *name;
  GPtrArray *left_out;
  GString *listens, *others;
  guint n; /* of those that are made */
  gboolean has_network, has_fd_name;
  char *refused; /* what cannot be isolated */
} Making;

static void forget_listens(Making *m) {
  g_string_truncate(m->listens, 0);
  g_clear_pointer(&m->refused, g_free);
  m->n = 0;
  m->has_network = FALSE;
}

/* Specifiers that are directories; systemd.unit(5). */
static gboolean is_path(const char *value) {
  return *value == '/' || (*value == '%' && value[1] && strchr("CEhLStTV", value[1]));
}

static void listen_at(Making *m, const char *key, const char *value) {
  gboolean known = *value != '%' && !g_str_has_prefix(value, "vsock:");

  if (is_path(value)) {
    g_string_append_printf(m->listens, "%s=%%t/%s.%u\n", key, m->name, m->n++);
  } else if (known && strcmp(key, "ListenFIFO") != 0) {
    g_string_append_printf(m->listens, "%s=%s\n", key, value);
    m->has_network = TRUE;
    m->n++;
  } else if (!m->refused) {
    m->refused = g_strdup_printf("%s=%s", key, value);
  }
}

static void take(const char *key, const char *given, gpointer data) {
  Making *m = data;
  g_autoptr(GString) value = g_string_new(given);
  gboolean listens = g_str_has_prefix(key, "Listen");

  dpl_unit_expand_names(value, m->original);
  if (listens && value->len == 0)
    forget_listens(m); /* one that is empty takes back all before, of whatever kind */
  else if (g_strv_contains(addresses, key))
    listen_at(m, key, value->str);
  else if (listens || (strcmp(key, "Accept") == 0 && value->len > 0 && !strchr("nNfF0", *given) &&
                       g_ascii_strcasecmp(given, "off") != 0))
    m->refused = m->refused ? m->refused : g_strdup_printf("%s=%s", key, value->str);
  else if (g_strv_contains(kept, key))
    g_string_append_printf(m->others, "%s=%s\n", key, value->str);
  else if (strcmp(key, "Service") != 0 && strcmp(key, "Accept") != 0)
    dpl_unit_leave_out(m->left_out, key);
  if (strcmp(key, "FileDescriptorName") == 0)
    m->has_fd_name = value->len > 0;
}

static gboolean is_possible(const Making *m, GError **error) {
  if (m->refused)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "%s has %s, which cannot be had beside the live one", m->original, m->refused);
  else if (m->n == 0)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s listens to nothing", m->original);
  else if (m->has_network && !m->how->networks)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "there is no other network here that %s could be opened in", m->original);
  else
    return TRUE;
  return FALSE;
}

static char *text_of(const Making *m) {
  GString *out = g_string_new(NULL);

  dpl_isolation_add_unit(m->how, m->original, out);
  /* it goes when its service has ended, however that was */
  g_string_append(out, "StopWhenUnneeded=yes\n\n[Socket]\n");
  g_string_append_printf(out, "%s%s", m->others->str, m->listens->str);
  if (!m->has_fd_name) /* the default is the unit's name, which is another one here */
    g_string_append_printf(out, "FileDescriptorName=%s\n", m->original);
  g_string_append_printf(out, "Service=%s.service\nAccept=no\nSocketMode=0600\nRemoveOnStop=yes\n",
                         m->how->name);
  if (m->has_network) /* its addresses are not those of this machine */
    g_string_append(out, "FreeBind=yes\n");
  if (m->how->networks)
    g_string_append(out, "PrivateNetwork=yes\n");
  return g_string_free(out, FALSE);
}

char *dpl_isolated_socket(const char *text, const char *original, const DplIsolation *how,
                          guint number, GPtrArray *left_out, GError **error) {
  g_autofree char *name = g_strdup_printf("%s-%u", how->name, number);
  g_autoptr(GString) listens = g_string_new(NULL), others = g_string_new(NULL);
  Making m = {.how = how,
              .original = original,
              .name = name,
              .left_out = left_out,
              .listens = listens,
              .others = others};

  dpl_unit_settings(text, "[Socket]", take, &m);
  gboolean possible = is_possible(&m, error);
  g_free(m.refused);
  return possible ? text_of(&m) : NULL;
}

/* ---- whose socket it is ---- */
typedef struct {
  const char *service, *name;
  gboolean here, elsewhere;
} Owner;

static void owner(const char *key, const char *value, gpointer data) {
  Owner *o = data;
  g_autoptr(GString) expanded = g_string_new(value);

  if (strcmp(key, "Service") != 0)
    return;
  dpl_unit_expand_names(expanded, o->name);
  o->here = strcmp(expanded->str, o->service) == 0;
  o->elsewhere = !o->here && expanded->len > 0;
}

char *dpl_socket_of(const char *name, const char *text, const char *service) {
  const char *at = strchr(service, '@');
  g_autofree char *stem = g_strndup(service, strlen(service) - strlen(".service"));
  g_autofree char *of_name = g_strconcat(stem, ".socket", NULL);
  g_autofree char *prefix = g_strndup(name, strlen(name) - strlen(".socket"));
  /* of a template that instance is meant which the service is */
  gboolean template = g_str_has_suffix(prefix, "@");
  g_autofree char *own =
      template ? g_strdup_printf("%s%s.socket", prefix, at ? stem + (at + 1 - service) : "")
               : g_strdup(name);
  Owner o = {.service = service, .name = own};

  dpl_unit_settings(text, "[Socket]", owner, &o);
  if (o.here || (!o.elsewhere && strcmp(own, of_name) == 0))
    return g_steal_pointer(&own);
  return NULL;
}

typedef struct {
  GPtrArray *names;
  const char *original;
} Named;

static void named(const char *key, const char *value, gpointer data) {
  Named *n = data;
  g_autoptr(GString) expanded = g_string_new(value);

  if (strcmp(key, "Sockets") != 0)
    return;
  if (*value == '\0') /* an empty one takes back what was said before */
    g_ptr_array_set_size(n->names, 0);
  dpl_unit_expand_names(expanded, n->original);
  g_auto(GStrv) words = g_strsplit_set(expanded->str, " \t", -1);
  for (guint i = 0; words[i]; i++)
    if (*words[i])
      g_ptr_array_add(n->names, g_strdup(words[i]));
}

GPtrArray *dpl_sockets_named(const char *text, const char *original) {
  Named n = {g_ptr_array_new_with_free_func(g_free), original};

  dpl_unit_settings(text, "[Service]", named, &n);
  return n.names;
}

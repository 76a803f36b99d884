/* type-port.c: does something listen there, and who. No connection is made.
 *
 * Whose socket it is comes from /proc, where this user may look; else "pid", "process" and "unit"
 * are absent, and an error when one of them is asserted. A socket that systemd holds for a unit is
 * told as the unit's that works with it, when such a process has it open too. */
#include "checks/local.h"
#include "checks/port.h"
#include "checks/proc.h"
#include "checks/sockets.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <errno.h>
#include <string.h>

static const ChkKey options[] = {{NULL}};

static const ChkKey values[] = {
    {"listening", CHK_BOOL, "a socket listens there (UDP: is bound there)"},
    {"addresses", CHK_TEXTS, "the addresses of the sockets that do, sorted"},
    {"uid", CHK_INT, "number of the user who made the socket; not of Unix sockets"},
    {"pid", CHK_INT, "a process that has it open"},
    {"process", CHK_TEXT, "name of that process"},
    {"processes", CHK_TEXTS, "names of the processes that have one of the sockets open, sorted"},
    {"unit", CHK_TEXT, "systemd unit of that process"},
    {"units", CHK_TEXTS, "systemd units of all these processes, sorted"},
    {NULL},
};

typedef struct {
  GPtrArray *addresses;
  GHashTable *inodes; /* set of GUINT */
  gint64 uid;
} Listening;

/* Does a socket at `at` take what is sent to the address that is asked for? */
static gboolean serves(const ChkPort *port, const ChkSocket *at) {
  gsize size = at->family == AF_INET6 ? 16 : 4;

  return at->port == port->port && (port->any || memcmp(&at->local, &port->address, size) == 0);
}

static gboolean inet(const ChkPort *port, int family, Listening *to, GError **error) {
  g_autoptr(GArray) all = chk_sockets_inet(family, port->protocol, CHK_SOCKETS_LISTENING, error);

  if (all == NULL)
    return FALSE;
  for (guint i = 0; i < all->len; i++) {
    const ChkSocket *each = &g_array_index(all, ChkSocket, i);
    if (!serves(port, each))
      continue;
    g_ptr_array_add(to->addresses, chk_socket_text(family, &each->local, each->port));
    g_hash_table_add(to->inodes, GUINT_TO_POINTER(each->inode));
    to->uid = each->uid;
  }
  return TRUE;
}

static gboolean unix_named(const ChkLook *look, const ChkPort *port, Listening *to,
                           GError **error) {
  g_autoptr(GArray) all = chk_sockets_unix(look, error);

  if (all == NULL)
    return FALSE;
  for (guint i = 0; i < all->len; i++) {
    const ChkUnixSocket *each = &g_array_index(all, ChkUnixSocket, i);
    if (!each->listening || strcmp(each->path, port->path) != 0)
      continue;
    g_ptr_array_add(to->addresses, g_strdup(each->path));
    g_hash_table_add(to->inodes, GUINT_TO_POINTER(each->inode));
  }
  return TRUE;
}

static gboolean wants_owner(const ChkLook *look) {
  return chk_wants(look, "pid") || chk_wants(look, "process") || chk_wants(look, "unit") ||
         chk_wants(look, "processes") || chk_wants(look, "units");
}

static gboolean asks_owner(const ChkLook *look) {
  return chk_asks(look, "pid") || chk_asks(look, "process") || chk_asks(look, "unit") ||
         chk_asks(look, "processes") || chk_asks(look, "units");
}

/* A manager that holds the socket for a unit is not who answers, when another has it too. */
static gboolean better(const ChkProcess *a, const ChkProcess *than) {
  return than->pid == 0 || (than->pid == 1 && a->pid != 1);
}

static void owners(const ChkLook *look, const Listening *at, JsonObject *seen) {
  g_autoptr(GPtrArray) pids = chk_socket_holders(look, at->inodes);
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  GPtrArray *units = g_ptr_array_new_with_free_func(g_free);
  g_auto(ChkProcess) first = {0};

  for (guint i = 0; i < pids->len; i++) {
    g_auto(ChkProcess) process = {0};
    if (!chk_process_read(GPOINTER_TO_INT(pids->pdata[i]), &process))
      continue;
    g_ptr_array_add(names, g_strdup(chk_process_name(&process)));
    if (process.unit)
      g_ptr_array_add(units, g_strdup(process.unit));
    if (better(&process, &first)) {
      ChkProcess old = first;
      first = process;
      process = old;
    }
  }
  if (first.pid > 0) {
    json_object_set_int_member(seen, "pid", first.pid);
    chk_set_text(seen, "process", chk_process_name(&first));
    chk_set_text(seen, "unit", first.unit);
    chk_set_sorted(seen, "processes", names);
    chk_set_sorted(seen, "units", units);
  } else {
    g_ptr_array_unref(names);
    g_ptr_array_unref(units);
  }
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autoptr(GHashTable) inodes = g_hash_table_new(NULL, NULL);
  Listening at = {.inodes = inodes, .uid = -1};
  g_autoptr(GError) error = NULL;
  g_auto(ChkPort) port = {0};

  if (*chk_world_root(look->world)) {
    chk_not_applicable(ret, "nothing listens in a root directory that is not running");
    return;
  }
  at.addresses = g_ptr_array_new_with_free_func(g_free);
  gboolean good = chk_port_parse(look->subject, &port, &error);
  if (good && port.is_unix)
    good = unix_named(look, &port, &at, &error);
  if (good && !port.is_unix && port.family != AF_INET6)
    good = inet(&port, AF_INET, &at, &error);
  if (good && !port.is_unix && port.family != AF_INET)
    good = inet(&port, AF_INET6, &at, &error);
  if (!good) {
    g_ptr_array_unref(at.addresses);
    chk_unknown(ret, "%s", error->message);
    return;
  }
  JsonObject *seen = json_object_new();
  gboolean listening = at.addresses->len > 0;
  json_object_set_boolean_member(seen, "listening", listening);
  chk_set_sorted(seen, "addresses", at.addresses);
  if (at.uid >= 0)
    json_object_set_int_member(seen, "uid", at.uid);
  if (listening && wants_owner(look))
    owners(look, &at, seen);
  if (listening && asks_owner(look) && !json_object_has_member(seen, "pid")) {
    json_object_unref(seen);
    chk_unknown(ret, "who has %s open cannot be told: this user may not look into its process",
                look->subject);
    return;
  }
  chk_observed(ret, seen);
}

const ChkType chk_type_port = {
    .name = "port",
    .subject_help = "tcp:PORT, tcp6:[ADDRESS]:PORT, udp:ADDRESS:PORT, unix:PATH",
    .options = options,
    .values = values,
    .default_value = "{\"listening\": true}",
    .sync = see,
    .validate = chk_subject_port,
};

/* connection.c: which socket or bus the program talks to.
 *
 * The private socket is tried first, because it needs no broker; the bus is used where there is no
 * socket, and for what needs polkit. What was chosen is kept in words for `waggle status`. */
#include "client/connection.h"

#include "common/names.h"

#include <errno.h>
#include <unistd.h>

#define HINT(scope, unit) "Is it enabled? Try: systemctl " scope "enable --now " unit

static const CliServiceNames services[] = {
    [CLI_MESSAGING] = {"the messaging service", WG_BUS_MESSAGING, WG_PATH_MESSAGING,
                       WG_IFACE_MESSAGING, WG_SOCKET_MESSAGING, HINT("", "waggle-messaged.socket"),
                       HINT("--user ", "waggle-messaged.socket"), WG_ENV_ADDRESS},
    [CLI_DEPLOYMENT] = {"the deployment service", WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT,
                        WG_IFACE_DEPLOYMENT, WG_SOCKET_DEPLOYMENT,
                        HINT("", "waggle-deployd.socket"), HINT("--user ", "waggle-deployd.socket"),
                        WG_ENV_DEPLOYMENT_ADDRESS},
    [CLI_MONITORING] = {"the monitoring service", WG_BUS_MONITORING, WG_PATH_MONITORING,
                        WG_IFACE_MONITORING, WG_SOCKET_MONITORING,
                        HINT("", "waggle-monitord.socket"),
                        HINT("--user ", "waggle-monitord.socket"), WG_ENV_MONITORING_ADDRESS},
};

const CliServiceNames *cli_service_names(CliService service) {
  return &services[service];
}

void cli_bus_free(CliBus *bus) {
  if (!bus)
    return;
  sd_bus_flush_close_unref(bus->bus);
  g_free(bus->description);
  g_free(bus);
}

static CliBus *bus_new(sd_bus *bus, const char *destination, CliScope scope, char *description) {
  CliBus *result = g_new0(CliBus, 1);
  result->bus = bus;
  result->destination = destination;
  result->scope = scope;
  result->description = description;
  return result;
}

char *cli_address_escape(const char *path) {
  GString *s = g_string_new(NULL);

  for (const guchar *p = (const guchar *)path; *p; p++)
    if (g_ascii_isalnum(*p) || strchr("-_/.", *p))
      g_string_append_c(s, *p);
    else
      g_string_append_printf(s, "%%%02x", *p);
  return g_string_free(s, FALSE);
}

static gboolean unreachable(CliService service, GError **error, const char *what, int r,
                            const char *hint) {
  g_set_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE, "cannot reach %s at %s: %s%s%s",
              services[service].title, what, g_strerror(-r), hint ? "\n" : "", hint ?: "");
  return FALSE;
}

char *cli_private_socket(CliService service, CliScope scope) {
  const char *base =
      scope == CLI_SCOPE_SYSTEM ? CLI_SYSTEM_RUNTIME_DIR : g_getenv("XDG_RUNTIME_DIR");
  return base ? g_build_filename(base, WG_SOCKET_DIR, services[service].socket, NULL) : NULL;
}

/* Returns 0 or a negative errno. */
static int open_address(const char *address, CliScope scope, CliBus **ret) {
  sd_bus *bus = NULL;

  int r = sd_bus_new(&bus);
  if (r >= 0)
    r = sd_bus_set_address(bus, address);
  if (r >= 0)
    r = sd_bus_negotiate_fds(bus, TRUE);
  if (r >= 0)
    r = sd_bus_start(bus);
  if (r < 0) {
    sd_bus_unref(bus);
    return r;
  }
  *ret = bus_new(bus, NULL, scope, g_strdup_printf("private socket, %s", address));
  return 0;
}

const char *cli_start_hint(CliService service, CliScope scope) {
  return scope == CLI_SCOPE_SYSTEM ? services[service].system_hint : services[service].user_hint;
}

/* Neither the socket nor the bus is there. */
static void nothing_there(CliService service, CliScope scope, const char *path, int r,
                          GError **error) {
  const char *bus = scope == CLI_SCOPE_SYSTEM ? "system bus" : "user bus";
  g_autofree char *socket = path ? g_strdup_printf("there is no socket %s", path)
                                 : g_strdup("XDG_RUNTIME_DIR is not set");

  g_set_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE, "cannot reach %s: %s, and no %s (%s)\n%s",
              services[service].title, socket, bus, g_strerror(-r), cli_start_hint(service, scope));
}

CliBus *cli_bus_open_broker(CliService service, CliScope scope, GError **error) {
  sd_bus *bus = NULL;

  int r = scope == CLI_SCOPE_SYSTEM ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);
  if (r < 0) {
    g_autofree char *path = cli_private_socket(service, scope);
    nothing_there(service, scope, path, r, error);
    return NULL;
  }
  return bus_new(bus, services[service].bus, scope,
                 g_strdup(scope == CLI_SCOPE_SYSTEM ? "system bus" : "user bus"));
}

static CliBus *open_scope(CliService service, CliScope scope, GError **error) {
  g_autofree char *path = cli_private_socket(service, scope);

  if (path) {
    g_autofree char *escaped = cli_address_escape(path);
    g_autofree char *address = g_strdup_printf("unix:path=%s", escaped);
    CliBus *bus = NULL;
    int r = open_address(address, scope, &bus);
    if (r >= 0)
      return bus;
    if (r != -ENOENT) { /* it is there but does not answer: the bus would hide that */
      unreachable(service, error, path, r, cli_start_hint(service, scope));
      return NULL;
    }
  }
  return cli_bus_open_broker(service, scope, error);
}

static gboolean scope_from_environment(CliScope *ret, GError **error) {
  const char *scope = g_getenv(WG_ENV_SCOPE);

  if (!scope || !*scope)
    return TRUE;
  if (g_str_equal(scope, "system"))
    *ret = CLI_SCOPE_SYSTEM;
  else if (g_str_equal(scope, "user"))
    *ret = CLI_SCOPE_USER;
  else {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                WG_ENV_SCOPE "=%s is not known; it can be \"system\" or \"user\"", scope);
    return FALSE;
  }
  return TRUE;
}

static CliBus *open_given_address(CliService service, const char *address, GError **error) {
  g_autofree char *whole = NULL;
  CliBus *bus = NULL;

  if (address[0] == '/') { /* a bare path is what people type */
    g_autofree char *escaped = cli_address_escape(address);
    address = whole = g_strdup_printf("unix:path=%s", escaped);
  }
  if (!strchr(address, ':')) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                "\"%s\" is no address; write a path, or unix:path=PATH", address);
    return NULL;
  }
  int r = open_address(address, CLI_SCOPE_AUTO, &bus);
  if (r < 0)
    unreachable(service, error, address, r, NULL);
  return bus;
}

static CliBus *open_host(CliService service, const char *host, GError **error) {
  sd_bus *bus = NULL;

  int r = sd_bus_open_system_remote(&bus, host);
  if (r < 0) {
    unreachable(service, error, host, r, "It is reached over ssh; can you log in there?");
    return NULL;
  }
  return bus_new(bus, services[service].bus, CLI_SCOPE_SYSTEM,
                 g_strdup_printf("system bus of %s, over ssh", host));
}

/* Root without one, as in a container or over ssh -T, means the system and nobody's session. */
static gboolean has_session(void) {
  return getuid() != 0 || g_getenv("XDG_RUNTIME_DIR") || g_getenv("DBUS_SESSION_BUS_ADDRESS");
}

CliBus *cli_bus_open(const Cli *cli, GError **error) {
  CliScope scope = cli->scope;

  if (cli->host)
    return open_host(cli->service, cli->host, error);
  if (cli->address)
    return open_given_address(cli->service, cli->address, error);
  if (scope == CLI_SCOPE_AUTO) {
    const char *address = g_getenv(services[cli->service].address);
    if (address && *address)
      return open_given_address(cli->service, address, error);
    if (!scope_from_environment(&scope, error))
      return NULL;
  }
  if (scope == CLI_SCOPE_AUTO) {
    g_autofree char *path = cli_private_socket(cli->service, CLI_SCOPE_SYSTEM);
    scope = access(path, F_OK) == 0 || !has_session() ? CLI_SCOPE_SYSTEM : CLI_SCOPE_USER;
  }
  return open_scope(cli->service, scope, error);
}

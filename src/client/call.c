/* call.c: a method call as one blocking step.
 *
 * The program lives for a moment, so a blocking call is right here; Ctrl-C ends the process and
 * with it the connection, which the service notices. A call is repeated only where it cannot have
 * happened: the service asked for the bus (polkit), or said that it is leaving. */
#include "client/cli.h"
#include "client/connection.h"
#include "client/polkit-agent.h"
#include "client/variant-bus.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <unistd.h>

#define LEAVING_RETRIES 20
#define LEAVING_PAUSE_USEC (50 * 1000)

G_DEFINE_QUARK(waggle - cli - error, cli_error)

/* Marks an error whose cause is a broken connection; the text is what people see. */
static const char lost_text[] = "the connection to ";

static const struct {
  const char *name;
  CliExit exit;
} foreign[] = {
    {SD_BUS_ERROR_SERVICE_UNKNOWN, CLI_EXIT_UNREACHABLE},
    {SD_BUS_ERROR_NAME_HAS_NO_OWNER, CLI_EXIT_UNREACHABLE},
    {SD_BUS_ERROR_NO_SERVER, CLI_EXIT_UNREACHABLE},
    {SD_BUS_ERROR_DISCONNECTED, CLI_EXIT_UNREACHABLE},
    {SD_BUS_ERROR_NO_REPLY, CLI_EXIT_UNREACHABLE},
    {SD_BUS_ERROR_TIMEOUT, CLI_EXIT_TIMEOUT},
    {SD_BUS_ERROR_ACCESS_DENIED, CLI_EXIT_REFUSED},
    {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CLI_EXIT_REFUSED},
    {SD_BUS_ERROR_INVALID_ARGS, CLI_EXIT_USAGE},
};

static CliExit exit_from_code(WgErrorCode code) {
  switch (code) {
  case WG_ERROR_INVALID_ARGUMENT:
  case WG_ERROR_UNKNOWN_OPTION:
  case WG_ERROR_INVALID_NAME:
    return CLI_EXIT_USAGE;
  case WG_ERROR_UNKNOWN_AGENT:
  case WG_ERROR_NO_RECIPIENTS:
  case WG_ERROR_UNKNOWN_MESSAGE:
  case WG_ERROR_UNKNOWN_SERVICE:
  case WG_ERROR_NOT_FOUND:
    return CLI_EXIT_NOT_FOUND;
  case WG_ERROR_AGENT_EXISTS:
  case WG_ERROR_AGENT_BUSY:
  case WG_ERROR_LEASE_EXPIRED:
  case WG_ERROR_DUPLICATE_MISMATCH:
  case WG_ERROR_INVALID_STATE:
    return CLI_EXIT_CONFLICT;
  case WG_ERROR_QUOTA_EXCEEDED:
  case WG_ERROR_STORE_FULL:
  case WG_ERROR_STORE_READ_ONLY:
  case WG_ERROR_LIMITS_EXCEEDED:
  case WG_ERROR_SHUTTING_DOWN:
    return CLI_EXIT_RETRY;
  case WG_ERROR_NOT_AUTHORIZED:
  case WG_ERROR_INTERACTIVE:
    return CLI_EXIT_REFUSED;
  case WG_ERROR_TIMEOUT:
    return CLI_EXIT_TIMEOUT;
  default:
    return CLI_EXIT_FAILURE;
  }
}

CliExit cli_exit_from_bus_error(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(foreign); i++)
    if (g_strcmp0(name, foreign[i].name) == 0)
      return foreign[i].exit;
  return exit_from_code(wg_error_code_from_name(name));
}

gboolean cli_error_is_lost(const GError *error) {
  return g_error_matches(error, CLI_ERROR, CLI_EXIT_UNREACHABLE) &&
         g_str_has_prefix(error->message, lost_text);
}

gboolean cli_connect(Cli *cli, GError **error) {
  if (!cli->bus)
    cli->bus = cli_bus_open(cli, error);
  return cli->bus != NULL;
}

void cli_disconnect(Cli *cli) {
  g_clear_pointer(&cli->bus, cli_bus_free);
}

void cli_clear(Cli *cli) {
  cli_disconnect(cli);
  for (guint i = 0; cli->fds && i < cli->fds->len; i++)
    close(g_array_index(cli->fds, int, i));
  g_clear_pointer(&cli->fds, g_array_unref);
  g_clear_pointer(&cli->address, g_free);
  g_clear_pointer(&cli->host, g_free);
}

static gboolean broke(int r) {
  return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE;
}

/* One attempt. `e` is set when the service answered with an error. */
static int call_once(CliBus *bus, guint64 patience, const char *path, const char *interface,
                     const char *method, GVariant *params, GArray *fds, GVariant **ret,
                     sd_bus_error *e) {
  sd_bus_message *m = NULL, *reply = NULL;

  int r = sd_bus_message_new_method_call(bus->bus, &m, bus->destination, path, interface, method);
  if (r >= 0 && bus->destination)
    r = sd_bus_message_set_allow_interactive_authorization(m, TRUE);
  if (r >= 0)
    r = cli_variant_append(m, params);
  if (r >= 0)
    r = sd_bus_call(bus->bus, m, patience, e, &reply);
  if (r >= 0)
    r = cli_variant_read(reply, fds, ret);
  sd_bus_message_unref(m);
  sd_bus_message_unref(reply);
  return r;
}

static void set_error(Cli *cli, const char *method, int r, const sd_bus_error *e, GError **error) {
  if (broke(r) || sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE, "%s%s broke (%s) while it was asked for %s",
                lost_text, cli_service_names(cli->service)->title, cli->bus->description, method);
    cli_disconnect(cli);
    return;
  }
  if (!sd_bus_error_is_set(e)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "%s failed: %s", method, g_strerror(-r));
    return;
  }
  CliExit status = cli_exit_from_bus_error(e->name);
  gboolean ours = g_str_has_prefix(e->name, WG_ERROR_PREFIX);
  const char *text = e->message && *e->message ? e->message : e->name;
  if (ours)
    g_set_error_literal(error, CLI_ERROR, status, text);
  else if (status == CLI_EXIT_UNREACHABLE)
    g_set_error(error, CLI_ERROR, status, "nobody answers for %s on the %s: %s\n%s",
                cli_service_names(cli->service)->bus, cli->bus->description, text,
                cli_start_hint(cli->service, cli->bus->scope));
  else
    g_set_error(error, CLI_ERROR, status, "%s: %s (%s)", method, text, e->name);
}

/* The private socket cannot ask the user for a password; the bus can. */
static gboolean move_to_bus(Cli *cli) {
  if (cli->bus->destination || cli->bus->scope == CLI_SCOPE_AUTO)
    return FALSE;
  CliBus *bus = cli_bus_open_broker(cli->service, cli->bus->scope, NULL);
  if (!bus)
    return FALSE;
  cli_disconnect(cli);
  cli->bus = bus;
  cli_polkit_agent_open();
  return TRUE;
}

GVariant *cli_call_object(Cli *cli, const char *path, const char *interface, const char *method,
                          GVariant *params, GError **error) {
  g_autoptr(GVariant) held = g_variant_ref_sink(params);

  for (guint leaving = 0;;) {
    sd_bus_error e = SD_BUS_ERROR_NULL;
    GVariant *result = NULL;

    if (!cli_connect(cli, error))
      return NULL;
    int r =
        call_once(cli->bus, cli->patience, path, interface, method, held, cli->fds, &result, &e);
    cli->reached |= r >= 0 || sd_bus_error_is_set(&e);
    if (r >= 0)
      return result;
    gboolean again = FALSE;
    if (sd_bus_error_has_name(&e, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
      again = move_to_bus(cli);
    else if (sd_bus_error_has_name(&e, wg_error_name(WG_ERROR_SHUTTING_DOWN)) &&
             leaving++ < LEAVING_RETRIES) {
      cli_disconnect(cli);
      g_usleep(LEAVING_PAUSE_USEC);
      again = TRUE;
    }
    if (!again)
      set_error(cli, method, r, &e, error);
    sd_bus_error_free(&e);
    if (!again)
      return NULL;
  }
}

GVariant *cli_call_interface(Cli *cli, const char *interface, const char *method, GVariant *params,
                             GError **error) {
  const char *path = cli_service_names(cli->service)->path;

  return cli_call_object(cli, path, interface, method, params, error);
}

GVariant *cli_call(Cli *cli, const char *method, GVariant *params, GError **error) {
  const char *interface = cli_service_names(cli->service)->interface;

  return cli_call_interface(cli, interface, method, params, error);
}

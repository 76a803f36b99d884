/* connection.h: which socket or bus the program talks to (waggle(1), CONNECTION). */
#pragma once

#include "client/cli.h"

/* Opens the connection that `cli` and the environment ask for; NULL with an error of CLI_ERROR. */
CliBus *cli_bus_open(const Cli *cli, GError **error);

/* Opens the message bus of `scope` (SYSTEM, else the user's). */
CliBus *cli_bus_open_broker(CliService service, CliScope scope, GError **error);

void cli_bus_free(CliBus *bus);

/* The private socket of `scope`; NULL where the user has no runtime directory. (transfer full) */
char *cli_private_socket(CliService service, CliScope scope);

/* A path as it stands in a D-Bus address: everything but [-0-9A-Za-z_/.] as %xx. (transfer full) */
char *cli_address_escape(const char *path);

/* What to try where nothing answers; static storage. */
const char *cli_start_hint(CliService service, CliScope scope);

/* What a service is called; static storage. */
typedef struct {
  const char *title; /* "the messaging service" */
  const char *bus, *path, *interface, *socket;
  const char *system_hint, *user_hint;
  const char *address; /* the variable with its address, which is nobody else's */
} CliServiceNames;
const CliServiceNames *cli_service_names(CliService service);

/* cli.h: what every verb of the command line is handed.
 *
 * A Cli is one run of the program: how to reach the service, how to print, and the connection,
 * which is made on first use. Verbs return an exit status (CliExit) or set an error of CLI_ERROR,
 * whose code is the exit status; main prints it. Nothing here is shared between threads. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Exit statuses; waggle(1) documents them, a test compares. */
typedef enum {
  CLI_EXIT_OK = 0,
  CLI_EXIT_FAILURE = 1,     /* anything without a better number */
  CLI_EXIT_USAGE = 2,       /* the command line cannot be understood */
  CLI_EXIT_NOT_FOUND = 3,   /* no such agent or message */
  CLI_EXIT_TIMEOUT = 4,     /* the time ran out: nothing received, state not reached */
  CLI_EXIT_REFUSED = 5,     /* not authorized */
  CLI_EXIT_UNREACHABLE = 6, /* the service cannot be reached */
  CLI_EXIT_RETRY = 7,       /* refused for now: quota, full store; try later */
  CLI_EXIT_CONFLICT = 8,    /* the message's state does not allow it, or it ended otherwise */
} CliExit;

#define CLI_ERROR (cli_error_quark())
GQuark cli_error_quark(void);

/* The exit status that stands for a D-Bus error name. */
CliExit cli_exit_from_bus_error(const char *name);

typedef enum { CLI_SCOPE_AUTO, CLI_SCOPE_SYSTEM, CLI_SCOPE_USER } CliScope;
typedef enum { CLI_JSON_OFF, CLI_JSON_SHORT, CLI_JSON_PRETTY } CliJson;

/* Which service a verb talks to; set before its first call. */
typedef enum { CLI_MESSAGING, CLI_DEPLOYMENT, CLI_MONITORING } CliService;

/* One connection. `destination` is NULL on the private socket, where there is only one peer. */
typedef struct {
  sd_bus *bus;
  const char *destination;
  CliScope scope;    /* AUTO: unknown, an address or another host was given */
  char *description; /* "private socket unix:path=...", "system bus", "host HOST" */
} CliBus;

typedef struct {
  char *address, *host; /* as given; NULL */
  CliScope scope;
  CliJson json;
  CliService service;
  gboolean no_pager, no_legend;
  guint64 patience; /* us that an answer may take; 0: 25 s */
  CliBus *bus;      /* NULL until cli_connect() */
  gboolean reached; /* the service has answered once: when it cannot be reached now, it restarts */
  gboolean is_done; /* what the status tells of has happened, whatever becomes of the output */
  GArray *fds;      /* (element-type int) received file descriptors, closed at the end */
} Cli;

/* Connects if that has not happened yet. The order is that of waggle(1), CONNECTION. */
gboolean cli_connect(Cli *cli, GError **error);

/* Forgets the connection; the next call makes a new one. */
void cli_disconnect(Cli *cli);

/* Calls a method of the service's own interface (org.waggle.Messaging1 ...) and waits for its
 * answer (25 s at most, or cli->patience). `params` is a tuple; its floating reference is taken. A
 * handle in it (`h`) is the number of an open descriptor, which stays the caller's; handles in the
 * answer live in cli->fds. Where the private socket asks for an administrator's consent the call is
 * repeated on the bus; a service that is just leaving is called again. Returns: (transfer full): a
 * tuple, or NULL with an error of CLI_ERROR. */
GVariant *cli_call(Cli *cli, const char *method, GVariant *params, GError **error);

/* Like cli_call() with an interface of its own, at the service's root object. */
GVariant *cli_call_interface(Cli *cli, const char *interface, const char *method, GVariant *params,
                             GError **error);

/* The same at another object. */
GVariant *cli_call_object(Cli *cli, const char *path, const char *interface, const char *method,
                          GVariant *params, GError **error);

/* TRUE when `error` says that the connection broke, so that a repeatable call may be repeated. */
gboolean cli_error_is_lost(const GError *error);

/* Removes everything from `cli` but does not free it. */
void cli_clear(Cli *cli);

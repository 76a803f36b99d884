/* service-options.c: the command line that all daemons share. It prints, but decides nothing
 * beyond what the words say. */
#include "common/names.h"
#include "common/service-private.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define EXIT_USAGE 2

enum {
  OPT_SYSTEM = 256,
  OPT_USER,
  OPT_STATE_DIR,
  OPT_LISTEN,
  OPT_NO_BUS,
  OPT_INTROSPECT,
  OPT_CONFIG_CHECK,
  OPT_VERSION,
};

static const struct option long_options[] = {
    {"system", no_argument, NULL, OPT_SYSTEM},
    {"user", no_argument, NULL, OPT_USER},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"no-bus", no_argument, NULL, OPT_NO_BUS},
    {"introspect", optional_argument, NULL, OPT_INTROSPECT},
    {"config-check", no_argument, NULL, OPT_CONFIG_CHECK},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL},
};

static void print_help(const WgServiceInfo *info, const char *identifier) {
  printf(
      "%s [OPTION...]\n"
      "\n%s\n\n"
      "systemd starts it when its socket (%%t/" WG_SOCKET_DIR "/%s) or its bus name\n"
      "(%s) is used; by hand it is only run for debugging.\n\n"
      "     --system             Serve the system: its bus, state from the unit\n"
      "     --user               Serve this user: the session's bus, state in the home directory\n"
      "     --state-dir=DIR      Keep state in DIR\n"
      "     --listen=PATH        Listen on a socket of its own as well; never leaves when idle\n"
      "     --no-bus             Serve the private socket only\n"
      "     --introspect[=NAME]  Print the D-Bus interfaces as XML and exit\n"
      "     --config-check       Read the configuration, say what is wrong with it and exit\n"
      "  -h --help               Show this help\n"
      "     --version            Show the version\n",
      identifier, info->summary, info->socket_name, info->bus_name);
}

static void end(WgServiceOptions *o, int status) {
  o->action = WG_ACTION_EXIT;
  o->exit_status = status;
}

static void take_option(int c, const WgServiceInfo *info, const char *identifier,
                        WgServiceOptions *o) {
  switch (c) {
  case OPT_SYSTEM:
  case OPT_USER:
    o->user = c == OPT_USER;
    break;
  case OPT_STATE_DIR:
    o->state_dir = optarg;
    break;
  case OPT_LISTEN:
    o->listen = optarg;
    break;
  case OPT_NO_BUS:
    o->no_bus = TRUE;
    break;
  case OPT_INTROSPECT:
    o->action = WG_ACTION_INTROSPECT;
    o->interface = optarg;
    break;
  case OPT_CONFIG_CHECK:
    o->action = WG_ACTION_CONFIG_CHECK;
    break;
  case OPT_VERSION:
    printf("%s " WG_VERSION "\n", identifier);
    end(o, 0);
    break;
  case 'h':
    print_help(info, identifier);
    end(o, 0);
    break;
  default: /* getopt has said what is wrong */
    end(o, EXIT_USAGE);
  }
}

void wg_service_options_parse(const WgServiceInfo *info, const char *identifier, int argc,
                              char **argv, WgServiceOptions *ret) {
  WgServiceOptions o = {.action = WG_ACTION_RUN, .user = geteuid() != 0};
  int c;

  optind = 1;
  while (o.action != WG_ACTION_EXIT && (c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
    take_option(c, info, identifier, &o);
  if (o.action != WG_ACTION_EXIT && optind < argc) {
    fprintf(stderr, "%s: unexpected argument '%s'; see --help\n", identifier, argv[optind]);
    end(&o, EXIT_USAGE);
  }
  *ret = o;
}

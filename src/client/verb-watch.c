/* verb-watch.c: prints events as they happen, until it is interrupted.
 *
 * The signals are sent to this connection alone; a filter sees them without a match rule, on the
 * private socket and on the bus alike. Each line is flushed, so that a pipe sees it at once. */
#include "client/ids.h"
#include "client/json.h"
#include "client/poll.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/variant-bus.h"
#include "client/verbs.h"
#include "common/names.h"

#include <errno.h>
#include <stdio.h>

typedef struct {
  Cli *cli;
  guint64 id;
  gboolean failed; /* the output is gone */
} Watch;

typedef struct {
  guint64 id, message, time;
  const char *agent, *state, *cause, *actor;
} Event;

static void print_json(const Event *e) {
  JsonObject *object = json_object_new();

  cli_json_add_message(object, "message", e->message);
  json_object_set_string_member(object, "agent", e->agent);
  json_object_set_string_member(object, "state", e->state);
  cli_json_add_time(object, "time", e->time);
  json_object_set_string_member(object, "cause", e->cause);
  json_object_set_string_member(object, "actor", e->actor);
  g_autofree char *line = cli_json_line(object);
  puts(line);
}

static void print_human(const Event *e) {
  g_autoptr(GDateTime) when = g_date_time_new_from_unix_local((gint64)(e->time / G_USEC_PER_SEC));
  g_autofree char *clock = when ? g_date_time_format(when, "%H:%M:%S") : g_strdup("-");
  g_autofree char *number = cli_message_format(e->message);
  g_autofree char *agent = cli_text_one_line(e->agent);
  g_autofree char *cause = cli_text_one_line(e->cause);
  g_autofree char *actor = cli_text_one_line(e->actor);
  CliStyle style = cli_state_style(e->state);

  if (g_str_equal(e->state, "lost")) {
    printf("%s(%s events were left out: this terminal was too slow)%s\n",
           cli_style(CLI_STYLE_WARNING), cause, cli_style_end(CLI_STYLE_WARNING));
    return;
  }
  printf("%s.%03u %8s %s%-9s%s %-16s %s%s%s\n", clock, (guint)(e->time / 1000 % 1000), number,
         cli_style(style), e->state, cli_style_end(style), agent, cause, *cause ? "; " : "", actor);
}

static int on_message(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Watch *watch = data;
  g_autoptr(GVariant) v = NULL;
  Event e;

  if (!sd_bus_message_is_signal(m, WG_IFACE_MESSAGING, "Event"))
    return 0;
  if (cli_variant_read(m, watch->cli->fds, &v) < 0 ||
      !g_variant_is_of_type(v, G_VARIANT_TYPE("(ttsstss)")))
    return 0;
  g_variant_get(v, "(tt&s&st&s&s)", &e.id, &e.message, &e.agent, &e.state, &e.time, &e.cause,
                &e.actor);
  if (e.id != watch->id)
    return 0;
  if (watch->cli->json != CLI_JSON_OFF)
    print_json(&e);
  else
    print_human(&e);
  watch->failed = fflush(stdout) != 0;
  return 0;
}

/* Returns a negative errno when the connection ended. */
static int pump(Watch *watch) {
  sd_bus *bus = watch->cli->bus->bus;

  while (!watch->failed) {
    int r = sd_bus_process(bus, NULL);
    if (r == 0)
      r = sd_bus_wait(bus, UINT64_MAX);
    if (r < 0 && r != -EINTR)
      return r;
  }
  return 0;
}

/* sd-bus keeps what arrives behind the answer until it is processed, so no event is missed between
 * the answer and the filter. */
static gboolean start(Watch *watch, const char *agent, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (agent)
    g_variant_dict_insert(&o, "agent", "s", agent);
  g_autoptr(GVariant) reply =
      cli_call_again(watch->cli, "Watch", g_variant_new("(@a{sv})", g_variant_dict_end(&o)), error);
  if (!reply)
    return FALSE;
  g_variant_get(reply, "(t)", &watch->id);
  int r = sd_bus_add_filter(watch->cli->bus->bus, NULL, on_message, watch);
  if (r >= 0)
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot watch: %s", g_strerror(-r));
  return FALSE;
}

int cli_verb_watch(Cli *cli, CliArgs *args, GError **error) {
  const char *agent = cli_args_word(args, 0);
  Watch watch = {.cli = cli};

  if (!start(&watch, agent, error))
    return CLI_EXIT_FAILURE;
  if (cli->json == CLI_JSON_OFF && !cli->no_legend && cli_is_terminal())
    printf("Watching %s; Ctrl-C ends it.\n", agent ?: "everything");
  fflush(stdout);
  while (!watch.failed) {
    if (pump(&watch) >= 0)
      break;
    /* the service restarts: its connections end, its messages do not */
    fprintf(stderr, "waggle: the service ended the connection; watching again\n");
    cli_disconnect(cli);
    if (!start(&watch, agent, error))
      return CLI_EXIT_UNREACHABLE;
  }
  return CLI_EXIT_FAILURE; /* only a broken output ends it */
}

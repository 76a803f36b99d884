/* deploy-watch.c: a job of the deployment service, followed to its end.
 *
 * Signals tell at once; the job's properties are read again now and then, so that a signal that was
 * missed, or a service that was restarted meanwhile, delays a line and loses nothing. What is shown
 * was read from the service; nothing is guessed. */
#include "client/connection.h"
#include "client/deploy-screen.h"
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/variant-bus.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

#define READ_AGAIN_USEC (G_USEC_PER_SEC / 2)

typedef struct {
  Cli *cli;
  const char *job;
  CliDeployScreen *screen;
  GHashTable *ids; /* guint64 of the job's deployments -> target */
  gboolean stale;  /* something was told: read the job again */
} Watch;

static char *target_of(Watch *w, guint64 id) {
  return g_hash_table_lookup(w->ids, &id);
}

static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *target, *from, *to, *cause;
  Watch *w = data;
  guint64 id;

  if (sd_bus_message_read(m, "tssss", &id, &target, &from, &to, &cause) >= 0 && target_of(w, id))
    cli_deploy_screen_state(w->screen, id, target, to, cause);
  w->stale = TRUE;
  return 0;
}

static int on_progress(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Watch *w = data;
  const char *text;
  int percent;
  guint64 id;

  if (sd_bus_message_read(m, "tis", &id, &percent, &text) >= 0 && target_of(w, id))
    cli_deploy_screen_progress(w->screen, id, percent, text);
  return 0;
}

static int on_result(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Watch *w = data;
  const char *json;
  guint64 id;

  if (sd_bus_message_read(m, "ts", &id, &json) >= 0 && target_of(w, id))
    cli_deploy_screen_result(w->screen, id, json);
  return 0;
}

static int on_changed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  ((Watch *)data)->stale = TRUE;
  return 0;
}

static void listen(Watch *w) {
  const CliServiceNames *names = cli_service_names(CLI_DEPLOYMENT);
  sd_bus *bus = w->cli->bus->bus;
  const char *sender = w->cli->bus->destination;

  sd_bus_match_signal(bus, NULL, sender, names->path, names->interface, "StateChanged", on_state,
                      w);
  sd_bus_match_signal(bus, NULL, sender, names->path, names->interface, "Progress", on_progress, w);
  sd_bus_match_signal(bus, NULL, sender, names->path, names->interface, "Result", on_result, w);
  sd_bus_match_signal(bus, NULL, sender, w->job, WG_IFACE_DEPLOYMENT_JOB, "Completed", on_changed,
                      w);
}

static void take_ids(Watch *w, GVariant *job) {
  g_autoptr(GVariant) ids = cli_dict_value(job, "Deployments", "at");
  g_autoptr(GVariant) targets = cli_dict_value(job, "Targets", "as");
  gsize n = ids && targets ? MIN(g_variant_n_children(ids), g_variant_n_children(targets)) : 0;

  for (gsize i = 0; i < n; i++) {
    const char *target;
    guint64 id;
    g_variant_get_child(ids, i, "t", &id);
    g_variant_get_child(targets, i, "&s", &target);
    if (id != 0 && !target_of(w, id))
      g_hash_table_insert(w->ids, g_memdup2(&id, sizeof id), g_strdup(target));
  }
}

/* The job's properties; NULL with an error. */
static GVariant *read_job(Watch *w, GError **error) {
  g_autoptr(GVariant) reply = cli_call_object(w->cli, w->job, WG_IFACE_PROPERTIES, "GetAll",
                                              g_variant_new("(s)", WG_IFACE_DEPLOYMENT_JOB), error);
  GVariant *job = reply ? g_variant_get_child_value(reply, 0) : NULL;

  if (job)
    take_ids(w, job);
  return job;
}

/* What became of each deployment, as the store has it. */
static gboolean tell_end(Watch *w, GVariant *job, GError **error) {
  GHashTableIter iter;
  gpointer key, target;

  g_hash_table_iter_init(&iter, w->ids);
  while (g_hash_table_iter_next(&iter, &key, &target)) {
    g_autoptr(JsonNode) shown =
        cli_deploy_json(w->cli, "Show", g_variant_new("(t)", *(guint64 *)key), error);
    if (!shown)
      return FALSE;
    cli_deploy_screen_end(w->screen, *(guint64 *)key, target, shown);
  }
  cli_deploy_screen_finish(w->screen, cli_dict_string(job, "Result"), cli_dict_u64(job, "Failed"));
  return TRUE;
}

static int exit_of(GVariant *job) {
  g_autoptr(GVariant) value = cli_dict_value(job, "Exit", "i");

  return value ? g_variant_get_int32(value) : CLI_EXIT_FAILURE;
}

/* Signals until something was told or it is time to read again. */
static gboolean wait_for_news(Watch *w, GError **error) {
  guint64 until = (guint64)g_get_monotonic_time() + READ_AGAIN_USEC;
  sd_bus *bus = w->cli->bus->bus;

  w->stale = FALSE;
  for (;;) {
    int r = sd_bus_process(bus, NULL);
    guint64 now = (guint64)g_get_monotonic_time();
    if (r == 0 && !w->stale && now < until)
      r = sd_bus_wait(bus, until - now);
    if (r < 0) { /* the service is restarted, perhaps: the next reading connects anew */
      cli_disconnect(w->cli);
      g_usleep(READ_AGAIN_USEC);
      return TRUE;
    }
    if ((r == 0 && now >= until) || (r == 0 && w->stale))
      return TRUE;
  }
}

static int follow(Watch *w, GError **error) {
  sd_bus *listened = NULL;

  for (;;) {
    g_autoptr(GVariant) job = read_job(w, error);
    if (!job)
      return -1;
    if (w->cli->bus->bus != listened) {
      listened = w->cli->bus->bus;
      listen(w);
    }
    const char *state = cli_dict_string(job, "State");
    if (g_strcmp0(state, "ended") == 0)
      return tell_end(w, job, error) ? exit_of(job) : -1;
    if (!wait_for_news(w, error))
      return -1;
  }
}

int cli_deploy_watch(Cli *cli, const char *job, GError **error) {
  g_autoptr(GHashTable) ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  Watch w = {.cli = cli, .job = job, .ids = ids, .screen = cli_deploy_screen_new(cli, job)};

  int status = follow(&w, error);
  cli_deploy_screen_free(w.screen);
  return status;
}

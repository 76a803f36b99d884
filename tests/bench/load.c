/* load.c: see load.h. */
#include "load.h"

#include "wire.h"

#include "common/names.h"

#include <poll.h>

#define WARM_UP_SECONDS 0.15
#define TURN_MESSAGES 512 /* handled for one connection before the others get their turn */
#define DRAIN_SECONDS 30

void load_fail(Load *load, const char *what, const sd_bus_error *error, int r) {
  if (load->error == NULL)
    load->error =
        g_strdup_printf("%s: %s", what, error && error->message ? error->message : g_strerror(-r));
  load->stopping = TRUE;
}

int load_call_new(Slot *slot, const char *member, sd_bus_message **ret) {
  return sd_bus_message_new_method_call(slot->bus, ret, slot->load->spec.destination,
                                        WG_PATH_MESSAGING, WG_IFACE_MESSAGING, member);
}

static void slot_next(Slot *slot) {
  Load *load = slot->load;

  if (load->stopping)
    return;
  int r = load->spec.op->next(slot);
  if (r < 0)
    load_fail(load, "a call cannot be sent", NULL, r);
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Slot *slot = data;
  Load *load = slot->load;
  const Op *op = load->spec.op;

  load->in_flight--;
  if (sd_bus_message_is_method_error(m, NULL)) {
    load_fail(load, op->name, sd_bus_message_get_error(m), 0);
    return 0;
  }
  wg_histogram_add(&load->latency, g_get_monotonic_time() - slot->begun);
  if (!op->counts_own)
    load->done++;
  int r = op->reply ? op->reply(slot, m) : 0;
  if (r < 0)
    load_fail(load, "a reply cannot be read", NULL, r);
  slot_next(slot);
  return 0;
}

int load_call_send(Slot *slot, sd_bus_message *m) {
  slot->begun = g_get_monotonic_time();
  int r = sd_bus_call_async(slot->bus, NULL, m, on_reply, slot, G_MAXUINT64);
  if (r >= 0)
    slot->load->in_flight++;
  sd_bus_message_unref(m);
  return r;
}

void load_resume(Load *load) {
  for (guint n = g_queue_get_length(load->paused); n > 0; n--)
    slot_next(g_queue_pop_head(load->paused));
}

/* One poll() over all connections; TRUE: there is more to do at once. Only a connection that has
 * something is looked at, or that was left before it was empty. */
static gboolean turn(Load *load, struct pollfd *fds, int timeout_ms) {
  gboolean more = FALSE;

  for (guint i = 0; i < load->spec.connections; i++) {
    fds[i].fd = sd_bus_get_fd(load->buses[i]);
    fds[i].events = sd_bus_get_events(load->buses[i]);
    if (wire_flush(fds[i].fd))
      fds[i].events |= POLLOUT;
  }
  poll(fds, load->spec.connections, timeout_ms);
  for (guint i = 0; i < load->spec.connections; i++) {
    int r = fds[i].revents != 0 || load->unfinished[i];
    for (guint n = 0; n < TURN_MESSAGES && r > 0; n++)
      r = sd_bus_process(load->buses[i], NULL);
    if (r < 0)
      load_fail(load, "the connection is lost", NULL, r);
    load->unfinished[i] = r > 0;
    more = more || r > 0;
  }
  return more;
}

static gboolean enough(const Load *load) {
  return load->spec.limit > 0 && load->done >= load->spec.limit;
}

static void turn_for(Load *load, struct pollfd *fds, double seconds) {
  gint64 end = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);
  gboolean more = TRUE;

  for (gint64 now; (now = g_get_monotonic_time()) < end && !load->error && !enough(load);)
    more = turn(load, fds, more ? 0 : (int)((end - now) / 1000 + 1));
}

static void drain(Load *load, struct pollfd *fds) {
  gint64 end = g_get_monotonic_time() + DRAIN_SECONDS * G_USEC_PER_SEC;

  load->stopping = TRUE;
  while (load->in_flight > 0 && g_get_monotonic_time() < end && !load->error)
    turn(load, fds, 100);
  if (load->in_flight > 0 && !load->error)
    load->error =
        g_strdup_printf("%u calls have no reply after %d s", load->in_flight, DRAIN_SECONDS);
}

static int register_agent(Load *load) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  int r = sd_bus_call_method(load->buses[0], load->spec.destination, WG_PATH_MESSAGING,
                             WG_IFACE_MESSAGING, "RegisterAgent", &error, NULL, "sa{sv}",
                             load->spec.agent, 0);
  if (r < 0)
    load_fail(load, "RegisterAgent", &error, r);
  sd_bus_error_free(&error);
  return r;
}

static void open_all(Load *load, Rig *rig) {
  const LoadSpec *spec = &load->spec;

  load->buses = g_new0(sd_bus *, spec->connections);
  load->unfinished = g_new(gboolean, spec->connections);
  load->slots = g_new0(Slot, spec->outstanding);
  load->body = g_malloc(spec->size + 1);
  for (guint i = 0; i < spec->size; i++)
    load->body[i] = 'a' + i % 26;
  for (guint i = 0; i < spec->connections; i++) {
    load->unfinished[i] = TRUE; /* the first look reads what came while it was set up */
    load->buses[i] = spec->destination ? rig_connect_bus(rig) : rig_connect(rig);
  }
  if (!spec->op->no_agent && register_agent(load) < 0)
    return;
  for (guint i = 0; i < spec->connections && spec->op->open; i++) {
    int r = spec->op->open(load, load->buses[i]);
    if (r < 0)
      load_fail(load, "the case cannot be set up", NULL, r);
  }
}

static void start_slots(Load *load) {
  for (guint i = 0; i < load->spec.connections && !load->error; i++)
    wire_attach(sd_bus_get_fd(load->buses[i]));
  for (guint i = 0; i < load->spec.outstanding && !load->error; i++) {
    load->slots[i] =
        (Slot){.load = load, .bus = load->buses[i % load->spec.connections], .index = i};
    slot_next(&load->slots[i]);
  }
}

static void close_all(Load *load) {
  for (guint i = 0; i < load->spec.connections; i++) {
    wire_detach(sd_bus_get_fd(load->buses[i]));
    sd_bus_close_unref(load->buses[i]);
  }
  for (guint i = 0; i < load->spec.outstanding; i++)
    g_free(load->slots[i].tokens);
  g_ptr_array_unref(load->consumers);
  g_queue_free(load->paused);
  g_free(load->unfinished);
  g_free(load->buses);
  g_free(load->slots);
  g_free(load->body);
}

void load_run(Rig *rig, const LoadSpec *spec, LoadResult *ret) {
  Load load = {
      .spec = *spec, .consumers = g_ptr_array_new_with_free_func(g_free), .paused = g_queue_new()};
  g_autofree struct pollfd *fds = g_new0(struct pollfd, spec->connections);

  open_all(&load, rig);
  start_slots(&load);
  turn_for(&load, fds, WARM_UP_SECONDS);
  load.latency = (WgHistogram){0};
  guint64 done = load.done;
  gint64 begin = g_get_monotonic_time();
  turn_for(&load, fds, spec->seconds);
  *ret = (LoadResult){
      .seconds = (g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC,
      .done = load.done - done,
      .p50 = wg_histogram_quantile(&load.latency, 0.5),
      .p99 = wg_histogram_quantile(&load.latency, 0.99),
  };
  ret->rate = ret->done / ret->seconds;
  drain(&load, fds);
  ret->total = load.done;
  ret->error = g_steal_pointer(&load.error);
  close_all(&load);
}

void load_result_clear(LoadResult *result) {
  g_clear_pointer(&result->error, g_free);
}

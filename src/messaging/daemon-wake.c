/* daemon-wake.c: see daemon-wake.h.
 *
 * In the system's scope the service manager is asked to start waggle-courier@UID.service, which
 * polkit allows this service's user for that unit and nothing else; in a user's scope a call to
 * org.waggle.Delivery1 activates the courier. Both are asynchronous. When to ask again is the
 * engine's (absence.c); here stands only what was asked and whether its failure was told. A few
 * calls are under way at a time, the others wait in the order in which they were wanted. */
#include "messaging/daemon-wake.h"

#include "common/log.h"
#include "common/names.h"

#define UNIT_FORMAT "waggle-courier@%u.service"
/* Whoever registers a courier and lets it go, again and again, makes us ask no more often than
 * this; the engine repeats what it wants after 1 s. */
#define SPACING_USEC (G_USEC_PER_SEC / 2)
/* Calls under way at a time: after a start with mail for thousands the others wait for their turn.
 */
#define CALLS_MAX 16

typedef struct {
  MsgDaemon *daemon;
  uid_t uid;
  sd_bus_slot *call; /* under way */
  gint64 asked;      /* monotonic us, 0: never */
  gboolean put_off;  /* until there is a bus */
  gboolean told;     /* its failure stands in the journal */
  gboolean queued;   /* until fewer calls are under way */
  GList node;        /* in wake_queue then */
} Wake;

static void wake_free(gpointer data) {
  Wake *w = data;

  sd_bus_slot_unref(w->call);
  g_free(w);
}

void msg_waker_init(MsgDaemon *daemon) {
  daemon->wakes = g_hash_table_new_full(NULL, NULL, NULL, wake_free);
  g_queue_init(&daemon->wake_queue);
}

void msg_waker_clear(MsgDaemon *daemon) {
  g_queue_init(&daemon->wake_queue); /* its nodes go with their wakes */
  g_clear_pointer(&daemon->wakes, g_hash_table_unref);
}

static void enqueue(Wake *w) {
  if (w->queued)
    return;
  w->queued = TRUE;
  w->node = (GList){.data = w};
  g_queue_push_tail_link(&w->daemon->wake_queue, &w->node);
}

static void unqueue(Wake *w) {
  if (w->queued)
    g_queue_unlink(&w->daemon->wake_queue, &w->node);
  w->queued = FALSE;
}

static void call_ends(Wake *w) {
  if (w->call != NULL)
    w->daemon->n_wake_calls--;
  w->call = sd_bus_slot_unref(w->call);
}

static void failed(Wake *w, const char *why) {
  g_autofree char *uid = g_strdup_printf("%u", w->uid), *unit = NULL;

  if (w->told)
    return;
  w->told = TRUE;
  unit = w->daemon->user_scope ? g_strdup("--user status waggle-courier.service")
                               : g_strdup_printf("status " UNIT_FORMAT, w->uid);
  wg_log(LOG_WARNING, WG_MSG_COURIER_NOT_WOKEN, WG_FIELDS(WG_FIELD_UID, uid, WG_FIELD_ERROR, why),
         "Mail of uid %s waits and its courier cannot be started: %s. It is tried again; look at "
         "\"systemctl %s\"",
         uid, why, unit);
}

static void wake_next(MsgDaemon *daemon);

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
  Wake *w = userdata;
  const sd_bus_error *error = sd_bus_message_get_error(m);

  call_ends(w);
  if (error != NULL)
    failed(w, error->message != NULL ? error->message : error->name);
  wake_next(w->daemon);
  return 1;
}

static int ask(Wake *w, sd_bus *bus) {
  if (w->daemon->user_scope)
    return sd_bus_call_method_async(bus, &w->call, WG_BUS_DELIVERY, WG_PATH_DELIVERY,
                                    WG_IFACE_DELIVERY, "Wake", on_answer, w, "");
  g_autofree char *unit = g_strdup_printf(UNIT_FORMAT, w->uid);
  return sd_bus_call_method_async(bus, &w->call, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                  WG_IFACE_SYSTEMD_MANAGER, "StartUnit", on_answer, w, "ss", unit,
                                  "fail");
}

static void wake(Wake *w, sd_bus *bus) {
  if (bus != NULL && w->daemon->n_wake_calls >= CALLS_MAX) {
    w->put_off = FALSE;
    enqueue(w);
    return;
  }
  w->put_off = bus == NULL;
  w->asked = g_get_monotonic_time();
  int r = bus != NULL ? ask(w, bus) : 0;

  w->daemon->n_wake_calls += w->call != NULL;
  if (bus == NULL)
    failed(w, "this service is not on the message bus");
  else if (r < 0)
    failed(w, g_strerror(-r));
}

static void wake_next(MsgDaemon *daemon) {
  sd_bus *bus = wg_service_bus(daemon->service);

  while (bus != NULL && !daemon->draining && daemon->n_wake_calls < CALLS_MAX &&
         daemon->wake_queue.length > 0) {
    Wake *w = daemon->wake_queue.head->data;
    unqueue(w);
    wake(w, bus);
  }
}

void msg_waker_want(MsgDaemon *daemon, uid_t uid) {
  Wake *w = g_hash_table_lookup(daemon->wakes, GUINT_TO_POINTER(uid));

  if (daemon->draining || (daemon->user_scope && uid != daemon->own_uid))
    return;
  if (w == NULL) {
    w = g_new0(Wake, 1);
    w->daemon = daemon;
    w->uid = uid;
    g_hash_table_insert(daemon->wakes, GUINT_TO_POINTER(uid), w);
  }
  if (w->call == NULL && !w->queued &&
      (w->asked == 0 || g_get_monotonic_time() - w->asked >= SPACING_USEC))
    wake(w, wg_service_bus(daemon->service));
}

void msg_waker_registered(MsgDaemon *daemon, uid_t uid) {
  Wake *w = g_hash_table_lookup(daemon->wakes, GUINT_TO_POINTER(uid));

  if (w == NULL)
    return;
  call_ends(w);
  unqueue(w);
  w->put_off = w->told = FALSE;
  wake_next(daemon);
}

void msg_waker_bus(MsgDaemon *daemon, sd_bus *bus) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, daemon->wakes);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (((Wake *)value)->put_off)
      wake(value, bus);
}

void msg_waker_bus_lost(MsgDaemon *daemon) {
  GHashTableIter iter;
  gpointer value;

  if (daemon->wakes == NULL)
    return; /* at the end, when all else is gone */
  g_hash_table_iter_init(&iter, daemon->wakes);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Wake *w = value;
    w->put_off = w->put_off || w->call != NULL || w->queued;
    call_ends(w);
    unqueue(w);
  }
}

gboolean msg_waker_busy(MsgDaemon *daemon) {
  return daemon->n_wake_calls > 0;
}

/* ops-push.c: Sends, and on each connection a subscriber that acks what it is pushed.
 *
 * Half of the credits are given back with each AckMany. A sender waits while more than BACKLOG
 * messages are not acked: what counts is what comes out at the other end. */
#include "ops.h"

#include "common/names.h"

#include <errno.h>

#define CREDITS 256
#define ACK_AT 64
#define BACKLOG 4096

typedef struct {
  Load *load;
  sd_bus *bus;
  guint64 subscription;
  guint64 tokens[ACK_AT];
  guint n_tokens;
} Consumer;

/* What an AckMany covered is known when its reply comes. */
typedef struct {
  Load *load;
  guint n;
} Acking;

static int on_acked(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  g_autofree Acking *acking = data;
  Load *load = acking->load;

  load->in_flight--;
  if (sd_bus_message_is_method_error(m, NULL)) {
    load_fail(load, "AckMany", sd_bus_message_get_error(m), 0);
    return 0;
  }
  if (sd_bus_message_enter_container(m, 'a', "(tss)") < 0 || !sd_bus_message_at_end(m, FALSE))
    load_fail(load, "AckMany refused a token", NULL, -EBADMSG);
  load->acked += acking->n;
  load->done += acking->n;
  load_resume(load);
  return 0;
}

static int ack(Consumer *consumer) {
  Load *load = consumer->load;
  sd_bus_message *m = NULL;
  Acking *acking = g_new(Acking, 1);

  *acking = (Acking){load, consumer->n_tokens};
  int r = sd_bus_message_new_method_call(consumer->bus, &m, load->spec.destination,
                                         WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "AckMany");
  if (r >= 0)
    r = sd_bus_message_append_array(m, 't', consumer->tokens, consumer->n_tokens * sizeof(guint64));
  if (r >= 0)
    r = sd_bus_message_append(m, "a{sv}", 0);
  if (r >= 0)
    r = sd_bus_call_async(consumer->bus, NULL, m, on_acked, acking, G_MAXUINT64);
  sd_bus_message_unref(m);
  if (r < 0) {
    g_free(acking);
    return r;
  }
  load->in_flight++;
  consumer->n_tokens = 0;
  return sd_bus_call_method_async(consumer->bus, NULL, load->spec.destination, WG_PATH_MESSAGING,
                                  WG_IFACE_MESSAGING, "AddCredits", NULL, NULL, "tu",
                                  consumer->subscription, (guint32)ACK_AT);
}

static int on_delivery(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Consumer *consumer = data;
  guint64 subscription, message, token;

  int r = sd_bus_message_read(m, "ttt", &subscription, &message, &token);
  if (r >= 0 && !consumer->load->stopping) {
    consumer->tokens[consumer->n_tokens++] = token;
    if (consumer->n_tokens == ACK_AT)
      r = ack(consumer);
  }
  if (r < 0)
    load_fail(consumer->load, "Delivery", NULL, r);
  return 0;
}

static int push_open(Load *load, sd_bus *bus) {
  Consumer *consumer = g_new0(Consumer, 1);
  sd_bus_message *reply = NULL;

  consumer->load = load;
  consumer->bus = bus;
  g_ptr_array_add(load->consumers, consumer);
  int r = sd_bus_match_signal(bus, NULL, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Delivery",
                              on_delivery, consumer);
  if (r >= 0)
    r = sd_bus_call_method(bus, load->spec.destination, WG_PATH_MESSAGING, WG_IFACE_MESSAGING,
                           "Subscribe", NULL, &reply, "sua{sv}", load->spec.agent, (guint32)CREDITS,
                           0);
  if (r >= 0)
    r = sd_bus_message_read(reply, "t", &consumer->subscription);
  sd_bus_message_unref(reply);
  return r;
}

static int push_next(Slot *slot) {
  Load *load = slot->load;

  if (load->sent - load->acked >= BACKLOG) {
    g_queue_push_tail(load->paused, slot);
    return 0;
  }
  load->sent++;
  return op_send.next(slot);
}

static int push_reply(Slot *slot, sd_bus_message *m) {
  return 0; /* counted when it is acked */
}

const Op op_push = {
    .name = "push", .open = push_open, .next = push_next, .reply = push_reply, .counts_own = TRUE};

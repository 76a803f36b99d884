/* kill-receive.c: see kill-load.h: the receiving side. */
#include "kill-private.h"

#include "common/names.h"

#define WAIT_USEC 30000

static guint dice(guint n) {
  return g_test_rand_int_range(0, n);
}

static void must(int r) {
  if (r < 0)
    ledger_violation("a delivery cannot be read: %s", g_strerror(-r));
}

/* message, token, from, body, fields: of Receive's answer and of the Delivery signal. */
static void take_delivery(Conn *conn, sd_bus_message *m, guint agent, gboolean pushed) {
  guint64 number, token;
  const char *from;
  const void *body;
  size_t size;

  must(sd_bus_message_read(m, "tts", &number, &token, &from));
  must(sd_bus_message_read_array(m, 'y', &body, &size));
  Held held = {ledger_delivered(conn->load->ledger, agent, number, body, size), agent, token,
               pushed};
  ledger_fields(held.entry, agent, m);
  g_array_append_val(conn->held, held);
}

static void receive_done(Call *call, sd_bus_message *reply) {
  call->conn->receiving--;
  if (reply == NULL)
    return;
  must(sd_bus_message_enter_container(reply, 'a', "(ttsaya{sv})"));
  while (sd_bus_message_enter_container(reply, 'r', "ttsaya{sv}") > 0) {
    take_delivery(call->conn, reply, call->agent, FALSE);
    must(sd_bus_message_exit_container(reply));
  }
}

void kill_receive(Conn *conn) {
  sd_bus_message *m = kill_call_new(conn, "Receive");
  Call *call = kill_call(conn, "Receive", receive_done);

  call->agent = dice(LEDGER_AGENTS);
  must(sd_bus_message_append(m, "sa{sv}", kill_agents[call->agent], 2, "max", "u",
                             (guint32)(1 + dice(24)), "wait", "t", (guint64)WAIT_USEC));
  conn->receiving++;
  kill_call_send(call, m);
}

static int on_delivery(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Conn *conn = data;
  guint64 subscription;

  must(sd_bus_message_read(m, "t", &subscription));
  take_delivery(conn, m, conn->id % LEDGER_AGENTS, TRUE);
  return 0;
}

static void subscribe_done(Call *call, sd_bus_message *reply) {
  if (reply)
    must(sd_bus_message_read(reply, "t", &call->conn->subscription));
}

void kill_subscribe(Conn *conn) {
  sd_bus_message *m = kill_call_new(conn, "Subscribe");
  Call *call = kill_call(conn, "Subscribe", subscribe_done);

  must(sd_bus_match_signal(conn->bus, NULL, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Delivery",
                           on_delivery, conn));
  must(sd_bus_message_append(m, "sua{sv}", kill_agents[conn->id % LEDGER_AGENTS],
                             (guint32)KILL_CREDITS, 0));
  kill_call_send(call, m);
}

/* A credit for each push that was settled. It has no reply; if the daemon is gone, the next call
 * will notice. */
static void give_credits(Conn *conn, GArray *held) {
  guint32 n = 0;

  for (guint i = 0; i < held->len; i++)
    n += g_array_index(held, Held, i).pushed;
  if (n > 0 && conn->subscription != 0)
    sd_bus_call_method_async(conn->bus, NULL, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING,
                             "AddCredits", NULL, NULL, "tu", conn->subscription, n);
}

static void ack_done(Call *call, sd_bus_message *reply) {
  for (guint i = 0; i < call->held->len; i++) {
    Held *held = &g_array_index(call->held, Held, i);
    held->entry->delivery[held->agent].ack = reply ? ACK_OK : ACK_UNKNOWN;
    call->conn->load->ledger->n_acked += reply != NULL;
  }
  if (reply)
    give_credits(call->conn, call->held);
}

static void ack_many_done(Call *call, sd_bus_message *reply) {
  if (reply) {
    must(sd_bus_message_enter_container(reply, 'a', "(tss)"));
    guint64 token;
    const char *name, *text;
    if (sd_bus_message_read(reply, "(tss)", &token, &name, &text) > 0)
      ledger_violation("AckMany refused a lease that nobody ended: %s: %s", name, text);
  }
  ack_done(call, reply);
}

static void nack_done(Call *call, sd_bus_message *reply) {
  if (reply)
    give_credits(call->conn, call->held);
}

/* Moves `n` random ones from what is held to the call. */
static void take_held(Conn *conn, Call *call, guint n) {
  for (; n > 0; n--) {
    guint i = dice(conn->held->len);
    g_array_append_val(call->held, g_array_index(conn->held, Held, i));
    g_array_remove_index_fast(conn->held, i);
  }
}

static void ack_some(Conn *conn, guint n) {
  sd_bus_message *m = kill_call_new(conn, n == 1 ? "Ack" : "AckMany");
  Call *call =
      n == 1 ? kill_call(conn, "Ack", ack_done) : kill_call(conn, "AckMany", ack_many_done);

  take_held(conn, call, n);
  if (n > 1)
    must(sd_bus_message_open_container(m, 'a', "t"));
  for (guint i = 0; i < n; i++) {
    Held *held = &g_array_index(call->held, Held, i);
    held->entry->delivery[held->agent].ack = ACK_FLYING;
    must(sd_bus_message_append_basic(m, 't', &held->token));
  }
  if (n > 1)
    must(sd_bus_message_close_container(m));
  must(sd_bus_message_append(m, "a{sv}", 0));
  kill_call_send(call, m);
}

/* From the moment of the call somebody else may get it: replies of several connections come in
 * no order. */
static void nack_one(Conn *conn) {
  sd_bus_message *m = kill_call_new(conn, "Nack");
  Call *call = kill_call(conn, "Nack", nack_done);

  take_held(conn, call, 1);
  Held *held = &g_array_index(call->held, Held, 0);
  held->entry->delivery[held->agent].leased = FALSE;
  must(
      sd_bus_message_append(m, "ta{sv}", held->token, 1, "mode", "s", dice(2) ? "silent" : "fail"));
  kill_call_send(call, m);
}

void kill_settle(Conn *conn) {
  if (dice(12) == 0)
    nack_one(conn);
  else
    ack_some(conn, dice(2) ? 1 : 1 + dice(MIN(conn->held->len, 32)));
}

/* kill-send.c: see kill-load.h: the sending side. */
#include "kill-private.h"

#include "common/names.h"

static guint dice(guint n) {
  return g_test_rand_int_range(0, n);
}

static void must(int r) {
  if (r < 0)
    ledger_violation("the client cannot build a call: %s", g_strerror(-r));
}

static void append_options(sd_bus_message *m, const LedgerEntry *entry) {
  must(sd_bus_message_open_container(m, 'a', "{sv}"));
  if (entry->has_id) {
    g_autofree char *id = g_strdup_printf("id-%u", entry->index);
    must(sd_bus_message_append(m, "{sv}", "id", "s", id));
  }
  if (entry->index % 3 == 0)
    must(sd_bus_message_append(m, "{sv}", "priority", "y", (guint8)(entry->index % 10)));
  if (entry->index % 17 == 0)
    must(sd_bus_message_append(m, "{sv}", "delay", "t", (guint64)20000));
  if (entry->index % 11 == 0)
    must(sd_bus_message_append(m, "{sv}", "subject", "s", "of the kill test"));
  must(sd_bus_message_close_container(m));
}

static const char *address_of(const LedgerEntry *entry) {
  return entry->recipients == KILL_RECIPIENTS_BOTH
             ? "topic:" KILL_TOPIC
             : kill_agents[g_bit_nth_lsf(entry->recipients, -1)];
}

static void append_message(sd_bus_message *m, const LedgerEntry *entry) {
  guint8 body[LEDGER_MAX_BODY];
  gsize size = ledger_body(entry->index, body);

  must(sd_bus_message_append_basic(m, 's', address_of(entry)));
  must(sd_bus_message_append_array(m, 'y', body, size));
  append_options(m, entry);
}

static guint random_recipients(void) {
  return dice(8) == 0 ? KILL_RECIPIENTS_BOTH : 1u << dice(LEDGER_AGENTS);
}

/* Not answered: with an id it is repeated, so that it becomes clear; else it stays unknown. */
static void unanswered(KillLoad *load, GPtrArray *entries) {
  for (guint i = 0; i < entries->len; i++) {
    LedgerEntry *entry = entries->pdata[i];
    if (entry->send == SEND_OK) /* it had been a repetition */
      continue;
    entry->send = SEND_UNKNOWN;
    if (entry->has_id)
      g_ptr_array_add(load->repeat, entry);
  }
}

static void sent(KillLoad *load, LedgerEntry *entry, guint64 number) {
  ledger_numbered(load->ledger, entry, number);
  entry->send = SEND_OK;
  load->sent++;
}

static void send_done(Call *call, sd_bus_message *reply) {
  guint64 number = 0;

  if (reply == NULL) {
    unanswered(call->conn->load, call->entries);
    return;
  }
  must(sd_bus_message_read(reply, "t", &number));
  sent(call->conn->load, call->entries->pdata[0], number);
}

static void send_entry(Conn *conn, LedgerEntry *entry) {
  sd_bus_message *m = kill_call_new(conn, "Send");
  Call *call = kill_call(conn, "Send", send_done);

  append_message(m, entry);
  if (entry->send != SEND_OK)
    entry->send = SEND_FLYING;
  g_ptr_array_add(call->entries, entry);
  kill_call_send(call, m);
}

void kill_send_one(Conn *conn) {
  Ledger *ledger = conn->load->ledger;

  send_entry(conn, ledger_new_entry(ledger, random_recipients(), dice(3) == 0, /* group= */ 0));
}

/* Also now and then one that was answered long ago: the same number has to come back. */
gboolean kill_send_again(Conn *conn) {
  KillLoad *load = conn->load;
  guint n = load->repeat->len;

  if (n > 0) {
    send_entry(conn, g_ptr_array_steal_index_fast(load->repeat, dice(n)));
    return TRUE;
  }
  LedgerEntry *entry = ledger_get(load->ledger, dice(load->ledger->entries->len));
  if (entry == NULL || !entry->has_id || entry->send != SEND_OK)
    return FALSE;
  send_entry(conn, entry);
  return TRUE;
}

static void many_done(Call *call, sd_bus_message *reply) {
  const guint64 *numbers = NULL;
  size_t size = 0;

  if (reply == NULL) {
    unanswered(call->conn->load, call->entries);
    return;
  }
  must(sd_bus_message_read_array(reply, 't', (const void **)&numbers, &size));
  if (size / sizeof *numbers != call->entries->len)
    ledger_violation("SendMany of %u answered %zu numbers", call->entries->len,
                     size / sizeof *numbers);
  for (guint i = 0; i < call->entries->len; i++)
    sent(call->conn->load, call->entries->pdata[i], numbers[i]);
}

void kill_send_many(Conn *conn) {
  sd_bus_message *m = kill_call_new(conn, "SendMany");
  Call *call = kill_call(conn, "SendMany", many_done);
  Ledger *ledger = conn->load->ledger;
  guint n = 2 + dice(KILL_MANY - 1), group = ++ledger->n_groups;

  must(sd_bus_message_open_container(m, 'a', "(saya{sv})"));
  for (guint i = 0; i < n; i++) {
    LedgerEntry *entry = ledger_new_entry(ledger, random_recipients(), /* has_id= */ FALSE, group);
    entry->send = SEND_FLYING;
    must(sd_bus_message_open_container(m, 'r', "saya{sv}"));
    append_message(m, entry);
    must(sd_bus_message_close_container(m));
    g_ptr_array_add(call->entries, entry);
  }
  must(sd_bus_message_close_container(m));
  must(sd_bus_message_append(m, "a{sv}", 0));
  kill_call_send(call, m);
}

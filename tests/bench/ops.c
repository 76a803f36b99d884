/* ops.c: see ops.h. Every call is built anew, as any client does it. */
#include "ops.h"

#include <errno.h>
#include <string.h>

#define MANY 64

/* The empty method: it takes a body of the same size and stores nothing. */
static int ping_next(Slot *slot) {
  sd_bus_message *m = NULL;

  int r = load_call_new(slot, "Discard", &m);
  if (r >= 0)
    r = sd_bus_message_append_array(m, 'y', slot->load->body, slot->load->spec.size);
  return r < 0 ? r : load_call_send(slot, m);
}

int op_append_message(sd_bus_message *m, const Load *load) {
  int r;

  if ((r = sd_bus_message_append_basic(m, 's', load->spec.agent)) < 0 ||
      (r = sd_bus_message_append_array(m, 'y', load->body, load->spec.size)) < 0 ||
      (r = sd_bus_message_open_container(m, 'a', "{sv}")) < 0)
    return r;
  return sd_bus_message_close_container(m);
}

static int send_next(Slot *slot) {
  sd_bus_message *m = NULL;

  int r = load_call_new(slot, "Send", &m);
  if (r >= 0)
    r = op_append_message(m, slot->load);
  return r < 0 ? r : load_call_send(slot, m);
}

static int many_append(sd_bus_message *m, const Load *load) {
  int r = sd_bus_message_open_container(m, 'a', "(saya{sv})");

  for (guint i = 0; i < MANY && r >= 0; i++) {
    if ((r = sd_bus_message_open_container(m, 'r', "saya{sv}")) < 0 ||
        (r = op_append_message(m, load)) < 0)
      return r;
    r = sd_bus_message_close_container(m);
  }
  if (r < 0 || (r = sd_bus_message_close_container(m)) < 0)
    return r;
  return sd_bus_message_append(m, "a{sv}", 0);
}

static int many_next(Slot *slot) {
  sd_bus_message *m = NULL;

  int r = load_call_new(slot, "SendMany", &m);
  if (r >= 0)
    r = many_append(m, slot->load);
  return r < 0 ? r : load_call_send(slot, m);
}

static int many_reply(Slot *slot, sd_bus_message *m) {
  slot->load->done += MANY;
  return 0;
}

/* A round of a cycle: `batch` Sends one after the other, Receives until so many came, one Ack of
 * them all. The first round of each slot is shorter, each by another length: otherwise all slots
 * would send, and then all receive. */
static void round_begin(Slot *slot) {
  guint batch = slot->load->spec.op->batch;
  guint n = batch;

  if (slot->round++ == 0)
    n = 1 + (batch - 1) * slot->index / MAX(slot->load->spec.outstanding, 1);
  if (slot->tokens == NULL)
    slot->tokens = g_new(guint64, batch);
  slot->to_send = slot->to_receive = n;
  slot->n_tokens = 0;
}

/* Without a wait: as many messages as a slot wants it has sent before, so enough are there. */
static int receive_next(Slot *slot) {
  sd_bus_message *m = NULL;
  const char *agent = slot->load->spec.agent;

  int r = load_call_new(slot, "Receive", &m);
  if (r >= 0)
    r = slot->to_receive == 1
            ? sd_bus_message_append(m, "sa{sv}", agent, 0)
            : sd_bus_message_append(m, "sa{sv}", agent, 1, "max", "u", (guint32)slot->to_receive);
  return r < 0 ? r : load_call_send(slot, m);
}

static int ack_next(Slot *slot) {
  gboolean one = slot->load->spec.op->batch == 1;
  sd_bus_message *m = NULL;

  int r = load_call_new(slot, one ? "Ack" : "AckMany", &m);
  if (r >= 0)
    r = one ? sd_bus_message_append_basic(m, 't', slot->tokens)
            : sd_bus_message_append_array(m, 't', slot->tokens, slot->n_tokens * sizeof(guint64));
  if (r >= 0)
    r = sd_bus_message_append(m, "a{sv}", 0);
  return r < 0 ? r : load_call_send(slot, m);
}

static int cycle_next(Slot *slot) {
  if (slot->round == 0)
    round_begin(slot);
  if (slot->to_send > 0)
    return send_next(slot);
  return slot->to_receive > 0 ? receive_next(slot) : ack_next(slot);
}

static int read_tokens(Slot *slot, sd_bus_message *m) {
  int r = sd_bus_message_enter_container(m, 'a', "(ttsaya{sv})");

  while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "ttsaya{sv}")) > 0) {
    const void *body;
    const char *from;
    size_t size;
    guint64 token;

    if ((r = sd_bus_message_read(m, "tts", NULL, &token, &from)) < 0 ||
        (r = sd_bus_message_read_array(m, 'y', &body, &size)) < 0)
      return r;
    if (size != slot->load->spec.size || memcmp(body, slot->load->body, size) != 0)
      return -EBADMSG;
    slot->tokens[slot->n_tokens++] = token;
    if (--slot->to_receive == 0)
      return 0;
    r = sd_bus_message_skip(m, "a{sv}");
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  return r;
}

static int cycle_reply(Slot *slot, sd_bus_message *m) {
  if (slot->to_send > 0) {
    slot->to_send--;
    return 0;
  }
  if (slot->to_receive > 0)
    return read_tokens(slot, m);
  if (slot->load->spec.op->batch > 1) { /* AckMany tells what it refused */
    int r = sd_bus_message_enter_container(m, 'a', "(tss)");
    if (r < 0 || sd_bus_message_at_end(m, FALSE) == 0)
      return r < 0 ? r : -EBADMSG;
  }
  slot->load->done += slot->n_tokens;
  round_begin(slot);
  return 0;
}

const Op op_ping = {.name = "ping", .next = ping_next, .no_agent = TRUE};
const Op op_send = {.name = "send", .next = send_next};
const Op op_send_many = {
    .name = "send-many", .next = many_next, .reply = many_reply, .batch = MANY, .counts_own = TRUE};
const Op op_cycle = {
    .name = "cycle", .next = cycle_next, .reply = cycle_reply, .batch = 1, .counts_own = TRUE};
const Op op_cycle_many = {.name = "cycle-many",
                          .next = cycle_next,
                          .reply = cycle_reply,
                          .batch = MANY,
                          .counts_own = TRUE};

const Op *const all_ops[] = {&op_ping,       &op_send, &op_send_many, &op_cycle,
                             &op_cycle_many, &op_push, NULL};

const Op *op_by_name(const char *name) {
  for (guint i = 0; all_ops[i]; i++)
    if (g_str_equal(all_ops[i]->name, name))
      return all_ops[i];
  return NULL;
}

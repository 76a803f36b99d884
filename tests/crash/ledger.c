/* ledger.c: see ledger.h. */
#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_init(Ledger *ledger) {
  *ledger = (Ledger){.entries = g_ptr_array_new_with_free_func(g_free),
                     .by_number = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                     .life = 1};
  g_ptr_array_add(ledger->entries, NULL);
}

void ledger_clear(Ledger *ledger) {
  g_ptr_array_unref(ledger->entries);
  g_hash_table_unref(ledger->by_number);
}

void ledger_violation(const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  printf("Bail out! %s\n", text);
  fflush(stdout);
  abort();
}

LedgerEntry *ledger_new_entry(Ledger *ledger, guint recipients, gboolean has_id, guint group) {
  LedgerEntry *entry = g_new0(LedgerEntry, 1);

  entry->index = ledger->entries->len;
  entry->group = group;
  entry->recipients = recipients;
  entry->has_id = has_id;
  g_ptr_array_add(ledger->entries, entry);
  return entry;
}

LedgerEntry *ledger_get(Ledger *ledger, guint index) {
  return index > 0 && index < ledger->entries->len ? ledger->entries->pdata[index] : NULL;
}

/* Mostly small ones; one in a hundred spans several pages of the database. */
gsize ledger_body(guint index, guint8 *ret_body) {
  guint32 x = index * 2654435761u;
  gsize size = sizeof index + (index % 100 == 99 ? x % 20000 : x % 600);

  memcpy(ret_body, &index, sizeof index);
  for (gsize i = sizeof index; i < size; i++) {
    x = x * 1103515245u + 12345u;
    ret_body[i] = x >> 16;
  }
  return size;
}

void ledger_numbered(Ledger *ledger, LedgerEntry *entry, guint64 number) {
  LedgerEntry *other = g_hash_table_lookup(ledger->by_number, &number);

  if (number == 0 || (other && other != entry))
    ledger_violation("number %" G_GUINT64_FORMAT " stands for message %u and for message %u",
                     number, other ? other->index : 0, entry->index);
  if (entry->number != 0 && entry->number != number)
    ledger_violation("message %u is there twice: numbers %" G_GUINT64_FORMAT
                     " and %" G_GUINT64_FORMAT,
                     entry->index, entry->number, number);
  if (entry->number == number)
    return;
  entry->number = number;
  g_hash_table_insert(ledger->by_number, g_memdup2(&number, sizeof number), entry);
}

static LedgerEntry *entry_of_body(Ledger *ledger, guint64 number, const void *body, gsize size) {
  guint8 expected[LEDGER_MAX_BODY];
  guint index = 0;

  if (size >= sizeof index)
    memcpy(&index, body, sizeof index);
  LedgerEntry *entry = ledger_get(ledger, index);
  if (entry == NULL || ledger_body(index, expected) != size || memcmp(expected, body, size) != 0)
    ledger_violation("message number %" G_GUINT64_FORMAT " has a body that nobody sent", number);
  return entry;
}

LedgerEntry *ledger_delivered(Ledger *ledger, guint agent, guint64 number, const void *body,
                              gsize size) {
  LedgerEntry *entry = entry_of_body(ledger, number, body, size);
  LedgerDelivery *d = &entry->delivery[agent];

  ledger_numbered(ledger, entry, number);
  if (!(entry->recipients & 1u << agent))
    ledger_violation("message %u came to agent %u, to whom it was not sent", entry->index, agent);
  if (d->ack == ACK_OK)
    ledger_violation("message %u came again to agent %u after its ack was answered", entry->index,
                     agent);
  if (d->leased && d->life == ledger->life)
    ledger_violation("message %u came to agent %u while it was leased", entry->index, agent);
  ledger->n_delivered++;
  ledger->n_again += d->times > 0;
  d->times++;
  d->leased = TRUE;
  d->life = ledger->life;
  d->ack = ACK_NONE;
  return entry;
}

void ledger_new_life(Ledger *ledger) {
  ledger->life++;
}

void ledger_fields(LedgerEntry *entry, guint agent, sd_bus_message *m) {
  LedgerDelivery *d = &entry->delivery[agent];
  guint64 sequence = 0;
  const char *key;
  int r = sd_bus_message_enter_container(m, 'a', "{sv}");

  while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
    r = sd_bus_message_read(m, "s", &key);
    if (r >= 0)
      r = g_str_equal(key, "sequence") ? sd_bus_message_read(m, "v", "t", &sequence)
                                       : sd_bus_message_skip(m, "v");
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  if (r < 0 || sd_bus_message_exit_container(m) < 0)
    ledger_violation("the fields of message %u cannot be read", entry->index);
  if (sequence == 0 || (d->sequence != 0 && d->sequence != sequence))
    ledger_violation("message %u is number %" G_GUINT64_FORMAT " of its sender at agent %u, and "
                     "was number %" G_GUINT64_FORMAT,
                     entry->index, sequence, agent, d->sequence);
  d->sequence = sequence;
}

static void finish_sequences_of(const Ledger *ledger, guint agent) {
  g_autofree guint *seen = g_new0(guint, ledger->entries->len + 1);
  guint64 last = 0, n = 0;

  for (guint i = 1; i < ledger->entries->len; i++) {
    const LedgerEntry *entry = ledger->entries->pdata[i];
    guint64 sequence = entry->delivery[agent].sequence;
    if (sequence == 0)
      continue;
    if (sequence > ledger->entries->len || seen[sequence] != 0)
      ledger_violation("message %u is number %" G_GUINT64_FORMAT " at agent %u, as is message %u",
                       entry->index, sequence, agent,
                       sequence > ledger->entries->len ? 0 : seen[sequence]);
    seen[sequence] = entry->index;
    last = MAX(last, sequence);
    n++;
  }
  if (n != last)
    ledger_violation("agent %u got %" G_GUINT64_FORMAT " messages, and the last is number "
                     "%" G_GUINT64_FORMAT,
                     agent, n, last);
}

void ledger_finish_sequences(Ledger *ledger) {
  for (guint agent = 0; agent < LEDGER_AGENTS; agent++)
    finish_sequences_of(ledger, agent);
}

static guint recipients_reached(const LedgerEntry *entry) {
  guint mask = 0;

  for (guint agent = 0; agent < LEDGER_AGENTS; agent++)
    mask |= (entry->delivery[agent].times > 0) << agent;
  return mask;
}

static void finish_entry(const LedgerEntry *entry) {
  guint reached = recipients_reached(entry);

  if (entry->send == SEND_OK && reached != entry->recipients)
    ledger_violation("message %u was lost: its Send was answered, agents %#x got it of %#x",
                     entry->index, reached, entry->recipients);
  if (entry->send != SEND_OK && reached != 0 && reached != entry->recipients)
    ledger_violation("message %u was stored for agents %#x of %#x", entry->index, reached,
                     entry->recipients);
  for (guint agent = 0; agent < LEDGER_AGENTS; agent++) {
    const LedgerDelivery *d = &entry->delivery[agent];
    if (d->times > 0 && d->ack != ACK_OK && d->ack != ACK_UNKNOWN)
      ledger_violation("message %u was lost for agent %u: it was received and never acked, and is "
                       "not there any more",
                       entry->index, agent);
  }
}

/* A SendMany that was not answered is there as a whole or not at all. */
void ledger_finish(Ledger *ledger) {
  g_autofree guint *stored = g_new0(guint, ledger->n_groups + 1);
  g_autofree guint *members = g_new0(guint, ledger->n_groups + 1);

  for (guint i = 1; i < ledger->entries->len; i++) {
    const LedgerEntry *entry = ledger->entries->pdata[i];
    finish_entry(entry);
    members[entry->group]++;
    stored[entry->group] += recipients_reached(entry) != 0;
  }
  for (guint group = 1; group <= ledger->n_groups; group++)
    if (stored[group] != 0 && stored[group] != members[group])
      ledger_violation("%u of %u messages of one SendMany were stored", stored[group],
                       members[group]);
}

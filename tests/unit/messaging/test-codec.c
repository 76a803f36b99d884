/* test-codec.c: records as bytes: what is packed comes back, and every damage shows. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "messaging/engine-private.h"

#include <string.h>

static void same_live(const MsgLive *a, const MsgLive *b) {
  g_assert_cmpuint(a->place, ==, b->place);
  g_assert_cmpuint(a->state, ==, b->state);
  g_assert_cmpuint(a->flags, ==, b->flags);
  g_assert_cmpuint(a->acquired, ==, b->acquired);
  g_assert_cmpuint(a->failed, ==, b->failed);
  g_assert_cmpuint(a->attempts, ==, b->attempts);
  g_assert_cmpuint(a->step, ==, b->step);
  g_assert_cmpuint(a->nonce, ==, b->nonce);
  g_assert_cmpuint(a->sender, ==, b->sender);
  g_assert_cmpuint(a->size, ==, b->size);
  g_assert_cmpint(a->time, ==, b->time);
  g_assert_cmpint(a->ready_at, ==, b->ready_at);
  g_assert_cmpint(a->expires, ==, b->expires);
  g_assert_cmpint(a->until, ==, b->until);
  g_assert_cmpint(a->next_attempt, ==, b->next_attempt);
  g_assert_cmpint(a->calendar, ==, b->calendar);
  g_assert_cmpuint(a->okey, ==, b->okey);
  g_assert_cmpmem(a->history, a->history_size, b->history, b->history_size);
}

static MsgLive *random_live(void) {
  MsgLive *l = msg_live_new(msg_place((guint)g_test_rand_int_range(1, MSG_AGENT_MAX),
                                      (guint)g_test_rand_int_range(0, MSG_LEVELS),
                                      (guint64)g_test_rand_int_range(1, G_MAXINT)));

  l->state = (guint8)g_test_rand_int_range(1, _MSG_STATE_MAX);
  l->flags = (guint8)g_test_rand_int_range(0, 32);
  l->acquired = (guint16)g_test_rand_int();
  l->failed = (guint16)g_test_rand_int();
  l->attempts = (guint16)g_test_rand_int();
  l->step = g_test_rand_bit() ? (guint8)g_test_rand_int() : 0;
  l->nonce = (guint32)g_test_rand_int();
  l->sender = (guint32)g_test_rand_int();
  l->size = (guint32)g_test_rand_int();
  l->time = g_test_rand_int();
  gint64 *const times[] = {&l->ready_at, &l->expires, &l->until, &l->next_attempt, &l->calendar};
  for (guint i = 0; i < G_N_ELEMENTS(times); i++)
    *times[i] = g_test_rand_bit() ? g_test_rand_int() : 0;
  l->okey = g_test_rand_bit() ? (guint32)g_test_rand_int() : 0;
  for (gint n = g_test_rand_int_range(0, 40); n > 0; n--)
    msg_history_add(l, MSG_STATE_QUEUED, n, (guint32)n, n % 3 ? NULL : "a cause");
  return l;
}

static void test_live(void) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();

  for (guint i = 0; i < 1000; i++) {
    g_autoptr(MsgLive) live = random_live();
    msg_live_pack(live, bytes);
    g_autoptr(MsgLive) back = msg_live_unpack(live->place, bytes->data, bytes->len);
    g_assert_nonnull(back);
    same_live(live, back);
    g_autoptr(MsgLive) copy = msg_live_copy(back);
    same_live(live, copy);
  }
}

static void test_damaged_live(void) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_autoptr(MsgLive) live = random_live();

  msg_live_pack(live, bytes);
  for (gsize bit = 0; bit < (gsize)bytes->len * 8; bit++) { /* every flip is found */
    bytes->data[bit / 8] ^= (guint8)(1 << (bit % 8));
    g_assert_null(msg_live_unpack(live->place, bytes->data, bytes->len));
    bytes->data[bit / 8] ^= (guint8)(1 << (bit % 8));
  }
  for (gsize n = 0; n < bytes->len; n++) { /* and every cut */
    g_autofree guint8 *cut = g_memdup2(bytes->data, n ? n : 1);
    g_assert_null(msg_live_unpack(live->place, cut, n));
  }
  g_assert_null(msg_live_unpack(live->place + 1, bytes->data, bytes->len)); /* another's place */
}

static const guint32 recipients[] = {1, 7, 2000000};

static const guint64 sequences[] = {4, 1, G_MAXUINT64};

static MsgMessage sample(void) {
  return (MsgMessage){.seq = 77,
                      .sender = 3,
                      .actor = 9,
                      .time = 123456789,
                      .expires = 55,
                      .reply_by = 66,
                      .in_reply_to = 12,
                      .chain = 11,
                      .hops = 3,
                      .sequences = sequences,
                      .size = 5,
                      .priority = 9,
                      .flags = MSG_FLAG_EXPECTS_REPLY | MSG_FLAG_IMPORTED,
                      .n_recipients = G_N_ELEMENTS(recipients),
                      .recipients = recipients,
                      .to = "topic:t",
                      .id = "",
                      .key = "k",
                      .claimed = "Old",
                      .head = "12345678",
                      .head_size = 8,
                      .body = "hello"};
}

static MsgMessage *unpack(const MsgMessage *m, GByteArray *meta, gboolean with_body) {
  return msg_message_unpack(m->seq, m->sender, m->time, meta->data, meta->len, m->body, m->size,
                            with_body);
}

static void test_message(void) {
  g_autoptr(GByteArray) meta = g_byte_array_new();
  MsgMessage m = sample();

  msg_message_pack(&m, meta);
  g_autoptr(MsgMessage) back = unpack(&m, meta, TRUE);
  g_assert_nonnull(back);
  g_assert_cmpuint(back->seq, ==, 77);
  g_assert_cmpuint(back->actor, ==, 9);
  g_assert_cmpint(back->expires, ==, 55);
  g_assert_cmpint(back->reply_by, ==, 66);
  g_assert_cmpuint(back->in_reply_to, ==, 12);
  g_assert_cmpuint(back->chain, ==, 11);
  g_assert_cmpuint(back->hops, ==, 3);
  g_assert_cmpmem(back->sequences, back->n_recipients * 8, sequences, sizeof sequences);
  g_assert_cmpuint(back->priority, ==, 9);
  g_assert_cmpuint(back->flags, ==, m.flags);
  g_assert_cmpmem(back->recipients, back->n_recipients * 4, recipients, sizeof recipients);
  g_assert_cmpstr(back->to, ==, "topic:t");
  g_assert_cmpstr(back->id, ==, "");
  g_assert_cmpstr(back->key, ==, "k");
  g_assert_cmpstr(back->claimed, ==, "Old");
  g_assert_cmpmem(back->head, back->head_size, "12345678", 8);
  g_assert_true(((gsize)back->head & 7) == 0); /* GVariant wants it */
  g_assert_cmpmem(back->body, back->size, "hello", 5);
  g_autoptr(MsgMessage) without = unpack(&m, meta, FALSE);
  g_assert_null(without->body);
  g_assert_cmpuint(without->size, ==, 5);
}

static void test_damaged_message(void) {
  g_autoptr(GByteArray) meta = g_byte_array_new();
  MsgMessage m = sample(), other = m;

  msg_message_pack(&m, meta);
  for (gsize bit = 0; bit < (gsize)meta->len * 8; bit++) {
    meta->data[bit / 8] ^= (guint8)(1 << (bit % 8));
    g_assert_null(unpack(&m, meta, TRUE));
    meta->data[bit / 8] ^= (guint8)(1 << (bit % 8));
  }
  other.body = "hellp";
  g_assert_null(unpack(&other, meta, FALSE)); /* verified also when it is not asked for */
  other = m;
  other.size = 4;
  g_assert_null(unpack(&other, meta, TRUE));
  other = m;
  other.seq = 78;
  g_assert_null(unpack(&other, meta, TRUE));
  other = m;
  other.sender = 4;
  g_assert_null(unpack(&other, meta, TRUE));
  other = m;
  other.time++;
  g_assert_null(unpack(&other, meta, TRUE));
}

static void test_places(void) {
  for (guint i = 0; i < 1000; i++) {
    guint agent = (guint)g_test_rand_int_range(0, MSG_AGENT_MAX + 1),
          rank = (guint)g_test_rand_int_range(0, MSG_LEVELS);
    guint64 seq = (((guint64)(guint32)g_test_rand_int()) << 6) & MSG_SEQ_MASK;
    if (g_test_rand_bit())
      seq |= MSG_VOLATILE_BIT;
    guint64 place = msg_place(agent, rank, seq);
    g_assert_cmpuint(msg_place_agent(place), ==, agent);
    g_assert_cmpuint(msg_place_rank(place), ==, rank);
    g_assert_cmpuint(msg_place_seq(place), ==, seq);
    g_assert_cmpint(msg_place_row(place), >=, 0);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/codec/live", test_live);
  g_test_add_func("/codec/damaged-live", test_damaged_live);
  g_test_add_func("/codec/message", test_message);
  g_test_add_func("/codec/damaged-message", test_damaged_message);
  g_test_add_func("/codec/places", test_places);
  return g_test_run();
}

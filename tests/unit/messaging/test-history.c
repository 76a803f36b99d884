/* test-history.c: the receipts of a delivery, and what is left out when there are too many. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "messaging/engine-private.h"

#include <string.h>

static GArray *events_of(const MsgLive *live) {
  return msg_history_parse(live->history, live->history_size);
}

static void test_order(void) {
  g_autoptr(MsgLive) live = msg_live_new(1);

  msg_history_add(live, MSG_EVENT_STORED, 10, 1, NULL);
  msg_history_add(live, MSG_STATE_QUEUED, 20, 2, "");
  msg_history_add(live, MSG_STATE_DEAD, G_MAXINT64, G_MAXUINT32, "because");
  g_autoptr(GArray) events = events_of(live);
  g_assert_cmpuint(events->len, ==, 3);
  const MsgEvent *first = &g_array_index(events, MsgEvent, 0),
                 *last = &g_array_index(events, MsgEvent, 2);
  g_assert_cmpint(first->state, ==, MSG_EVENT_STORED);
  g_assert_null(first->cause);
  g_assert_cmpint(last->time, ==, G_MAXINT64);
  g_assert_cmpuint(last->actor, ==, G_MAXUINT32);
  g_assert_cmpstr(last->cause, ==, "because");
}

/* A cause is cut between characters, never within one. */
static void test_long_cause(void) {
  for (guint lead = 0; lead < 4; lead++) {
    g_autoptr(MsgLive) live = msg_live_new(1);
    g_autoptr(GString) cause = g_string_new(NULL);
    for (guint i = 0; i < lead; i++)
      g_string_append_c(cause, 'x');
    while (cause->len < 400)
      g_string_append(cause, "\342\202\254"); /* three bytes */
    msg_history_add(live, MSG_STATE_DEAD, 1, 0, cause->str);
    g_autoptr(GArray) events = events_of(live);
    const char *kept = g_array_index(events, MsgEvent, 0).cause;
    g_assert_true(g_utf8_validate(kept, -1, NULL));
    g_assert_cmpuint(strlen(kept), <=, 255);
    g_assert_cmpuint(strlen(kept), >, 250);
    g_assert_true(g_str_has_prefix(cause->str, kept));
  }
}

/* Retried for weeks: the first and the newest stay, and one event says how much is missing. */
static void test_bounded(void) {
  g_autoptr(MsgLive) live = msg_live_new(1);
  gsize largest = 0;
  guint left_out = 0;

  msg_history_add(live, MSG_EVENT_STORED, 1, 0, NULL);
  for (gint64 i = 2; i < 5000; i++) {
    msg_history_add(live, MSG_EVENT_NACKED, i, 7, i % 7 ? "some reason" : NULL);
    largest = MAX(largest, live->history_size);
    g_autoptr(GArray) events = events_of(live);
    g_assert_cmpint(g_array_index(events, MsgEvent, 0).time, ==, 1);
    g_assert_cmpint(g_array_index(events, MsgEvent, events->len - 1).time, ==, i);
  }
  g_autoptr(GArray) events = events_of(live);
  for (guint i = 0; i < events->len; i++) {
    const MsgEvent *event = &g_array_index(events, MsgEvent, i);
    left_out += event->cause && strstr(event->cause, "left out");
  }
  g_assert_cmpuint(largest, <=, 4096 + 300);
  g_assert_cmpuint(left_out, >=, 1);
}

static void test_damaged(void) {
  g_autoptr(MsgLive) live = msg_live_new(1);
  guint8 cut[64];

  msg_history_add(live, MSG_EVENT_STORED, 1, 0, NULL);
  msg_history_add(live, MSG_STATE_QUEUED, 2, 0, "cause");
  for (gsize n = 0; n < live->history_size; n++) { /* believes no length */
    memcpy(cut, live->history, n);
    g_autoptr(GArray) events = msg_history_parse(cut, n);
    g_assert_cmpuint(events->len, <, 2);
  }
}

static void test_names(void) {
  for (guint i = MSG_STATE_NONE + 1; i < _MSG_STATE_MAX; i++) {
    g_assert_nonnull(msg_state_name(i));
    g_assert_cmpint(msg_state_from_name(msg_state_name(i)), ==, i);
  }
  g_assert_cmpint(msg_state_from_name("eaten"), ==, MSG_STATE_NONE);
  g_assert_cmpint(msg_state_from_name(NULL), ==, MSG_STATE_NONE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/history/order", test_order);
  g_test_add_func("/history/long-cause", test_long_cause);
  g_test_add_func("/history/bounded", test_bounded);
  g_test_add_func("/history/damaged", test_damaged);
  g_test_add_func("/history/names", test_names);
  return g_test_run();
}

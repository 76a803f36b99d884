/* test-event.c: listeners hear at once, in order, and may come and go meanwhile. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/event.h"

#include <string.h>

static GString *heard;
static guint second;

static void note(const MonEvent *event, gpointer user_data) {
  g_string_append_printf(heard, "%s:%s ", (char *)user_data, event->subject);
}

static void leave(const MonEvent *event, gpointer user_data) {
  note(event, (gpointer) "leave");
  mon_events_unlisten(user_data, second);
  mon_events_listen(user_data, note, (gpointer) "late");
}

static void nest(const MonEvent *event, gpointer user_data) {
  MonEvent inner = {.kind = MON_EVENT_OOM, .subject = "inner", .labels = event->labels};

  if (strcmp(event->subject, "inner") != 0)
    mon_events_emit(user_data, &inner);
}

static void emit(MonEvents *events, const char *subject) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", subject, NULL);
  MonEvent event = {.kind = MON_EVENT_UNIT, .subject = subject, .labels = labels};

  mon_events_emit(events, &event);
}

static void test_order(void) {
  g_autoptr(MonEvents) events = mon_events_new();

  heard = g_string_new(NULL);
  guint first = mon_events_listen(events, note, (gpointer) "1");
  mon_events_listen(events, note, (gpointer) "2");
  emit(events, "a");
  mon_events_unlisten(events, first);
  emit(events, "b");
  g_assert_cmpstr(heard->str, ==, "1:a 2:a 2:b ");
  g_string_free(heard, TRUE);
}

static void test_meanwhile(void) {
  g_autoptr(MonEvents) events = mon_events_new();

  heard = g_string_new(NULL);
  guint first = mon_events_listen(events, leave, events);
  second = mon_events_listen(events, note, (gpointer) "gone");
  emit(events, "a");
  mon_events_unlisten(events, first);
  emit(events, "b");
  g_assert_cmpstr(heard->str, ==, "leave:a late:b ");
  g_string_free(heard, TRUE);
}

static void test_nested(void) {
  g_autoptr(MonEvents) events = mon_events_new();

  heard = g_string_new(NULL);
  mon_events_listen(events, nest, events);
  mon_events_listen(events, note, (gpointer) "x");
  emit(events, "outer");
  g_assert_cmpstr(heard->str, ==, "x:inner x:outer ");
  g_string_free(heard, TRUE);
}

static void test_names(void) {
  for (guint i = 0; i < _MON_EVENT_MAX; i++)
    g_assert_nonnull(mon_event_name(i));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/event/order", test_order);
  g_test_add_func("/event/meanwhile", test_meanwhile);
  g_test_add_func("/event/nested", test_nested);
  g_test_add_func("/event/names", test_names);
  return g_test_run();
}

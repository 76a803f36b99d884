/* outbox-world.c: see outbox-world.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "outbox-world.h"

static const MonIntegration *on_integration(const char *key, gpointer user_data) {
  World *w = user_data;

  if (g_str_equal(key, "gone/exec/0"))
    return NULL;
  return g_str_equal(key, w->good.key) ? &w->good : &w->bad;
}

static void on_send(const MonIntegration *integration, const MonNotice *notice, MonAttempt *attempt,
                    gpointer user_data) {
  World *w = user_data;

  g_string_append_printf(w->log, ">%" G_GINT64_FORMAT " ", notice->id);
  if (integration == &w->bad && w->is_back)
    mon_attempt_end(attempt, MON_TOLD, NULL);
  else if (integration == &w->bad)
    mon_attempt_end(attempt, MON_TELL_AGAIN, "it is down"); /* at once, from inside */
  else {
    g_ptr_array_add(w->under_way, attempt);
    g_ptr_array_add(w->notices, (gpointer)notice);
  }
}

static void on_ended(const MonNotice *notice, guint attempts, const char *error,
                     gpointer user_data) {
  g_string_append_printf(((World *)user_data)->log, "%s%" G_GINT64_FORMAT " ", error ? "!" : "=",
                         notice->id);
}

static void on_merged(const MonNotice *older, const MonNotice *into, const char *why,
                      gpointer user_data) {
  g_string_append_printf(((World *)user_data)->log, "%" G_GINT64_FORMAT "+%" G_GINT64_FORMAT " ",
                         older->id, into->id);
}

static void on_again(const MonNotice *into, gpointer user_data) {
  ((World *)user_data)->again = into->id;
}

static void on_limited(const MonIntegration *integration, gpointer user_data) {
  g_string_append(((World *)user_data)->log, "limited ");
}

static void on_lane(const char *integration, const char *error, gpointer user_data) {
  g_string_append(((World *)user_data)->log, error ? "down " : "up ");
}

static void on_wake(gpointer user_data) {
}

static const MonOutboxFuncs funcs = {on_integration, on_send,    on_ended, on_merged,
                                     on_again,       on_limited, on_lane,  on_wake};

void world_setup(World *w) {
  *w = (World){.good = {.key = (char *)"good/exec/0", .retry_for = 3600 * S},
               .bad = {.key = (char *)"bad/exec/0", .retry_for = 100 * S},
               .now = 1000 * S};
  w->outbox = mon_outbox_new(&funcs, w);
  w->under_way = g_ptr_array_new();
  w->notices = g_ptr_array_new();
  w->log = g_string_new(NULL);
}

void world_teardown(World *w) {
  mon_outbox_free(w->outbox);
  g_ptr_array_unref(w->under_way);
  g_ptr_array_unref(w->notices);
  g_string_free(w->log, TRUE);
}

MonNotice *world_make(World *w, const char *integration, const char *group) {
  MonNotice *notice = g_new0(MonNotice, 1);

  notice->id = ++w->id;
  notice->integration = g_strdup(integration);
  notice->group = g_strdup(group);
  notice->labels = mon_labels_new(NULL, NULL);
  notice->created = w->now;
  notice->alerts = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  notice->dependants = g_hash_table_new(NULL, NULL);
  return notice;
}

MonNotice *world_add(World *w, const char *integration, const char *group) {
  MonNotice *notice = world_make(w, integration, group);

  mon_outbox_add(w->outbox, notice);
  return notice;
}

void world_run(World *w, const char *expected) {
  mon_outbox_run(w->outbox, w->now);
  g_assert_cmpstr(w->log->str, ==, expected);
  g_string_truncate(w->log, 0);
}

void world_end(World *w, guint i, MonToldHow how) {
  g_ptr_array_remove_index(w->notices, i);
  mon_attempt_end(g_ptr_array_remove_index(w->under_way, i), how, "no");
}

void world_put_alert(MonNotice *notice, const char *fingerprint, gboolean fires) {
  MonTransition *alert = g_new0(MonTransition, 1);

  g_strlcpy(alert->fingerprint, fingerprint, sizeof alert->fingerprint);
  alert->labels = mon_labels_new(NULL, NULL);
  alert->resolved_at = fires ? 0 : 1;
  notice->n_firing += fires ? 1 : 0;
  g_ptr_array_add(notice->alerts, alert);
}

/* test-notify.c: the notifier on a real store, against an HTTP server and a command of our own:
 * what is stored is sent, a failing server gets the same once more, a restart in the middle sends
 * the same again with the same key, and what was told stays told. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/alerts-private.h"
#include "monitoring/notify.h"

#include "common/log.h"

#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>

typedef struct {
  char *dir;
  MonDaemon daemon;
  MonNotifier *notifier;
  SoupServer *server;
  guint port, status;    /* what the server answers */
  gboolean hangs;        /* it does not */
  GPtrArray *got, *keys; /* bodies, and Idempotency-Key of each */
  gint64 seq;
} World;

static void on_request(SoupServer *server, SoupServerMessage *m, const char *path,
                       GHashTable *query, gpointer user_data) {
  World *w = user_data;
  SoupMessageBody *body = soup_server_message_get_request_body(m);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(m);

  g_ptr_array_add(w->got, g_strdup_printf("%s %s %.*s", path,
                                          soup_message_headers_get_one(headers, "Authorization"),
                                          (int)body->length, body->data));
  g_ptr_array_add(w->keys, g_strdup(soup_message_headers_get_one(headers, "Idempotency-Key")));
  if (w->hangs)
    soup_server_message_pause(m);
  else
    soup_server_message_set_status(m, w->status, NULL);
}

static void open_daemon(World *w) {
  g_autoptr(GError) error = NULL;
  WgSalvage salvage = {0};

  w->daemon = (MonDaemon){.user_scope = TRUE, .settings = {.sendmail = "/nowhere/sendmail"}};
  w->daemon.store = mon_store_open(w->dir, &salvage, &error);
  g_assert_no_error(error);
  w->notifier = mon_notifier_new(&w->daemon, &error);
  g_assert_no_error(error);
  wg_records_begin(w->daemon.store, NULL, NULL);
  mon_notifier_begin(w->notifier);
}

static void close_daemon(World *w) {
  mon_notifier_stop(w->notifier);
  wg_records_free(w->daemon.store);
  mon_notifier_free(w->notifier);
}

static void setup(World *w, const char *receivers) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL, *path = NULL;
  g_autoslist(GUri) uris = NULL;

  *w = (World){.status = 200};
  w->dir = g_dir_make_tmp("waggle-notify-XXXXXX", &error);
  g_assert_no_error(error);
  w->got = g_ptr_array_new_with_free_func(g_free);
  w->keys = g_ptr_array_new_with_free_func(g_free);
  w->server = soup_server_new(NULL, NULL);
  soup_server_add_handler(w->server, NULL, on_request, w, NULL);
  g_assert_true(soup_server_listen_local(w->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error));
  uris = soup_server_get_uris(w->server);
  w->port = (guint)g_uri_get_port(uris->data);
  g_autoptr(GString) filled = g_string_new(receivers);
  g_autofree char *port = g_strdup_printf("%u", w->port);
  g_string_replace(filled, "PORT", port, 0);
  g_string_replace(filled, "DIR", w->dir, 0);
  text = g_strdup_printf("route: {receiver: r, group_by: ['...'], group_wait: 0s, "
                         "group_interval: 100ms}\nreceivers: [{name: r, %s}]\n",
                         filled->str);
  path = g_build_filename(w->dir, "alerting.yaml", NULL);
  g_assert_true(g_file_set_contents(path, text, -1, &error));
  g_setenv("WAGGLE_CONFIG_PATH", w->dir, TRUE);
  open_daemon(w);
}

static void teardown(World *w) {
  const char *const argv[] = {"rm", "-r", w->dir, NULL};

  close_daemon(w);
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                             NULL, NULL));
  soup_server_disconnect(w->server);
  g_object_unref(w->server);
  g_ptr_array_unref(w->got);
  g_ptr_array_unref(w->keys);
  g_free(w->dir);
}

static gboolean on_deadline(gpointer user_data) {
  g_error("it did not come");
  return G_SOURCE_REMOVE;
}

#define WAIT_FOR(condition)                                                                        \
  G_STMT_START {                                                                                   \
    guint deadline_ = g_timeout_add_seconds(60, on_deadline, NULL);                                \
    while (!(condition))                                                                           \
      g_main_context_iteration(NULL, TRUE);                                                        \
    g_source_remove(deadline_);                                                                    \
  }                                                                                                \
  G_STMT_END

static MonTransition *made(World *w, MonTransitionKind kind, const char *name) {
  MonTransition *t = g_new0(MonTransition, 1);

  t->seq = ++w->seq;
  t->kind = kind;
  t->state = kind == MON_TRANSITION_FIRING ? MON_ALERT_FIRING : MON_ALERT_INACTIVE;
  t->labels = mon_labels_new("alertname", name, "severity", "critical", "unit", "a.service", NULL);
  t->annotations = mon_labels_new("summary", "it is down", "what_to_do", "look", NULL);
  t->severity = g_strdup("critical");
  g_snprintf(t->fingerprint, sizeof t->fingerprint, "%016" G_GINT64_MODIFIER "x",
             mon_labels_hash(t->labels));
  t->time = wg_time_realtime();
  t->active_at = t->fired_at = 1700000000123456;
  t->resolved_at = kind == MON_TRANSITION_RESOLVED ? 1700000005000000 : 0;
  return t;
}

static void take(World *w, MonTransitionKind kind, const char *name) {
  g_autoptr(MonTransition) t = made(w, kind, name);

  mon_notifier_take(w->notifier, t);
}

static gboolean idle(World *w) {
  return mon_notifier_n_waiting(w->notifier) == 0 &&
         wg_writer_n_queued(wg_records_writer(w->daemon.store)) == 0;
}

static const char *got(World *w, guint i) {
  return g_ptr_array_index(w->got, i);
}

#define HOOK "webhook: {url: 'http://127.0.0.1:PORT/hook'}"

static void test_webhook(void) {
  World w;

  setup(&w, "webhook: {url: 'http://127.0.0.1:PORT/hook', http_config: {basic_auth: {username: u, "
            "password: p}}}");
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1 && idle(&w));
  g_assert_true(g_str_has_prefix(got(&w, 0), "/hook Basic dTpw {\"version\":\"4\",\"groupKey\":"));
  g_assert_nonnull(strstr(got(&w, 0), "\"status\":\"firing\",\"receiver\":\"r\""));
  g_assert_nonnull(strstr(got(&w, 0), "\"startsAt\":\"2023-11-14T22:13:20.123456Z\""));
  g_assert_nonnull(strstr(got(&w, 0), "\"endsAt\":\"0001-01-01T00:00:00Z\""));
  g_assert_nonnull(strstr(got(&w, 0), "\"commonAnnotations\":{\"summary\":\"it is down\""));
  take(&w, MON_TRANSITION_RESOLVED, "Down");
  WAIT_FOR(w.got->len == 2 && idle(&w));
  g_assert_nonnull(strstr(got(&w, 1), "\"status\":\"resolved\",\"receiver\":\"r\""));
  g_assert_nonnull(strstr(got(&w, 1), "\"endsAt\":\"2023-11-14T22:13:25.000000Z\""));
  g_assert_cmpstr(w.keys->pdata[0], !=, w.keys->pdata[1]);
  WAIT_FOR(!mon_notifier_busy(w.notifier));
  teardown(&w);
}

static void test_alertmanager(void) {
  World w;

  setup(&w, "alertmanager: {url: 'http://127.0.0.1:PORT/am/'}");
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1 && idle(&w));
  g_assert_true(g_str_has_prefix(got(&w, 0),
                                 "/am/api/v2/alerts (null) [{\"labels\":{\"alertname\":\"Down\""));
  teardown(&w);
}

static void test_again(void) {
  World w;

  setup(&w, HOOK);
  w.status = 500;
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1);
  w.status = 200;
  WAIT_FOR(w.got->len == 2 && idle(&w)); /* a second later */
  g_assert_cmpstr(got(&w, 0), ==, got(&w, 1));
  g_assert_cmpstr(w.keys->pdata[0], ==, w.keys->pdata[1]);
  teardown(&w);
}

static void test_refused(void) {
  World w;
  MonNotifyFigures figures;

  setup(&w, HOOK);
  w.status = 404;
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1 && idle(&w));
  mon_notifier_figures(w.notifier, MON_RECEIVE_WEBHOOK, &figures);
  g_assert_cmpuint(figures.given_up, ==, 1);
  close_daemon(&w);
  open_daemon(&w);
  g_assert_cmpuint(mon_notifier_n_waiting(w.notifier), ==, 0);
  teardown(&w);
}

/* Gone while the server has it, and nobody knows what it does with it. */
static void test_restart(void) {
  World w;

  setup(&w, HOOK);
  w.hangs = TRUE;
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1);
  close_daemon(&w);
  w.hangs = FALSE;
  open_daemon(&w);
  WAIT_FOR(w.got->len == 2 && idle(&w));
  g_assert_cmpstr(got(&w, 0), ==, got(&w, 1));
  g_assert_cmpstr(w.keys->pdata[0], ==, w.keys->pdata[1]);
  /* what was told is known after another start: the end of it follows, from the log alone */
  close_daemon(&w);
  open_daemon(&w);
  take(&w, MON_TRANSITION_RESOLVED, "Down");
  WAIT_FOR(w.got->len == 3 && idle(&w));
  g_assert_nonnull(strstr(got(&w, 2), "\"status\":\"resolved\""));
  teardown(&w);
}

static void test_exec(void) {
  World w;
  g_autofree char *out = NULL, *text = NULL, *script = NULL;

  setup(&w, "exec: {command: ['DIR/hook', 'DIR/out']}");
  script = g_build_filename(w.dir, "hook", NULL);
  g_assert_true(g_file_set_contents_full(
      script,
      "#!/bin/sh\n{ echo \"$WAGGLE_ALERT_STATUS|$WAGGLE_ALERT_SUBJECT|\"; cat; } > \"$1.new\"\n"
      "mv \"$1.new\" \"$1\"\n",
      -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  out = g_build_filename(w.dir, "out", NULL);
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(g_file_test(out, G_FILE_TEST_EXISTS) && idle(&w));
  g_assert_true(g_file_get_contents(out, &text, NULL, NULL));
  g_assert_true(
      g_str_has_prefix(text, "firing|[FIRING] Down a.service (critical)|\n{\"version\":\"4\""));
  teardown(&w);
}

/* A sendmail that writes its arguments and what it is given. */
static void test_mail(void) {
  World w;
  g_autofree char *program = NULL, *box = NULL, *mail = NULL;

  setup(&w, "email: {to: [ops@example.org, b@c], from: 'Waggle in K\xc3\xb6ln <w@d>'}");
  program = g_build_filename(w.dir, "sendmail", NULL);
  box = g_build_filename(w.dir, "box", NULL);
  g_assert_true(g_file_set_contents_full(
      program, "#!/bin/sh\ncd \"${0%/*}\" || exit\n{ echo \"$@\"; cat; } > new\nmv new box\n", -1,
      G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  w.daemon.settings.sendmail = program;
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(g_file_test(box, G_FILE_TEST_EXISTS) && idle(&w));
  g_assert_true(g_file_get_contents(box, &mail, NULL, NULL));
  g_assert_true(g_str_has_prefix(mail, "-i -f w@d -- ops@example.org b@c\nDate: "));
  g_assert_nonnull(strstr(mail, "\nTo: ops@example.org, b@c\n"));
  /* the name is encoded, the address is not */
  g_assert_nonnull(strstr(mail, "\nFrom: =?UTF-8?B?V2FnZ2xlIGluIEvDtmxu?= <w@d>\n"));
  g_assert_nonnull(strstr(mail, "\nSubject: [FIRING] Down a.service (critical)\n"));
  g_assert_nonnull(strstr(mail, "@waggle>\nAuto-Submitted: auto-generated\n"));
  g_auto(GStrv) lines = g_strsplit(mail, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    g_assert_cmpuint(strlen(lines[i]), <=, 78);
  teardown(&w);
}

typedef struct {
  gint64 id;
  gboolean done;
} Silenced;

static void on_silenced(gint64 id, const GError *error, gpointer user_data) {
  Silenced *s = user_data;

  g_assert_no_error(error);
  *s = (Silenced){id, TRUE};
}

static void test_silence(void) {
  World w;
  Silenced s = {0};
  g_autoptr(GError) error = NULL;
  gint64 now = wg_time_realtime();

  setup(&w, HOOK);
  MonSilence *silence =
      mon_silence_new(mon_notifier_next_silence(w.notifier), "alertname=\"Quiet\"", now,
                      now + G_TIME_SPAN_HOUR, now, "uid:0", "moving house", &error);
  g_assert_no_error(error);
  mon_notifier_silence(w.notifier, silence, on_silenced, &s);
  WAIT_FOR(s.done);
  close_daemon(&w);
  open_daemon(&w); /* it was stored before it was answered */
  take(&w, MON_TRANSITION_FIRING, "Quiet");
  take(&w, MON_TRANSITION_FIRING, "Loud");
  WAIT_FOR(w.got->len == 1 && idle(&w));
  g_assert_nonnull(strstr(got(&w, 0), "Loud"));
  g_assert_null(mon_silence_new(1, "a=~\".*\"", now, now + 1, now, "", "", NULL));
  g_assert_null(mon_silence_new(1, "a=\"\", b=~\"|x\"", now, now + 1, now, "", "", NULL));
  silence = mon_silence_new(1, "a!=\"b\"", now, now + 1, now, "", "", &error); /* all but b */
  g_assert_no_error(error);
  mon_silence_free(silence);
  g_assert_null(mon_silence_new(1, "a=b", now, now, now, "", "", NULL));
  teardown(&w);
}

/* ---- what happened before a start ---- */
static gboolean run_sql(MonStore *store, gpointer sql, GError **error) {
  g_assert_cmpint(sqlite3_exec(wg_records_db(store), sql, NULL, NULL, NULL), ==, SQLITE_OK);
  return TRUE;
}

static void when_run(const GError *error, gpointer sql) {
  g_assert_no_error(error);
}

static void do_sql(World *w, const char *sql) {
  mon_store_do(w->daemon.store, run_sql, when_run, (gpointer)sql, FALSE);
}

static char *insertion(const MonTransition *t) {
  g_autofree char *text = mon_transition_text(t);

  return sqlite3_mprintf("INSERT INTO alert_transition VALUES(%lld, %Q, %lld, %Q, %u)",
                         (long long)t->seq, t->fingerprint, (long long)t->time, text,
                         wg_records_crc(t->seq, text));
}

/* What cannot be read is not lost: it is told once it can be, and what is new is told meanwhile. */
static void test_unread(void) {
  World w;

  setup(&w, HOOK);
  take(&w, MON_TRANSITION_FIRING, "Down");
  WAIT_FOR(w.got->len == 1 && idle(&w));
  g_autoptr(MonTransition) end = made(&w, MON_TRANSITION_RESOLVED, "Down");
  char *sql = insertion(end);
  MonAlerts alerts = {.daemon = &w.daemon};
  alerts.entries = g_hash_table_new(g_str_hash, g_str_equal);
  alerts.listeners = g_array_new(FALSE, FALSE, sizeof(MonListener));
  do_sql(&w, sql);
  do_sql(&w, "ALTER TABLE alert_transition RENAME TO hidden");
  mon_notifier_follow(w.notifier, &alerts);
  WAIT_FOR(idle(&w));
  take(&w, MON_TRANSITION_FIRING, "Other");
  WAIT_FOR(w.got->len == 2 && idle(&w));
  g_assert_nonnull(strstr(got(&w, 1), "Other"));
  do_sql(&w, "ALTER TABLE hidden RENAME TO alert_transition");
  WAIT_FOR(w.got->len == 3 && idle(&w));
  g_assert_nonnull(strstr(got(&w, 2), "\"status\":\"resolved\",\"receiver\":\"r\""));
  g_assert_nonnull(strstr(got(&w, 2), "Down"));
  teardown(&w);
  sqlite3_free(sql);
  g_hash_table_unref(alerts.entries);
  g_array_unref(alerts.listeners);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  wg_log_set_target("null");
  g_test_add_func("/monitor/notify/webhook", test_webhook);
  g_test_add_func("/monitor/notify/alertmanager", test_alertmanager);
  g_test_add_func("/monitor/notify/again", test_again);
  g_test_add_func("/monitor/notify/refused", test_refused);
  g_test_add_func("/monitor/notify/restart", test_restart);
  g_test_add_func("/monitor/notify/exec", test_exec);
  g_test_add_func("/monitor/notify/mail", test_mail);
  g_test_add_func("/monitor/notify/silence", test_silence);
  g_test_add_func("/monitor/notify/unread", test_unread);
  return g_test_run();
}

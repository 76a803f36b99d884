/* alerting-receiver.c: the receivers of alerting.yaml. Alertmanager's webhook_configs and
 * email_configs are read as its own; of its other kinds the problem says what to write instead. */
#include "monitoring/alerting-private.h"
#include "monitoring/items.h"

#include "common/nearest.h"

#include <string.h>

#define TIMEOUT_DEFAULT (10 * G_USEC_PER_SEC)
#define TIMEOUT_MAX (10 * G_TIME_SPAN_MINUTE)
#define RETRY_DEFAULT G_TIME_SPAN_DAY
#define RETRY_WALL G_TIME_SPAN_HOUR /* whoever comes later looks by himself */
#define RETRY_MAX (30 * G_TIME_SPAN_DAY)

static const char *const kind_names[] = {"journal",      "dbus",  "message", "exec", "webhook",
                                         "alertmanager", "email", "ntfy",    "wall", NULL};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == _MON_RECEIVE_MAX + 1);

static const char *const foreign[] = {
    "slack_configs",     "pagerduty_configs",  "opsgenie_configs",
    "victorops_configs", "pushover_configs",   "wechat_configs",
    "telegram_configs",  "sns_configs",        "discord_configs",
    "webex_configs",     "msteams_configs",    "msteamsv2_configs",
    "jira_configs",      "rocketchat_configs", NULL};

const char *mon_receive_name(MonReceiveKind kind) {
  return kind_names[kind];
}

static void integration_free(gpointer data) {
  MonIntegration *it = data;

  g_free(it->key);
  g_free(it->agent);
  g_strfreev(it->command);
  g_free(it->url);
  g_free(it->auth_type);
  g_free(it->auth_text);
  g_free(it->auth_file);
  g_free(it->auth_user);
  g_free(it->ca_file);
  g_strfreev(it->to);
  g_free(it->from);
  g_strfreev(it->tags);
  g_free(it->click);
  g_strfreev(it->terminals);
  g_free(it);
}

void mon_receiver_free(MonReceiver *receiver) {
  if (receiver == NULL)
    return;
  g_free(receiver->name);
  g_free(receiver->text);
  g_ptr_array_unref(receiver->integrations);
  g_free(receiver);
}

static gboolean is_http(const char *url) {
  g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri ? g_uri_get_scheme(uri) : NULL;
  const char *host = uri ? g_uri_get_host(uri) : NULL;

  return host && *host && (g_str_equal(scheme, "http") || g_str_equal(scheme, "https"));
}

static void read_url(WgReader *reader, MonIntegration *it) {
  const char *url = wg_reader_need(reader, "url");

  if (url && !is_http(url))
    wg_reader_problem(reader, "url", "\"%s\" is no http or https address", url);
  it->url = g_strdup(url);
}

static void read_basic(WgReader *basic, MonIntegration *it) {
  it->auth_type = g_strdup("Basic");
  it->auth_user = g_strdup(wg_reader_need(basic, "username"));
  it->auth_text = g_strdup(wg_reader_text(basic, "password", NULL));
  it->auth_file = g_strdup(wg_reader_text(basic, "password_file", NULL));
}

static void read_authorization(WgReader *auth, MonIntegration *it) {
  it->auth_type = g_strdup(wg_reader_text(auth, "type", "Bearer"));
  it->auth_text = g_strdup(wg_reader_text(auth, "credentials", NULL));
  it->auth_file = g_strdup(wg_reader_text(auth, "credentials_file", NULL));
}

/* Both stand in headers of HTTP. */
static gboolean is_header_text(const char *text) {
  for (const char *p = text; p && *p; p++)
    if ((guchar)*p < 0x20 || *p == 0x7f)
      return FALSE;
  return TRUE;
}

static void read_tls(WgReader *tls, MonIntegration *it) {
  it->ca_file = g_strdup(wg_reader_need(tls, "ca_file"));
  if (it->ca_file && !g_path_is_absolute(it->ca_file))
    wg_reader_problem(tls, "ca_file", "\"%s\" is no absolute path", it->ca_file);
  wg_reader_end(tls);
}

static void read_http(WgReader *reader, MonIntegration *it) {
  WgReader *http = wg_reader_object(reader, "http_config");
  WgReader *basic = http ? wg_reader_object(http, "basic_auth") : NULL;
  WgReader *auth = http ? wg_reader_object(http, "authorization") : NULL;
  WgReader *tls = http ? wg_reader_object(http, "tls_config") : NULL;

  if (tls)
    read_tls(tls, it);
  if (basic && auth)
    wg_reader_problem(http, NULL, "basic_auth or authorization, not both");
  else if (basic)
    read_basic(basic, it);
  else if (auth)
    read_authorization(auth, it);
  if (it->auth_type && (it->auth_text == NULL) == (it->auth_file == NULL))
    wg_reader_problem(http, NULL, "the secret stands here or in a file: exactly one of both");
  if (!is_header_text(it->auth_text) || !is_header_text(it->auth_user) ||
      !is_header_text(it->auth_type))
    wg_reader_problem(http, NULL, "control characters have no place in a header");
  wg_reader_end(basic);
  wg_reader_end(auth);
  wg_reader_end(http);
}

static void read_webhook(WgReader *reader, MonIntegration *it) {
  read_url(reader, it);
  read_http(reader, it);
  it->max_alerts = (guint)wg_reader_int(reader, "max_alerts", 0, G_MAXINT, 0);
}

static void read_message(WgReader *reader, MonIntegration *it) {
  it->agent = g_strdup(wg_reader_need(reader, "agent"));
  it->priority = (int)wg_reader_int(reader, "priority", 0, 9, -1);
}

static void read_exec(WgReader *reader, MonIntegration *it) {
  it->command = wg_reader_texts(reader, "command");
  if (it->command[0] == NULL)
    wg_reader_problem(reader, "command", "a command is needed: [PROGRAM, ARGUMENT, ...]");
  else if (!g_path_is_absolute(it->command[0]))
    wg_reader_problem(reader, "command", "\"%s\" is no absolute path of a program", it->command[0]);
}

/* As an address goes into a header and to sendmail: nothing that ends the one or is an option of
 * the other. */
static gboolean is_address(const char *text) {
  return *text && *text != '-' && strlen(text) < 1000 && is_header_text(text);
}

static void read_email(WgReader *reader, MonIntegration *it) {
  const char *from = wg_reader_text(reader, "from", NULL);

  it->to = wg_reader_texts(reader, "to");
  it->from = g_strdup(from);
  if (it->to[0] == NULL)
    wg_reader_problem(reader, "to", "an address is needed");
  for (guint i = 0; it->to[i]; i++)
    if (!is_address(it->to[i]) || strchr(it->to[i], ',') || strchr(it->to[i], ' '))
      wg_reader_problem(reader, "to", "\"%s\" is no address", it->to[i]);
  if (from && !is_address(from))
    wg_reader_problem(reader, "from", "\"%s\" is no address", from);
}

/* https://ntfy.sh/TOPIC: what is below the server is the topic. */
static void read_topic(WgReader *reader, const MonIntegration *it) {
  g_autoptr(GUri) uri = it->url ? g_uri_parse(it->url, G_URI_FLAGS_NONE, NULL) : NULL;

  if (uri && strlen(g_uri_get_path(uri)) < 2)
    wg_reader_problem(reader, "url", "the topic is missing: \"%s\" ends with the server", it->url);
}

static void read_ntfy(WgReader *reader, MonIntegration *it) {
  const char *click = wg_reader_text(reader, "click", NULL);
  g_autofree char *scheme = click ? g_uri_parse_scheme(click) : NULL;

  read_url(reader, it);
  read_topic(reader, it);
  read_http(reader, it);
  it->priority = (int)wg_reader_int(reader, "priority", 1, 5, -1);
  it->tags = wg_reader_texts(reader, "tags");
  for (guint i = 0; it->tags[i]; i++)
    if (*it->tags[i] == '\0' || strchr(it->tags[i], ',') || !is_header_text(it->tags[i]))
      wg_reader_problem(reader, "tags", "\"%s\" is no tag: some text without commas", it->tags[i]);
  it->click = g_strdup(click);
  if (click && (scheme == NULL || !is_header_text(click) || !g_str_is_ascii(click)))
    wg_reader_problem(reader, "click", "\"%s\" is no address", click);
}

static void read_wall(WgReader *reader, MonIntegration *it) {
  it->terminals = wg_reader_texts(reader, "terminals");
  for (guint i = 0; it->terminals[i]; i++)
    if (!g_path_is_absolute(it->terminals[i]))
      wg_reader_problem(reader, "terminals", "\"%s\" is no absolute path", it->terminals[i]);
}

static void read_kind(WgReader *reader, MonIntegration *it) {
  if (it->kind == MON_RECEIVE_MESSAGE)
    read_message(reader, it);
  else if (it->kind == MON_RECEIVE_EXEC)
    read_exec(reader, it);
  else if (it->kind == MON_RECEIVE_WEBHOOK)
    read_webhook(reader, it);
  else if (it->kind == MON_RECEIVE_EMAIL)
    read_email(reader, it);
  else if (it->kind == MON_RECEIVE_NTFY)
    read_ntfy(reader, it);
  else if (it->kind == MON_RECEIVE_WALL)
    read_wall(reader, it);
  if (it->kind == MON_RECEIVE_ALERTMANAGER) {
    read_url(reader, it);
    read_http(reader, it);
  }
}

/* The way's own, else the receiver's. */
static void read_rate(WgReader *reader, guint *max, guint64 *per) {
  WgReader *rate = wg_reader_object(reader, "rate_limit");

  if (rate == NULL)
    return;
  *max = (guint)wg_reader_int(rate, "notifications", 1, MON_RATE_MAX, 0);
  *per = wg_reader_usec(rate, "per", G_USEC_PER_SEC, MON_RATE_PER_MAX, 0);
  if (!wg_reader_has(rate, "notifications") || !wg_reader_has(rate, "per"))
    wg_reader_problem(rate, NULL, "so many \"notifications\" \"per\" time: both are needed");
  wg_reader_end(rate);
}

static void read_integration(WgReader *reader, MonReceiver *receiver, MonReceiveKind kind,
                             guint *n_of_kind) {
  MonIntegration *it = g_new0(MonIntegration, 1);

  it->kind = kind;
  it->key = g_strdup_printf("%s/%s/%u", receiver->name, kind_names[kind], (*n_of_kind)++);
  it->send_resolved = wg_reader_bool(reader, "send_resolved", TRUE);
  it->timeout =
      wg_reader_usec(reader, "timeout", G_USEC_PER_SEC / 10, TIMEOUT_MAX, TIMEOUT_DEFAULT);
  it->retry_for = wg_reader_usec(reader, "retry_for", 0, RETRY_MAX,
                                 kind == MON_RECEIVE_WALL ? RETRY_WALL : RETRY_DEFAULT);
  it->rate_max = receiver->rate_max;
  it->rate_per = receiver->rate_per;
  read_rate(reader, &it->rate_max, &it->rate_per);
  read_kind(reader, it);
  g_ptr_array_add(receiver->integrations, it);
}

/* One object, a list of them, or nothing at all where a kind needs no options. */
static void read_integrations(MonLoader *loader, WgReader *reader, MonReceiver *receiver,
                              const char *key, MonReceiveKind kind, guint *n_of_kind) {
  JsonNode *node = wg_reader_node(reader, key);

  if (node == NULL)
    return;
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    for (guint i = 0; i < wg_reader_length(reader, key); i++) {
      WgReader *one = wg_reader_element(reader, key, i);
      read_integration(one, receiver, kind, n_of_kind);
      wg_reader_end(one);
    }
  } else {
    g_autoptr(JsonObject) nothing = json_object_new();
    g_autoptr(JsonNode) empty = json_node_init_object(json_node_alloc(), nothing);
    g_autofree char *pointer = g_strdup_printf("%s/%s", wg_reader_pointer(reader), key);
    WgReader *one = wg_reader_new(loader->doc, JSON_NODE_HOLDS_NULL(node) ? empty : node, pointer,
                                  loader->problems);
    read_integration(one, receiver, kind, n_of_kind);
    wg_reader_end(one);
  }
}

static MonReceiver *read_receiver(MonLoader *loader, WgReader *reader) {
  MonReceiver *receiver = g_new0(MonReceiver, 1);
  const char *name = wg_reader_need(reader, "name");

  receiver->name = g_strdup(name ? name : "");
  receiver->text = mon_item_text(loader->doc, wg_reader_pointer(reader), NULL);
  receiver->integrations = g_ptr_array_new_with_free_func(integration_free);
  if (name && (*name == '\0' || strchr(name, '/') || !is_header_text(name)))
    wg_reader_problem(reader, "name", "a name without '/' and control characters is needed");
  read_rate(reader, &receiver->rate_max, &receiver->rate_per);
  for (guint kind = 0; kind < _MON_RECEIVE_MAX; kind++) {
    guint n = 0;
    read_integrations(loader, reader, receiver, kind_names[kind], kind, &n);
    if (kind == MON_RECEIVE_WEBHOOK)
      read_integrations(loader, reader, receiver, "webhook_configs", kind, &n);
    else if (kind == MON_RECEIVE_EMAIL)
      read_integrations(loader, reader, receiver, "email_configs", kind, &n);
  }
  for (guint i = 0; foreign[i]; i++)
    if (wg_reader_has(reader, foreign[i]))
      wg_reader_problem(reader, foreign[i],
                        "there is no receiver of this kind here; use webhook, exec, or "
                        "alertmanager for one that has it");
  return receiver;
}

void mon_loader_receivers(MonLoader *loader, WgReader *top) {
  for (guint i = 0; i < wg_reader_length(top, "receivers"); i++) {
    WgReader *reader = wg_reader_element(top, "receivers", i);
    MonReceiver *receiver = read_receiver(loader, reader);
    if (mon_alerting_receiver(loader->alerting, receiver->name))
      wg_reader_problem(reader, "name", "a receiver \"%s\" was there before", receiver->name);
    g_ptr_array_add(loader->alerting->receivers, receiver);
    wg_reader_end(reader);
  }
}

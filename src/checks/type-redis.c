/* type-redis.c: a Redis (or Valkey) server: answers a PING, a command, keeps what is written.
 * Through hiredis; the end of the look shuts its socket down. */
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/url.h"

#include <glib-unix.h>
#include <hiredis.h>
#include <string.h>

static const ChkKey options[] = {
    {"command", CHK_TEXTS, "a command and its arguments, e.g. [GET, key]; it has to succeed"},
    {"password-file", CHK_TEXT, "file whose first line is the password"},
    {"round-trip", CHK_BOOL, "also set a key of a random name, read it back and delete it"},
    {NULL},
};

static const ChkKey values[] = {
    {"connected", CHK_BOOL, "the server took the connection, the credentials and a PING"},
    {"error", CHK_TEXT, "why not, or why the command failed; absent when all went well"},
    {"version", CHK_TEXT, "of the server"},
    {"role", CHK_TEXT, "master, slave or sentinel"},
    {"loading", CHK_BOOL, "it still reads its data"},
    {"clients", CHK_INT, "connections"},
    {"memory", CHK_BYTES, "memory in use"},
    {"round-trip", CHK_BOOL, "what was written was read back"},
    {"value", CHK_JSON, "the answer to the command"},
    {"time", CHK_USEC, "until the PING was answered"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

static JsonNode *reply_node(const redisReply *reply, guint depth) {
  JsonNode *node = json_node_alloc();

  switch (reply->type) {
  case REDIS_REPLY_INTEGER:
    return json_node_init_int(node, reply->integer);
  case REDIS_REPLY_STRING:
  case REDIS_REPLY_STATUS:
  case REDIS_REPLY_ERROR: {
    g_autofree char *text = g_utf8_make_valid(reply->str, (gssize)reply->len);
    return json_node_init_string(node, text);
  }
  case REDIS_REPLY_ARRAY: {
    JsonArray *array = json_array_new();
    for (gsize i = 0; depth < 8 && i < reply->elements; i++)
      json_array_add_element(array, reply_node(reply->element[i], depth + 1));
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
  }
  default:
    return json_node_init_null(node);
  }
}

static void set_error(JsonObject *seen, const ChkLook *look, const char *text) {
  chk_set_text(seen, "error", chk_look_over(look) ? "no answer within the time limit" : text);
}

/* NULL: told in "error". */
static redisReply *ask(const ChkLook *look, redisContext *db, const char *const *argv,
                       JsonObject *seen) {
  redisReply *reply =
      redisCommandArgv(db, (int)g_strv_length((char **)argv), (const char **)argv, NULL);

  if (reply == NULL)
    set_error(seen, look, db->errstr);
  else if (reply->type == REDIS_REPLY_ERROR)
    set_error(seen, look, reply->str);
  else
    return reply;
  if (reply)
    freeReplyObject(reply);
  return NULL;
}

#define ASK(...) ask(look, db, (const char *const[]){__VA_ARGS__, NULL}, seen)

static gboolean tell(redisReply *reply) {
  if (reply)
    freeReplyObject(reply);
  return reply != NULL;
}

/* One line "name:value" of INFO. */
static char *info_value(const char *info, const char *name) {
  g_autofree char *start = g_strdup_printf("\n%s:", name);
  const char *at = strstr(info, start);

  if (at == NULL)
    return NULL;
  at += strlen(start);
  return g_strndup(at, strcspn(at, "\r\n"));
}

static void set_number(JsonObject *seen, const char *key, const char *info, const char *name) {
  g_autofree char *text = info_value(info, name);
  guint64 number;

  if (text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL))
    json_object_set_int_member(seen, key, (gint64)number);
}

static gboolean ask_info(const ChkLook *look, redisContext *db, JsonObject *seen) {
  redisReply *reply = ASK("INFO");

  if (reply == NULL)
    return FALSE;
  if (reply->type == REDIS_REPLY_STRING) {
    g_autofree char *version = info_value(reply->str, "redis_version");
    g_autofree char *role = info_value(reply->str, "role");
    g_autofree char *loading = info_value(reply->str, "loading");
    chk_set_text(seen, "version", version);
    chk_set_text(seen, "role", role);
    if (loading)
      json_object_set_boolean_member(seen, "loading", g_str_equal(loading, "1"));
    set_number(seen, "clients", reply->str, "connected_clients");
    set_number(seen, "memory", reply->str, "used_memory");
  }
  freeReplyObject(reply);
  return TRUE;
}

/* The key has a name that nobody else has, and ends by itself when this process does not. */
static gboolean round_trip(const ChkLook *look, redisContext *db, JsonObject *seen) {
  g_autofree char *word = g_uuid_string_random();
  g_autofree char *key = g_strconcat("waggle-verify:", word, NULL);
  redisReply *reply = NULL;

  if (tell(ASK("SET", key, word, "EX", "60")))
    reply = ASK("GET", key);
  gboolean good = reply && reply->type == REDIS_REPLY_STRING && g_strcmp0(reply->str, word) == 0;
  tell(reply);
  return tell(ASK("DEL", key)) && good;
}

static gboolean enter(const ChkLook *look, redisContext *db, const ChkUrl *url,
                      const char *password, JsonObject *seen) {
  if (password && url->user && !tell(ASK("AUTH", url->user, password)))
    return FALSE;
  if (password && !url->user && !tell(ASK("AUTH", password)))
    return FALSE;
  return (url->name == NULL || tell(ASK("SELECT", url->name))) && tell(ASK("PING"));
}

static void look_into(const ChkLook *look, redisContext *db, JsonObject *seen) {
  g_auto(GStrv) command = chk_option_texts(look, "command");
  redisReply *reply;

  if (!ask_info(look, db, seen))
    return;
  if (*command) {
    reply = ask(look, db, (const char *const *)command, seen);
    if (reply == NULL)
      return;
    json_object_set_member(seen, "value", reply_node(reply, 0));
    freeReplyObject(reply);
  }
  if (chk_option_bool(look, "round-trip", FALSE))
    json_object_set_boolean_member(seen, "round-trip", round_trip(look, db, seen));
}

static void see(ChkLook *look, ChkSight *ret) {
  gint64 begin = g_get_monotonic_time();
  g_autofree char *password = NULL;
  g_autoptr(GError) error = NULL;
  ChkBreaker breaker = {0};
  g_auto(ChkUrl) url = {0};

  if (!chk_url_parse(look->subject, "redis", CHK_REDIS_PORT, &url, &error) ||
      !chk_secret(look, "password-file", &password, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  g_autoptr(GSocketConnection) connection = chk_net_connect(look, &url.address, &error);
  if (connection == NULL) {
    chk_net_refused(ret, "connected", error);
    return;
  }
  /* hiredis works on the connection that stands; it blocks on it, the breaker ends that */
  GSocket *socket = g_socket_connection_get_socket(connection);
  int fd = g_socket_get_fd(socket);
  g_autofree char *peer = chk_net_peer(connection);
  g_unix_set_fd_nonblocking(fd, FALSE, NULL);
  redisContext *db = redisConnectFd(fd);
  db->flags |= REDIS_BLOCK;
  redisSetTimeout(db, chk_net_left(look));
  chk_breaker_begin(&breaker, look, fd);
  JsonObject *seen = json_object_new();
  gboolean good = enter(look, db, &url, password, seen);
  json_object_set_boolean_member(seen, "connected", good);
  chk_set_text(seen, "peer", peer);
  if (good) {
    json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
    look_into(look, db, seen);
  }
  chk_breaker_end(&breaker);
  redisFreeKeepFd(db);
  chk_observed(ret, seen);
}

/* What the two options bring. */
static const char *const of_command[] = {"value", "error", NULL};
static const char *const of_round_trip[] = {"round-trip", "error", NULL};
static const ChkAsked asked[] = {
    {"command", of_command, "{\"error\": {\"absent\": true}}"},
    {"round-trip", of_round_trip, "{\"round-trip\": true}"},
    {NULL},
};

const ChkType chk_type_redis = {
    .name = "redis",
    .subject_help = "redis://USER@HOST:PORT/NUMBER, unix:PATH",
    .options = options,
    .values = values,
    .default_value = "{\"connected\": true}",
    .asked = asked,
    .sync = see,
    .validate = chk_subject_redis,
};

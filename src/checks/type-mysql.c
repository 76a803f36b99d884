/* type-mysql.c: a MySQL or MariaDB server: takes the connection, answers a query, keeps what is
 * written. Through libmariadb; the end of the look shuts its socket down. */
#include "checks/local.h"
#include "checks/net.h"
#include "checks/rows.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/url.h"

#include <mysql.h>
#include <string.h>

static const ChkKey options[] = {
    {"query", CHK_TEXT,
     "one statement; it runs in a session that can only read, and has to succeed"},
    {"password-file", CHK_TEXT, "file whose first line is the password"},
    {"round-trip", CHK_BOOL, "also write a row into a temporary table and read it back"},
    {NULL},
};

static const ChkKey values[] = {
    {"connected", CHK_BOOL, "the server took the connection and the credentials"},
    {"error", CHK_TEXT, "why not, or why the query failed; absent when all went well"},
    {"version", CHK_TEXT, "of the server"},
    {"read-only", CHK_BOOL, "the server takes no writes"},
    {"round-trip", CHK_BOOL, "what was written was read back"},
    CHK_ROWS_VALUES,
    {"time", CHK_USEC, "until the connection was ready"},
    {"query-time", CHK_USEC, "the query took"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

static void set_error(JsonObject *seen, const ChkLook *look, MYSQL *db) {
  chk_set_text(seen, "error",
               chk_look_over(look) ? "no answer within the time limit" : mysql_error(db));
}

static gboolean tell(const ChkLook *look, MYSQL *db, const char *sql, JsonObject *seen) {
  if (mysql_query(db, sql) == 0)
    return TRUE;
  set_error(seen, look, db);
  return FALSE;
}

static void add_row(ChkRows *rows, MYSQL_RES *result, MYSQL_ROW row) {
  unsigned long *lengths = mysql_fetch_lengths(result);
  MYSQL_FIELD *fields = mysql_fetch_fields(result);

  chk_rows_begin(rows);
  for (guint i = 0; i < mysql_num_fields(result); i++)
    chk_rows_add(rows, fields[i].name,
                 chk_rows_text(row[i], row[i] ? (gssize)lengths[i] : 0, IS_NUM(fields[i].type)));
}

/* FALSE: told in "error". */
static gboolean ask(const ChkLook *look, MYSQL *db, const char *sql, ChkRows *rows,
                    JsonObject *seen) {
  MYSQL_RES *result;
  MYSQL_ROW row;

  if (!tell(look, db, sql, seen))
    return FALSE;
  result = mysql_use_result(db);
  while (result && (row = mysql_fetch_row(result)))
    add_row(rows, result, row);
  if (result)
    mysql_free_result(result);
  if (mysql_errno(db) == 0)
    return TRUE;
  set_error(seen, look, db);
  return FALSE;
}

static gboolean ask_query(const ChkLook *look, MYSQL *db, const char *query, JsonObject *seen) {
  gint64 begin = g_get_monotonic_time();
  g_auto(ChkRows) rows = {0};

  /* of the session, since a statement that makes or drops a table ends a transaction first */
  if (!tell(look, db, "SET SESSION TRANSACTION READ ONLY", seen) ||
      !ask(look, db, query, &rows, seen))
    return FALSE;
  chk_rows_set(&rows, seen);
  json_object_set_int_member(seen, "query-time", g_get_monotonic_time() - begin);
  return tell(look, db, "SET SESSION TRANSACTION READ WRITE", seen);
}

/* A temporary table is this connection's alone and leaves nothing behind. */
static gboolean round_trip(const ChkLook *look, MYSQL *db, JsonObject *seen) {
  g_autofree char *word = g_uuid_string_random();
  g_autofree char *insert = g_strdup_printf("INSERT INTO waggle_check VALUES ('%s')", word);
  g_auto(ChkRows) rows = {0};

  return tell(look, db, "CREATE TEMPORARY TABLE waggle_check (word VARCHAR(40))", seen) &&
         tell(look, db, insert, seen) &&
         ask(look, db, "SELECT word FROM waggle_check", &rows, seen) && chk_rows_n(&rows) == 1 &&
         g_strcmp0(json_node_get_string(chk_rows_first(&rows)), word) == 0;
}

static void look_into(const ChkLook *look, MYSQL *db, JsonObject *seen) {
  const char *query = chk_option_text(look, "query", NULL);
  g_auto(ChkRows) rows = {0};

  chk_set_text(seen, "version", mysql_get_server_info(db));
  if (!ask(look, db, "SELECT @@global.read_only", &rows, seen))
    return;
  if (chk_rows_first(&rows))
    json_object_set_boolean_member(seen, "read-only",
                                   json_node_get_int(chk_rows_first(&rows)) != 0);
  if (query && !ask_query(look, db, query, seen))
    return;
  if (chk_option_bool(look, "round-trip", FALSE))
    json_object_set_boolean_member(seen, "round-trip", round_trip(look, db, seen));
}

/* The connection itself is ours, so that the look's end can cut it from the first byte on; the
 * library has no way to take it, so it is asked whether somebody listens, and gets its own. */
static gboolean reach(const ChkLook *look, const ChkAddress *address, char **ret_peer,
                      GError **error) {
  g_autoptr(GSocketConnection) connection = chk_net_connect(look, address, error);

  if (connection == NULL)
    return FALSE;
  *ret_peer = chk_net_peer(connection);
  return TRUE;
}

static gboolean open_db(const ChkLook *look, const ChkUrl *url, const char *password, MYSQL *db) {
  unsigned int seconds = (unsigned int)(chk_net_left(look).tv_sec + 1);

  mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_options(db, MYSQL_OPT_READ_TIMEOUT, &seconds);
  mysql_options(db, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  mysql_options(db, MYSQL_OPT_CONNECT_ATTR_RESET, NULL);
  return mysql_real_connect(db, url->address.host, url->user, password, url->name,
                            url->address.port, url->address.path, 0) != NULL;
}

static void see_server(const ChkLook *look, const ChkUrl *url, const char *password,
                       JsonObject *seen) {
  gint64 begin = g_get_monotonic_time();
  MYSQL *db = mysql_init(NULL);
  ChkBreaker breaker = {0};

  gboolean good = db && open_db(look, url, password, db);
  json_object_set_boolean_member(seen, "connected", good);
  if (good) {
    json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
    chk_breaker_begin(&breaker, look, (int)mysql_get_socket(db));
    look_into(look, db, seen);
    chk_breaker_end(&breaker);
  } else if (db) {
    set_error(seen, look, db);
  }
  if (db)
    mysql_close(db);
  mysql_thread_end();
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autofree char *password = NULL, *peer = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(ChkUrl) url = {0};

  if (!chk_url_parse(look->subject, "mysql", CHK_MYSQL_PORT, &url, &error) ||
      !chk_secret(look, "password-file", &password, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  if (!reach(look, &url.address, &peer, &error)) {
    chk_net_refused(ret, "connected", error);
    return;
  }
  JsonObject *seen = json_object_new();
  chk_set_text(seen, "peer", peer);
  see_server(look, &url, password, seen);
  chk_observed(ret, seen);
}

const ChkType chk_type_mysql = {
    .name = "mysql",
    .subject_help = "mysql://USER@HOST:PORT/DATABASE, unix:PATH",
    .options = options,
    .values = values,
    .default_value = "{\"connected\": true}",
    .asked = chk_rows_asked,
    .sync = see,
    .validate = chk_subject_mysql,
};

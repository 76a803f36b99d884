/* type-postgresql.c: a PostgreSQL server: takes the connection, answers a query, keeps what is
 * written. Through libpq, without blocking longer than the look lasts. */
#include "checks/local.h"
#include "checks/net.h"
#include "checks/rows.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <libpq-fe.h>
#include <string.h>

static const ChkKey options[] = {
    {"query", CHK_TEXT,
     "one statement; it runs in a transaction that can only read, and has to succeed"},
    {"password-file", CHK_TEXT, "file whose first line is the password"},
    {"round-trip", CHK_BOOL, "also write a row into a temporary table and read it back"},
    {NULL},
};

static const ChkKey values[] = {
    {"connected", CHK_BOOL, "the server took the connection and the credentials"},
    {"error", CHK_TEXT, "why not, or why the query failed; absent when all went well"},
    {"version", CHK_TEXT, "of the server"},
    {"in-recovery", CHK_BOOL, "the server is a standby"},
    {"round-trip", CHK_BOOL, "what was written was read back"},
    CHK_ROWS_VALUES,
    {"time", CHK_USEC, "until the connection was ready"},
    {"query-time", CHK_USEC, "the query took"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

/* FALSE: the look is over. */
static gboolean wait_for(const ChkLook *look, PGconn *db, GIOCondition what) {
  GPollFD polled[2] = {{.fd = PQsocket(db), .events = (gushort)what}};
  struct timeval left = chk_net_left(look);
  guint n = 1;

  if (chk_look_over(look))
    return FALSE;
  if (g_cancellable_make_pollfd(look->cancel, &polled[1]))
    n = 2;
  g_poll(polled, n, (gint)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1));
  if (n == 2)
    g_cancellable_release_fd(look->cancel);
  return !chk_look_over(look);
}

static void set_error(JsonObject *seen, const ChkLook *look, const char *text) {
  g_autofree char *line = g_strstrip(g_strdup(text ? text : ""));

  g_strdelimit(line, "\n\t", ' ');
  chk_set_text(seen, "error", chk_look_over(look) ? "no answer within the time limit" : line);
}

static gboolean connected(const ChkLook *look, PGconn *db) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;

  while (PQstatus(db) != CONNECTION_BAD && state != PGRES_POLLING_FAILED) {
    if (!wait_for(look, db, state == PGRES_POLLING_READING ? G_IO_IN : G_IO_OUT))
      return FALSE;
    state = PQconnectPoll(db);
    if (state == PGRES_POLLING_OK)
      return TRUE;
  }
  return FALSE;
}

/* The last result of `sql`; NULL: told in "error". */
static PGresult *ask(const ChkLook *look, PGconn *db, const char *sql, JsonObject *seen) {
  PGresult *last = NULL, *next;
  gboolean good = PQsendQuery(db, sql);

  while (good) {
    while (good && PQisBusy(db))
      good = wait_for(look, db, G_IO_IN) && PQconsumeInput(db);
    if (!good || (next = PQgetResult(db)) == NULL)
      break;
    PQclear(last);
    last = next;
  }
  ExecStatusType state = PQresultStatus(last);
  if (good && (state == PGRES_TUPLES_OK || state == PGRES_COMMAND_OK))
    return last;
  set_error(seen, look, last ? PQresultErrorMessage(last) : PQerrorMessage(db));
  PQclear(last);
  return NULL;
}

static gboolean tell(const ChkLook *look, PGconn *db, const char *sql, JsonObject *seen) {
  PGresult *result = ask(look, db, sql, seen);

  PQclear(result);
  return result != NULL;
}

/* int2, int4, int8, oid, float4, float8, numeric: their numbers are fixed in the catalog */
static gboolean is_number(Oid type) {
  static const Oid numbers[] = {21, 23, 20, 26, 700, 701, 1700};

  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (numbers[i] == type)
      return TRUE;
  return FALSE;
}

static JsonNode *cell(PGresult *result, int row, int column) {
  Oid type = PQftype(result, column);

  if (PQgetisnull(result, row, column))
    return json_node_init_null(json_node_alloc());
  const char *text = PQgetvalue(result, row, column);
  if (type == 16) /* bool */
    return json_node_init_boolean(json_node_alloc(), *text == 't');
  return chk_rows_text(text, PQgetlength(result, row, column), is_number(type));
}

static gboolean ask_query(const ChkLook *look, PGconn *db, const char *query, JsonObject *seen) {
  gint64 begin = g_get_monotonic_time();
  g_auto(ChkRows) rows = {0};

  if (!tell(look, db, "BEGIN TRANSACTION READ ONLY", seen))
    return FALSE;
  PGresult *result = ask(look, db, query, seen);
  if (result == NULL)
    return FALSE;
  for (int row = 0; row < PQntuples(result); row++) {
    chk_rows_begin(&rows);
    for (int i = 0; i < PQnfields(result); i++)
      chk_rows_add(&rows, PQfname(result, i), cell(result, row, i));
  }
  PQclear(result);
  chk_rows_set(&rows, seen);
  json_object_set_int_member(seen, "query-time", g_get_monotonic_time() - begin);
  return tell(look, db, "ROLLBACK", seen);
}

/* A temporary table is this connection's alone and leaves nothing behind. */
static gboolean round_trip(const ChkLook *look, PGconn *db, JsonObject *seen) {
  g_autofree char *word = g_uuid_string_random();
  g_autofree char *insert = g_strdup_printf("INSERT INTO pg_temp.waggle VALUES ('%s')", word);
  PGresult *result = NULL;

  if (tell(look, db, "CREATE TEMPORARY TABLE waggle (word text)", seen) &&
      tell(look, db, insert, seen))
    result = ask(look, db, "SELECT word FROM pg_temp.waggle", seen);
  gboolean good = result && PQntuples(result) == 1 && g_str_equal(PQgetvalue(result, 0, 0), word);
  PQclear(result);
  return good;
}

/* "15.20 (Debian 15.20-0+deb12u1)": what the packager adds is no part of it. */
static void set_version(JsonObject *seen, PGconn *db) {
  const char *text = PQparameterStatus(db, "server_version");
  g_autofree char *version = text ? g_strndup(text, strcspn(text, " ")) : NULL;

  chk_set_text(seen, "version", version);
}

static void look_into(const ChkLook *look, PGconn *db, JsonObject *seen) {
  const char *query = chk_option_text(look, "query", NULL);
  PGresult *result = ask(look, db, "SELECT pg_is_in_recovery()", seen);

  set_version(seen, db);
  if (result == NULL)
    return;
  if (PQntuples(result) == 1)
    json_object_set_boolean_member(seen, "in-recovery", *PQgetvalue(result, 0, 0) == 't');
  PQclear(result);
  if (query && !ask_query(look, db, query, seen))
    return;
  if (chk_option_bool(look, "round-trip", FALSE))
    json_object_set_boolean_member(seen, "round-trip", round_trip(look, db, seen));
}

static void set_peer(JsonObject *seen, PGconn *db) {
  const char *host = PQhost(db), *address = PQhostaddr(db);
  g_autofree char *peer =
      host && *host == '/' ? g_strdup_printf("%s/.s.PGSQL.%s", host, PQport(db))
                           : g_strdup_printf(address && strchr(address, ':') ? "[%s]:%s" : "%s:%s",
                                             address && *address ? address : host, PQport(db));

  chk_set_text(seen, "peer", peer);
}

static void see(ChkLook *look, ChkSight *ret) {
  gint64 begin = g_get_monotonic_time();
  g_autofree char *password = NULL;
  g_autoptr(GError) error = NULL;

  if (!chk_secret(look, "password-file", &password, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  /* the subject is expanded first, so what stands after it decides */
  const char *const names[] = {"dbname", "application_name", password ? "password" : NULL, NULL};
  const char *const texts[] = {look->subject, "waggle-verify", password, NULL};
  PGconn *db = PQconnectStartParams(names, texts, 1);
  JsonObject *seen = json_object_new();
  gboolean good = db && connected(look, db);
  json_object_set_boolean_member(seen, "connected", good);
  if (good) {
    json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
    set_peer(seen, db);
    look_into(look, db, seen);
  } else {
    set_error(seen, look, db ? PQerrorMessage(db) : "out of memory");
  }
  PQfinish(db);
  chk_observed(ret, seen);
}

const ChkType chk_type_postgresql = {
    .name = "postgresql",
    .subject_help = "postgresql://USER@HOST:PORT/DATABASE, or host=... dbname=...",
    .options = options,
    .values = values,
    .default_value = "{\"connected\": true}",
    .asked = chk_rows_asked,
    .sync = see,
    .validate = chk_subject_postgresql,
};

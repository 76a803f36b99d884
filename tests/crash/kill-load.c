/* kill-load.c: see kill-load.h: connections, calls, the loop. */
#include "kill-private.h"

#include "common/names.h"

#include <poll.h>
#include <sys/socket.h>

#define TURN_MS 10000

const char *const kill_agents[LEDGER_AGENTS] = {"ant", "bee", "cricket", "drone"};

static guint dice(guint n) {
  return g_test_rand_int_range(0, n);
}

static void call_free(Call *call) {
  g_ptr_array_unref(call->entries);
  g_array_unref(call->held);
  g_free(call);
}

Call *kill_call(Conn *conn, const char *what, void (*done)(Call *call, sd_bus_message *reply)) {
  Call *call = g_new0(Call, 1);

  call->conn = conn;
  call->what = what;
  call->done = done;
  call->entries = g_ptr_array_new();
  call->held = g_array_new(FALSE, FALSE, sizeof(Held));
  return call;
}

sd_bus_message *kill_call_new(Conn *conn, const char *member) {
  sd_bus_message *m = NULL;

  int r = sd_bus_message_new_method_call(conn->bus, &m, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING,
                                         member);
  if (r < 0)
    ledger_violation("no call can be made: %s", g_strerror(-r));
  return m;
}

static gboolean issue(Conn *conn);

static void top_up(Conn *conn) {
  while (!conn->load->stopping && conn->flying < KILL_DEPTH && issue(conn))
    continue;
}

/* sd-bus makes a NoReply of its own for each call when the connection breaks. */
static int on_reply(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Call *call = data;
  Conn *conn = call->conn;
  const sd_bus_error *error = sd_bus_message_get_error(m);
  gboolean lost = sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
                  sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED);

  if (error && !lost)
    ledger_violation("%s was refused: %s: %s", call->what, error->name, error->message);
  conn->flying--;
  conn->load->replies += !lost;
  call->done(call, lost ? NULL : m);
  call_free(call);
  if (!lost)
    top_up(conn);
  return 0;
}

void kill_call_send(Call *call, sd_bus_message *m) {
  int r = sd_bus_call_async(call->conn->bus, NULL, m, on_reply, call, G_MAXUINT64);

  sd_bus_message_unref(m);
  call->conn->flying++;
  if (r >= 0)
    return;
  /* the daemon is gone already: nothing was sent */
  call->conn->load->broken = TRUE;
  call->conn->load->stopping = TRUE;
  call->conn->flying--;
  call->done(call, NULL);
  call_free(call);
}

static guint64 backlog(const KillLoad *load) {
  return load->sent > load->ledger->n_acked ? load->sent - load->ledger->n_acked : 0;
}

/* FALSE: nothing to do now. */
static gboolean issue(Conn *conn) {
  guint x = dice(100);
  gboolean crowded = backlog(conn->load) > KILL_BACKLOG;

  if (conn->held->len > 0 && (x < 40 || crowded)) {
    kill_settle(conn);
  } else if (conn->receiving < KILL_RECEIVES && (x < 55 || crowded)) {
    kill_receive(conn);
  } else if (crowded) {
    return FALSE;
  } else if (x < 60 && kill_send_again(conn)) {
    return TRUE;
  } else if (x < 92) {
    kill_send_one(conn);
  } else {
    kill_send_many(conn);
  }
  return TRUE;
}

static Conn *conn_new(KillLoad *load, guint id) {
  Conn *conn = g_new0(Conn, 1);

  conn->load = load;
  conn->id = id;
  conn->held = g_array_new(FALSE, FALSE, sizeof(Held));
  return conn;
}

static void conn_free(gpointer data) {
  Conn *conn = data;

  g_array_unref(conn->held);
  g_free(conn);
}

KillLoad *kill_load_new(Rig *rig, Ledger *ledger, guint connections) {
  KillLoad *load = g_new0(KillLoad, 1);

  load->rig = rig;
  load->ledger = ledger;
  load->conns = g_ptr_array_new_with_free_func(conn_free);
  load->repeat = g_ptr_array_new();
  for (guint i = 0; i < connections; i++)
    g_ptr_array_add(load->conns, conn_new(load, i));
  return load;
}

void kill_load_free(KillLoad *load) {
  g_ptr_array_unref(load->conns);
  g_ptr_array_unref(load->repeat);
  g_free(load);
}

guint64 kill_load_replies(const KillLoad *load) {
  return load->replies;
}

/* Every other connection also has a subscription. */
void kill_load_connect(KillLoad *load) {
  load->stopping = load->broken = FALSE;
  for (guint i = 0; i < load->conns->len; i++) {
    Conn *conn = load->conns->pdata[i];
    conn->bus = rig_connect(load->rig);
    conn->flying = conn->receiving = 0;
    conn->subscription = 0;
    g_array_set_size(conn->held, 0);
    if (i % 2 == 0)
      kill_subscribe(conn);
    top_up(conn);
  }
}

/* Handles all that has come. Negative: the connection is closed and every call has got its end;
 * while it closes, sd-bus says 0 for each of them. */
static int process_all(sd_bus *bus) {
  int r;

  do
    r = sd_bus_process(bus, NULL);
  while (r > 0 || (r == 0 && sd_bus_is_open(bus) == 0));
  return r;
}

/* All that has come; a connection that broke is noticed. */
static void turn(KillLoad *load, int timeout_ms) {
  g_autofree struct pollfd *fds = g_new0(struct pollfd, load->conns->len);

  for (guint i = 0; i < load->conns->len; i++) {
    sd_bus *bus = ((Conn *)load->conns->pdata[i])->bus;
    fds[i].fd = sd_bus_get_fd(bus);
    fds[i].events = MAX(sd_bus_get_events(bus), 0);
  }
  poll(fds, load->conns->len, timeout_ms);
  for (guint i = 0; i < load->conns->len; i++) {
    Conn *conn = load->conns->pdata[i];
    load->broken = process_all(conn->bus) < 0 || load->broken;
    if (!load->broken)
      top_up(conn);
  }
}

gboolean kill_load_turn(KillLoad *load, guint n) {
  guint64 until = load->replies + n;

  while (load->replies < until && !load->broken)
    turn(load, TURN_MS);
  return !load->broken;
}

/* A connection that the daemon had not accepted yet outlives it in the socket's backlog. Closing
 * our side ends it for us; what was written is for the next daemon to read. */
static void close_all(KillLoad *load) {
  for (guint i = 0; i < load->conns->len; i++) {
    Conn *conn = load->conns->pdata[i];
    if (process_all(conn->bus) >= 0 && conn->flying > 0) {
      shutdown(sd_bus_get_fd(conn->bus), SHUT_RDWR);
      process_all(conn->bus);
    }
    conn->bus = sd_bus_close_unref(conn->bus);
    if (conn->flying != 0)
      ledger_violation("%u calls have neither a reply nor an end", conn->flying);
  }
}

void kill_load_disconnect(KillLoad *load) {
  load->stopping = TRUE;
  close_all(load);
  ledger_new_life(load->ledger);
}

static guint flying(KillLoad *load) {
  guint n = 0;

  for (guint i = 0; i < load->conns->len; i++)
    n += ((Conn *)load->conns->pdata[i])->flying;
  return n;
}

void kill_load_finish(KillLoad *load) {
  load->stopping = TRUE;
  while (load->repeat->len > 0 && !load->broken) {
    kill_send_again(load->conns->pdata[0]);
    turn(load, 0);
  }
  while (flying(load) > 0 && !load->broken)
    turn(load, TURN_MS);
  if (load->broken)
    ledger_violation("the daemon left by itself");
  close_all(load);
  ledger_new_life(load->ledger);
}

/* call.c: see call.h. A call that may not enter is answered here; one that may is owed an answer
 * from then on. */
#include "common/bus-variant.h"
#include "common/call-private.h"
#include "common/error.h"
#include "common/log.h"
#include "common/trace-context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* About what an answer weighs for the bound on unread bytes. */
#define REPLY_WEIGHT 256

/* ---- life ---- */
WgCalls *wg_calls_new(WgService *service, gpointer owner, const WgMethod *const *tables,
                      const char *purpose) {
  WgCalls *calls = g_new0(WgCalls, 1);

  calls->service = service;
  calls->owner = owner;
  calls->tables = tables;
  calls->purpose = purpose;
  calls->user_scope = wg_service_is_user(service);
  calls->own_uid = getuid();
  calls->listeners = wg_call_listeners_new();
  calls->since = g_get_real_time();
  calls->counts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
  return calls;
}

void wg_calls_set_gate(WgCalls *calls, const WgCallGate *gate) {
  calls->gate = gate;
}

void wg_calls_free(WgCalls *calls) {
  if (calls == NULL)
    return;
  g_hash_table_unref(calls->listeners);
  g_hash_table_unref(calls->counts);
  g_free(calls);
}

static void count(WgCalls *calls, const WgMethod *method, WgCallOutcome outcome) {
  guint64 *counts = g_hash_table_lookup(calls->counts, method->interface);

  if (counts == NULL) {
    counts = g_new0(guint64, WG_CALL_OUTCOMES);
    g_hash_table_insert(calls->counts, (gpointer)method->interface, counts);
  }
  counts[outcome]++;
}

static WgCallOutcome outcome_of(const GError *error) {
  return g_error_matches(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED) ||
                 g_error_matches(error, WG_ERROR, WG_ERROR_INTERACTIVE)
             ? WG_CALL_REFUSED
             : WG_CALL_FAILED;
}

gint64 wg_calls_since(const WgCalls *calls) {
  return calls->since;
}

const char *wg_call_outcome_name(WgCallOutcome outcome) {
  static const char *const names[] = {"answered", "failed", "refused"};

  return names[outcome];
}

void wg_calls_each_count(const WgCalls *calls, WgCallCountFunc func, gpointer user_data) {
  GHashTableIter iter;
  gpointer interface, counts;

  g_hash_table_iter_init(&iter, calls->counts);
  while (g_hash_table_iter_next(&iter, &interface, &counts))
    for (guint i = 0; i < WG_CALL_OUTCOMES; i++)
      func(interface, i, ((const guint64 *)counts)[i], user_data);
}

guint wg_calls_n(const WgCalls *calls) {
  return calls->n;
}

static void maybe_drained(WgCalls *calls) {
  if (calls->draining && calls->n == 0 && calls->drained != NULL)
    g_steal_pointer (&calls->drained)(calls->owner);
}

void wg_calls_drain(WgCalls *calls, void (*drained)(gpointer owner)) {
  calls->draining = TRUE;
  calls->drained = drained;
  maybe_drained(calls);
}

/* ---- who may ---- */
gboolean wg_calls_is_admin(const WgCalls *calls, uid_t uid) {
  return uid == 0 || uid == calls->own_uid;
}

static gboolean uid_may_enter(const WgCalls *calls, uid_t uid) {
  return !calls->user_scope || wg_calls_is_admin(calls, uid);
}

/* NULL: on the bus, a client that is gone, or after the end of the loop. */
static WgPeer *peer_on(const WgCalls *calls, sd_bus *bus) {
  WgPeerServer *peers = wg_service_peers(calls->service);

  return peers != NULL ? wg_peer_from_bus(peers, bus) : NULL;
}

/* Nobody but its user can be on a user's bus. */
gboolean wg_calls_may_look(const WgCalls *calls, sd_bus *bus) {
  WgPeer *peer = peer_on(calls, bus);

  return peer == NULL || uid_may_enter(calls, wg_peer_uid(peer));
}

static WgPolkitDoor door_of(const WgCalls *calls, sd_bus *bus) {
  if (calls->user_scope)
    return WG_POLKIT_USER;
  return peer_on(calls, bus) != NULL ? WG_POLKIT_SYSTEM_PRIVATE : WG_POLKIT_SYSTEM_BUS;
}

void wg_call_log_refused(uid_t uid, const char *member) {
  static WgLogRate rate = {.interval_usec = 10 * G_USEC_PER_SEC, .burst = 5};
  g_autofree char *text = g_strdup_printf("%u", (guint)uid);
  guint suppressed = 0;

  if (!wg_log_rate_ok(&rate, &suppressed))
    return;
  wg_log(LOG_WARNING, WG_MSG_NOT_AUTHORIZED, WG_FIELDS(WG_FIELD_UID, text),
         "Refused uid %u: it may not call %s (%u such lines were left out)", (guint)uid,
         member != NULL ? member : "this service", suppressed);
}

/* ---- the way out ---- */
static void send_reply(WgCalls *calls, sd_bus_message *m, sd_bus_message *reply, gsize bytes) {
  WgPeer *peer = peer_on(calls, sd_bus_message_get_bus(m));

  sd_bus_send(NULL, reply, NULL);
  if (peer != NULL)
    wg_peer_charge(peer, bytes);
}

static void reply_error(WgCalls *calls, sd_bus_message *m, const GError *error) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(m) <= 0)
    return;
  wg_error_to_bus(error, &e);
  if (sd_bus_message_new_method_error(m, &reply, &e) >= 0)
    send_reply(calls, m, reply, REPLY_WEIGHT);
  sd_bus_error_free(&e);
  sd_bus_message_unref(reply);
}

static void call_end(WgCall *call) {
  WgCalls *calls = call->calls;
  WgPeer *peer = peer_on(calls, sd_bus_message_get_bus(call->m));

  if (peer != NULL)
    wg_peer_end(peer);
  if (call->data != NULL && call->free_data != NULL)
    call->free_data(call->data);
  if (call->gate_data != NULL && call->free_gate_data != NULL)
    call->free_gate_data(call->gate_data);
  if (call->fd >= 0)
    close(call->fd);
  g_clear_pointer(&call->options, g_variant_unref);
  g_clear_pointer(&call->args, g_variant_unref);
  sd_bus_message_unref(call->m);
  g_free(call->unit);
  g_free(call);
  calls->n--;
  maybe_drained(calls);
}

void wg_call_answer(WgCall *call, GVariant *result) {
  g_autoptr(GVariant) owned = result != NULL ? g_variant_ref_sink(result) : NULL;
  sd_bus_message *reply = NULL;

  count(call->calls, call->method, WG_CALL_ANSWERED);
  if (sd_bus_message_get_expect_reply(call->m) > 0) {
    int r = sd_bus_message_new_method_return(call->m, &reply);
    if (r >= 0 && owned != NULL)
      r = wg_variant_append_children(reply, owned);
    if (r >= 0) {
      send_reply(call->calls, call->m, reply,
                 REPLY_WEIGHT + (owned != NULL ? g_variant_get_size(owned) : 0));
    } else {
      g_autoptr(GError) error = NULL;
      wg_error_set_errno(&error, r, "the answer cannot be built");
      reply_error(call->calls, call->m, error);
    }
    sd_bus_message_unref(reply);
  }
  call_end(call);
}

void wg_call_fail(WgCall *call, const GError *error) {
  if (call->failing != NULL)
    call->failing(call, error);
  count(call->calls, call->method, outcome_of(error));
  reply_error(call->calls, call->m, error);
  call_end(call);
}

/* ---- what a call says ---- */
char *wg_call_who(const WgCall *call) {
  return g_strdup_printf("uid:%u", (guint)call->uid);
}

const char *wg_call_text(WgCall *call, const char *option) {
  const char *text = NULL;

  if (call->options != NULL)
    g_variant_lookup(call->options, option, "&s", &text);
  return text;
}

guint64 wg_call_number(WgCall *call, const char *option) {
  guint64 number = 0;
  guint32 small = 0;

  if (call->options == NULL || g_variant_lookup(call->options, option, "t", &number))
    return number;
  g_variant_lookup(call->options, option, "u", &small);
  return small;
}

gboolean wg_call_flag(WgCall *call, const char *option) {
  gboolean flag = FALSE;

  if (call->options != NULL)
    g_variant_lookup(call->options, option, "b", &flag);
  return flag;
}

gboolean wg_call_has(WgCall *call, const char *option) {
  g_autoptr(GVariant) value =
      call->options != NULL ? g_variant_lookup_value(call->options, option, NULL) : NULL;

  return value != NULL;
}

/* ---- the way in ---- */
static void polkit_said(sd_bus_message *m, const GError *error, gpointer data) {
  WgCall *call = data;

  if (error != NULL) {
    if (!g_error_matches(error, WG_ERROR, WG_ERROR_INTERACTIVE))
      wg_call_log_refused(call->uid, call->method->member);
    if (call->calls->gate != NULL)
      call->calls->gate->refused(call, error);
    wg_call_fail(call, error);
    return;
  }
  call->by_action = TRUE;
  wg_call_listen_authorized(call->calls, call->caller);
  call->next(call);
}

void wg_call_authorize(WgCall *call, const char *action, WgCallHandler next) {
  WgCalls *calls = call->calls;

  call->next = next;
  if (wg_calls_is_admin(calls, call->uid))
    next(call);
  else
    wg_polkit_check(wg_service_polkit(calls->service),
                    door_of(calls, sd_bus_message_get_bus(call->m)), call->m, call->uid, action,
                    /* details= */ NULL, polkit_said, call);
}

static gboolean may_enter(WgCalls *calls, sd_bus_message *m, WgCaller *caller, const GError *lookup,
                          GError **error) {
  if (caller == NULL) {
    g_propagate_error(error, g_error_copy(lookup));
    return FALSE;
  }
  if (!uid_may_enter(calls, caller->uid)) {
    wg_call_log_refused(caller->uid, sd_bus_message_get_member(m));
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "this service %s uid %u; uid %u may not use it", calls->purpose,
                (guint)calls->own_uid, (guint)caller->uid);
    return FALSE;
  }
  if (calls->draining) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
    return FALSE;
  }
  return TRUE;
}

/* A call without an interface means the first that has such a member. */
static const WgMethod *find_method(const WgCalls *calls, sd_bus_message *m) {
  const char *interface = sd_bus_message_get_interface(m), *member = sd_bus_message_get_member(m);

  for (guint i = 0; calls->tables[i] != NULL; i++)
    for (const WgMethod *method = calls->tables[i]; method->member != NULL; method++)
      if (strcmp(method->member, member) == 0 &&
          (interface == NULL || strcmp(method->interface, interface) == 0))
        return method;
  return NULL;
}

/* sd-bus owns the descriptor in the message; the call's is a copy. */
static gboolean take_fd(sd_bus_message *m, int *ret, GError **error) {
  int fd = -1, r = sd_bus_message_read_basic(m, SD_BUS_TYPE_UNIX_FD, &fd);

  if (r < 0)
    return wg_error_set_errno(error, r, "the descriptor cannot be read");
  *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return *ret >= 0 || wg_error_set_errno(error, errno, "the descriptor cannot be kept");
}

static gboolean read_args(WgCall *call, GError **error) {
  const char *signature = sd_bus_message_get_signature(call->m, /* complete= */ TRUE);

  if (signature != NULL && signature[0] == SD_BUS_TYPE_UNIX_FD &&
      !take_fd(call->m, &call->fd, error))
    return FALSE;
  call->args = wg_variant_read_all(call->m, error);
  if (call->args == NULL)
    return FALSE;
  gsize n = g_variant_n_children(call->args);
  if (call->method->options == NULL || n == 0)
    return TRUE;
  call->options = g_variant_get_child_value(call->args, n - 1);
  return wg_options_verify(call->method->options, call->options, error) &&
         wg_traceparent_check(wg_call_text(call, WG_TRACEPARENT), error);
}

/* What a caller's trace has of us, wherever nothing else of the call is told. */
static void log_traced(WgCall *call) {
  WgTraceIds ids = wg_trace_ids(wg_call_text(call, WG_TRACEPARENT));

  if (ids.trace[0] != '\0')
    wg_log(LOG_DEBUG, NULL, WG_FIELDS(WG_TRACE_FIELDS(ids)), "uid %u calls %s", (guint)call->uid,
           call->method->member);
}

static void call_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  WgCalls *calls = data;
  const WgMethod *method = find_method(calls, m);
  g_autoptr(GError) error = NULL;

  g_return_if_fail(method != NULL); /* the vtable has what no table has */
  if (!may_enter(calls, m, caller, lookup, &error)) {
    count(calls, method, outcome_of(error));
    reply_error(calls, m, error);
    return;
  }
  WgCall *call = g_new0(WgCall, 1);
  *call = (WgCall){
      .calls = calls,
      .owner = calls->owner,
      .method = method,
      .m = sd_bus_message_ref(m),
      .fd = -1,
      .caller = caller->id,
      .uid = caller->uid,
      .pid = caller->pid,
      .unit = g_strdup(caller->unit),
  };
  if (caller->peer != NULL)
    wg_peer_begin(caller->peer);
  calls->n++;
  wg_call_listen(calls, caller);
  WgCallHandler work = calls->gate != NULL ? calls->gate->allowed : method->handler;
  if (!read_args(call, &error)) {
    wg_call_fail(call, error);
    return;
  }
  log_traced(call);
  if (method->action == NULL)
    work(call);
  else
    wg_call_authorize(call, method->action, work);
}

int wg_calls_enter(WgCalls *calls, sd_bus_message *m) {
  wg_service_with_caller(calls->service, m, call_from, calls);
  return 1;
}

/* bus-call.c: see bus.h. A call that may not enter is answered here; one that may is owed an answer
 * from then on, which keeps the service from leaving. */
#include "deployment/audit.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* About what an answer weighs for the bound on unread bytes. */
#define REPLY_WEIGHT 256

/* NULL: on the bus, a client that is gone, or after the end of the loop. */
static WgPeer *peer_of(DplDaemon *daemon, sd_bus_message *m) {
  WgPeerServer *peers = wg_service_peers(daemon->service);

  return peers != NULL ? wg_peer_from_bus(peers, sd_bus_message_get_bus(m)) : NULL;
}

static void send_reply(DplDaemon *daemon, sd_bus_message *m, sd_bus_message *reply, gsize bytes) {
  WgPeer *peer = peer_of(daemon, m);

  sd_bus_send(NULL, reply, NULL);
  if (peer != NULL)
    wg_peer_charge(peer, bytes);
}

static void reply_error(DplDaemon *daemon, sd_bus_message *m, const GError *error) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(m) <= 0)
    return;
  wg_error_to_bus(error, &e);
  if (sd_bus_message_new_method_error(m, &reply, &e) >= 0)
    send_reply(daemon, m, reply, REPLY_WEIGHT);
  sd_bus_error_free(&e);
  sd_bus_message_unref(reply);
}

static void call_end(DplCall *call) {
  DplDaemon *daemon = call->daemon;
  WgPeer *peer = peer_of(daemon, call->m);

  if (peer != NULL)
    wg_peer_end(peer);
  if (call->data != NULL && call->free_data != NULL)
    call->free_data(call->data);
  if (call->fd >= 0)
    close(call->fd);
  g_clear_pointer(&call->options, g_variant_unref);
  g_clear_pointer(&call->args, g_variant_unref);
  sd_bus_message_unref(call->m);
  g_free(call->unit);
  g_free(call);
  daemon->n_calls--;
  dpl_daemon_maybe_drained(daemon);
}

void dpl_call_answer(DplCall *call, GVariant *result) {
  g_autoptr(GVariant) owned = result != NULL ? g_variant_ref_sink(result) : NULL;
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(call->m) > 0) {
    int r = sd_bus_message_new_method_return(call->m, &reply);
    if (r >= 0 && owned != NULL)
      r = wg_variant_append_children(reply, owned);
    if (r >= 0) {
      send_reply(call->daemon, call->m, reply,
                 REPLY_WEIGHT + (owned != NULL ? g_variant_get_size(owned) : 0));
    } else {
      g_autoptr(GError) error = NULL;
      wg_error_set_errno(&error, r, "the answer cannot be built");
      reply_error(call->daemon, call->m, error);
    }
    sd_bus_message_unref(reply);
  }
  call_end(call);
}

void dpl_call_fail(DplCall *call, const GError *error) {
  if (call->is_audited)
    dpl_audit_refused(call, error);
  reply_error(call->daemon, call->m, error);
  call_end(call);
}

/* ---- what a call says ---- */
char *dpl_call_who(const DplCall *call) {
  return g_strdup_printf("uid:%u", (guint)call->uid);
}

const char *dpl_call_text(DplCall *call, const char *option) {
  const char *text = NULL;

  if (call->options != NULL)
    g_variant_lookup(call->options, option, "&s", &text);
  return text;
}

guint64 dpl_call_number(DplCall *call, const char *option) {
  guint64 number = 0;
  guint32 small = 0;

  if (call->options == NULL || g_variant_lookup(call->options, option, "t", &number))
    return number;
  g_variant_lookup(call->options, option, "u", &small);
  return small;
}

gboolean dpl_call_flag(DplCall *call, const char *option) {
  gboolean flag = FALSE;

  if (call->options != NULL)
    g_variant_lookup(call->options, option, "b", &flag);
  return flag;
}

guint64 dpl_call_id(DplCall *call) {
  g_autoptr(GVariant) id = g_variant_get_child_value(call->args, 0);

  return g_variant_get_uint64(id);
}

/* ---- the way in ---- */
static gboolean may_enter(DplDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                          const GError *lookup, GError **error) {
  if (caller == NULL) {
    g_propagate_error(error, g_error_copy(lookup));
    return FALSE;
  }
  if (!dpl_access_may_enter(daemon, caller->uid)) {
    dpl_access_refused(caller->uid, sd_bus_message_get_member(m));
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "this service deploys for uid %u; uid %u may not use it", (guint)daemon->own_uid,
                (guint)caller->uid);
    return FALSE;
  }
  if (daemon->draining) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
    return FALSE;
  }
  return TRUE;
}

static const DplMethod *find_method(sd_bus_message *m) {
  const char *interface = sd_bus_message_get_interface(m), *member = sd_bus_message_get_member(m);

  for (const DplMethod *method = dpl_methods; method->member != NULL; method++)
    if (strcmp(method->member, member) == 0 && g_strcmp0(method->interface, interface) == 0)
      return method;
  for (const DplMethod *method = dpl_methods; method->member != NULL; method++)
    if (strcmp(method->member, member) == 0 && interface == NULL)
      return method;
  g_return_val_if_reached(dpl_methods);
}

/* sd-bus owns the descriptor in the message; the call's is a copy. */
static gboolean take_fd(sd_bus_message *m, int *ret, GError **error) {
  int fd = -1, r = sd_bus_message_read_basic(m, SD_BUS_TYPE_UNIX_FD, &fd);

  if (r < 0)
    return wg_error_set_errno(error, r, "the descriptor cannot be read");
  *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return *ret >= 0 || wg_error_set_errno(error, errno, "the descriptor cannot be kept");
}

static gboolean read_args(DplCall *call, GError **error) {
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
  return wg_options_verify(call->method->options, call->options, error);
}

static void work(DplCall *call) {
  call->is_audited = call->method->is_audited;
  call->method->handler(call);
}

static void allowed(DplCall *call) {
  if (call->method->is_audited)
    dpl_audit_call(call, work);
  else
    work(call);
}

/* Who may nothing may not fill the disk with entries either. */
static gboolean refusal_is_audited(const DplCall *call) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 60};
  guint suppressed;

  return call->method->is_audited && wg_log_rate_ok(&rate, &suppressed);
}

static void polkit_said(sd_bus_message *m, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL) {
    if (!g_error_matches(error, WG_ERROR, WG_ERROR_INTERACTIVE))
      dpl_access_refused(call->uid, call->method->member);
    call->is_audited = refusal_is_audited(call);
    dpl_call_fail(call, error);
    return;
  }
  call->by_action = TRUE;
  dpl_signals_authorized(call->daemon, call->caller);
  allowed(call);
}

static void enter(DplCall *call, WgCaller *caller) {
  DplDaemon *daemon = call->daemon;
  const char *action = call->method->action;

  dpl_signals_listen(daemon, caller);
  if (action == NULL || dpl_access_is_admin(daemon, call->uid))
    allowed(call);
  else
    wg_polkit_check(wg_service_polkit(daemon->service),
                    dpl_access_door(daemon, sd_bus_message_get_bus(call->m)), call->m, call->uid,
                    action, /* details= */ NULL, polkit_said, call);
}

static void call_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  DplDaemon *daemon = data;
  g_autoptr(GError) error = NULL;

  if (!may_enter(daemon, m, caller, lookup, &error)) {
    reply_error(daemon, m, error);
    return;
  }
  DplCall *call = g_new0(DplCall, 1);
  *call = (DplCall){
      .daemon = daemon,
      .method = find_method(m),
      .m = sd_bus_message_ref(m),
      .fd = -1,
      .caller = caller->id,
      .uid = caller->uid,
      .pid = caller->pid,
      .unit = g_strdup(caller->unit),
  };
  if (caller->peer != NULL)
    wg_peer_begin(caller->peer);
  daemon->n_calls++;
  if (read_args(call, &error))
    enter(call, caller);
  else
    dpl_call_fail(call, error);
}

int dpl_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DplDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, call_from, daemon);
  return 1;
}

/* polkit.c: asking polkit, asynchronously.
 *
 * The subject is the caller's unique name on the system bus: polkitd looks up who that is itself,
 * so no pid can be reused between question and answer. Every question carries a cancellation id,
 * so that a dialog does not outlive our interest in it.
 *
 * Invariants: each check calls back exactly once; a check is pending until just before that; the
 * default of every branch is no.
 *
 * It must never block, never let pass what it could not ask about, never ask on the private
 * socket (such a client has no name on the bus that polkitd could look up). */
#include "common/polkit.h"
#include "common/error.h"
#include "common/log.h"

#include <unistd.h>

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_IFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ERROR_CANCELLED "org.freedesktop.PolicyKit1.Error.Cancelled"

#define FLAG_ALLOW_INTERACTION 1u
#define TIMEOUT_USEC (25 * (guint64)G_USEC_PER_SEC)
#define TIMEOUT_INTERACTIVE_USEC (300 * (guint64)G_USEC_PER_SEC)

struct WgPolkit {
  sd_bus *bus;
  uid_t own_uid;
  GHashTable *pending; /* set of Check */
  guint64 last_id;
  guint64 timeout, interactive_timeout; /* usec */
};

typedef struct {
  WgPolkit *polkit;
  sd_bus_message *call;
  sd_bus_slot *slot;
  char *action;
  char *id; /* cancellation */
  gboolean interactive;
  WgPolkitFunc done;
  gpointer user_data;
} Check;

static void check_free(Check *c) {
  sd_bus_slot_unref(c->slot);
  sd_bus_message_unref(c->call);
  g_free(c->action);
  g_free(c->id);
  g_free(c);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Check, check_free)

/* The last thing that happens to a check; the callback may free the whole WgPolkit. */
static void check_finish(Check *check, const GError *error) {
  g_autoptr(Check) c = check;
  g_hash_table_remove(c->polkit->pending, c);
  c->polkit = NULL;
  c->done(c->call, error, c->user_data);
}

/* Nobody waits for the answer to this: what was asked has been refused already. */
static void check_cancel(Check *c) {
  sd_bus_message *m = NULL;
  if (sd_bus_message_new_method_call(c->polkit->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_IFACE,
                                     "CancelCheckAuthorization") < 0)
    return;
  if (sd_bus_message_set_expect_reply(m, 0) >= 0 && sd_bus_message_set_auto_start(m, 0) >= 0 &&
      sd_bus_message_append(m, "s", c->id) >= 0)
    (void)sd_bus_send(c->polkit->bus, m, NULL);
  sd_bus_message_unref(m);
}

static void log_failure(Check *c, const char *why) {
  static WgLogRate rate = {.interval_usec = 10 * G_USEC_PER_SEC, .burst = 5};
  guint n_left_out = 0;
  if (!wg_log_rate_ok(&rate, &n_left_out))
    return;
  g_autofree char *more =
      n_left_out > 0 ? g_strdup_printf(" (%u such lines were left out)", n_left_out) : NULL;
  wg_log(LOG_WARNING, WG_MSG_POLKIT_FAILED, WG_FIELDS(WG_FIELD_ERROR, why),
         "polkit gave no answer about %s, refusing: %s%s", c->action, why, more ? more : "");
}

static GError *no_answer(Check *c, const sd_bus_error *e) {
  const char *why = e->message && e->message[0] ? e->message : e->name;
  if (sd_bus_error_has_name(e, POLKIT_ERROR_CANCELLED))
    return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED, "The authorization of %s was cancelled",
                       c->action);
  if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) ||
      sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT))
    check_cancel(c);
  log_failure(c, why);
  if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
      sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
    return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                       "%s needs polkit, which is not running here: only root may do this",
                       c->action);
  return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                     "polkit could not be asked whether %s is allowed: %s", c->action, why);
}

/* TRUE and `*ret_dismissed`; FALSE for details that are not a{ss}. */
static gboolean read_dismissed(sd_bus_message *m, gboolean *ret_dismissed) {
  const char *key = NULL, *value = NULL;
  gboolean dismissed = FALSE;
  int r = sd_bus_message_enter_container(m, 'a', "{ss}");
  while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
    dismissed = dismissed || g_str_equal(key, "polkit.dismissed");
  if (r < 0)
    return FALSE;
  *ret_dismissed = dismissed;
  return TRUE;
}

/* NULL: yes. */
static GError *read_answer(Check *c, sd_bus_message *m) {
  int authorized = 0, challenge = 0;
  gboolean dismissed = FALSE;

  if (sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 ||
      sd_bus_message_read(m, "bb", &authorized, &challenge) < 0 || !read_dismissed(m, &dismissed)) {
    log_failure(c, "its answer cannot be read");
    return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                       "The answer of polkit about %s cannot be read", c->action);
  }
  if (authorized)
    return NULL;
  if (dismissed)
    return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                       "The request to authorize %s was dismissed", c->action);
  if (challenge && !c->interactive)
    return g_error_new(WG_ERROR, WG_ERROR_INTERACTIVE,
                       "%s needs an interactive authorization: repeat the call with interaction "
                       "allowed (busctl: --allow-interactive-authorization=yes)",
                       c->action);
  return g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                     "polkit does not allow %s: be root, or ask an administrator (whom it is for: "
                     "pkaction --verbose --action-id %s)",
                     c->action, c->action);
}

static int on_answer(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  Check *c = user_data;
  const sd_bus_error *failure = sd_bus_message_get_error(m);
  g_autoptr(GError) error = failure ? no_answer(c, failure) : read_answer(c, m);
  check_finish(c, error);
  return 0;
}

static int append_details(sd_bus_message *m, const char *const *details) {
  int r = sd_bus_message_open_container(m, 'a', "{ss}");
  for (; r >= 0 && details && details[0] && details[1]; details += 2)
    r = sd_bus_message_append(m, "{ss}", details[0], details[1]);
  return r < 0 ? r : sd_bus_message_close_container(m);
}

static int ask(Check *c, const char *sender, const char *const *details) {
  WgPolkit *p = c->polkit;
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(p->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_IFACE,
                                         "CheckAuthorization");
  if (r >= 0)
    r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s", sender, c->action);
  if (r >= 0)
    r = append_details(m, details);
  if (r >= 0)
    r = sd_bus_message_append(m, "us", c->interactive ? FLAG_ALLOW_INTERACTION : 0u, c->id);
  if (r >= 0)
    r = sd_bus_call_async(p->bus, &c->slot, m, on_answer, c,
                          c->interactive ? p->interactive_timeout : p->timeout);
  sd_bus_message_unref(m);
  return r;
}

static void begin(WgPolkit *polkit, sd_bus_message *call, const char *sender, const char *action,
                  const char *const *details, WgPolkitFunc done, gpointer user_data) {
  Check *c = g_new0(Check, 1);
  c->polkit = polkit;
  c->call = sd_bus_message_ref(call);
  c->action = g_strdup(action);
  /* polkitd keeps the ids of each of its clients apart */
  c->id = g_strdup_printf("%" G_GUINT64_FORMAT, ++polkit->last_id);
  c->interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;
  c->done = done;
  c->user_data = user_data;
  g_hash_table_add(polkit->pending, c);
  int r = ask(c, sender, details);
  if (r >= 0)
    return;
  log_failure(c, g_strerror(-r));
  g_autoptr(GError) error =
      g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                  "polkit could not be asked whether %s is allowed: %s", action, g_strerror(-r));
  check_finish(c, error);
}

void wg_polkit_check(WgPolkit *polkit, WgPolkitDoor door, sd_bus_message *call, uid_t uid,
                     const char *action, const char *const *details, WgPolkitFunc done,
                     gpointer user_data) {
  const char *sender = sd_bus_message_get_sender(call);
  g_autoptr(GError) error = NULL;

  if (uid == 0 || uid == polkit->own_uid) {
    done(call, NULL, user_data);
    return;
  }
  if (door == WG_POLKIT_SYSTEM_BUS && polkit->bus && sender) {
    begin(polkit, call, sender, action, details, done, user_data);
    return;
  }
  if (door == WG_POLKIT_SYSTEM_PRIVATE)
    error = g_error_new(WG_ERROR, WG_ERROR_INTERACTIVE,
                        "%s needs an authorization by polkit, which the private socket cannot ask "
                        "for: repeat the call on the system bus",
                        action);
  else if (door == WG_POLKIT_USER)
    error = g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                        "%s is for the user who runs this service only", action);
  else
    error = g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                        "%s needs an authorization by polkit and the system bus is not connected: "
                        "only root may do this now",
                        action);
  done(call, error, user_data);
}

WgPolkit *wg_polkit_new(sd_bus *bus) {
  WgPolkit *polkit = g_new0(WgPolkit, 1);
  polkit->bus = sd_bus_ref(bus);
  polkit->own_uid = geteuid();
  polkit->pending = g_hash_table_new(NULL, NULL);
  wg_polkit_set_timeout(polkit, TIMEOUT_USEC, TIMEOUT_INTERACTIVE_USEC);
  return polkit;
}

void wg_polkit_set_timeout(WgPolkit *polkit, guint64 usec, guint64 interactive_usec) {
  polkit->timeout = usec;
  polkit->interactive_timeout = interactive_usec;
}

guint wg_polkit_n_pending(WgPolkit *polkit) {
  return g_hash_table_size(polkit->pending);
}

void wg_polkit_free(WgPolkit *polkit) {
  if (!polkit)
    return;
  g_autoptr(GError) error = g_error_new_literal(
      WG_ERROR, WG_ERROR_SHUTTING_DOWN, "The service is leaving and asks polkit nothing any more");
  g_autoptr(GList) pending = g_hash_table_get_keys(polkit->pending);
  for (GList *l = pending; l; l = l->next)
    check_cancel(l->data);
  /* a callback that asks again is refused at once */
  sd_bus *bus = g_steal_pointer(&polkit->bus);
  for (GList *l = pending; l; l = l->next)
    check_finish(l->data, error);
  g_hash_table_unref(polkit->pending);
  sd_bus_unref(bus);
  g_free(polkit);
}

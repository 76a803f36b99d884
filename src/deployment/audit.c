/* audit.c: see audit.h. */
#include "deployment/audit.h"

#include "deployment/record-private.h"

#include "common/audit-chain.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

gboolean dpl_audit_add(DplStore *store, JsonObject *what) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

  json_node_set_object(node, what);
  g_autofree char *text = json_to_string(node, FALSE);
  return dpl_audit_append(store, wg_time_realtime(), text);
}

/* The first argument says what it is about: a number or a name. With a document it is only where
 * paths begin, and the document says the rest. */
static void add_subject(DplCall *call, JsonObject *what) {
  const DplAuditAbout *about = call->gate_data;
  g_autoptr(GVariant) first = NULL;

  if (about != NULL) {
    dpl_json_set_text(what, "subject", about->subject);
    dpl_json_set_text(what, "manifest", about->manifest);
    dpl_json_set_text(what, "document", about->document);
  }
  if (g_variant_n_children(call->args) == 0)
    return;
  first = g_variant_get_child_value(call->args, 0);
  if (g_variant_is_of_type(first, G_VARIANT_TYPE_UINT64))
    json_object_set_int_member(what, "deployment", (gint64)g_variant_get_uint64(first));
  else if (g_variant_is_of_type(first, G_VARIANT_TYPE_STRING))
    json_object_set_string_member(what, call->fd >= 0 ? "base" : "subject",
                                  g_variant_get_string(first, NULL));
}

JsonObject *dpl_audit_words(DplCall *call) {
  g_autofree char *who = wg_call_who(call);
  g_autofree char *trace = wg_traceparent_same(wg_call_text(call, WG_TRACEPARENT));
  JsonObject *what = json_object_new();

  json_object_set_string_member(what, "call", call->method->member);
  json_object_set_string_member(what, "who", who);
  json_object_set_int_member(what, "pid", call->pid);
  dpl_json_set_text(what, "unit", call->unit);
  dpl_json_set_text(what, "action", call->method->action);
  json_object_set_string_member(what, "by", call->by_action ? "polkit" : "uid");
  dpl_json_set_text(what, WG_TRACEPARENT, trace);
  add_subject(call, what);
  return what;
}

/* ---- a call that is refused ---- */
typedef struct {
  DplCall *call; /* NULL: it is refused, and not waited for */
  JsonObject *what;
} Asked;

static void asked_free(gpointer data) {
  Asked *asked = data;

  json_object_unref(asked->what);
  g_free(asked);
}

static JsonNode *write_entry(DplStore *store, gpointer question, GError **error) {
  dpl_audit_add(store, ((Asked *)question)->what);
  return NULL;
}

static void not_written(JsonNode *node, const GError *error, gpointer data) {
  if (error != NULL)
    wg_log(LOG_WARNING, WG_MSG_AUDIT_BROKEN, WG_FIELDS(WG_FIELD_ERROR, error->message),
           "A refused call is missing in the audit log: %s", error->message);
}

static void note_refused(DplCall *call, const GError *error) {
  Asked *asked = g_new0(Asked, 1);
  sd_bus_error e = SD_BUS_ERROR_NULL;

  *asked = (Asked){.what = dpl_audit_words(call)};
  wg_error_to_bus(error, &e);
  json_object_set_string_member(asked->what, "result", "refused");
  dpl_json_set_text(asked->what, "error", e.name);
  sd_bus_error_free(&e);
  dpl_ask(dpl_daemon(call)->store, write_entry, asked, asked_free, FALSE, not_written, NULL);
}

/* Who may nothing may not fill the disk with entries either. */
static void refused(DplCall *call, const GError *error) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 60};
  guint suppressed;

  if (call->method->is_audited && wg_log_rate_ok(&rate, &suppressed))
    note_refused(call, error);
}

/* ---- a call that is allowed ---- */
static void work(DplCall *call) {
  call->failing = note_refused;
  call->method->handler(call);
}

static void written(JsonNode *node, const GError *error, gpointer data) {
  Asked *asked = data;

  if (error == NULL) {
    work(asked->call);
    return;
  }
  g_autoptr(GError) why = g_error_copy(error);
  g_prefix_error(&why, "it is not done, since the audit log cannot be written: ");
  wg_call_fail(asked->call, why);
}

/* Ending what is under way has to be possible on a full disk: the reserve is for that. */
static gboolean is_new_work(const DplMethod *method) {
  return g_str_equal(method->action, DPL_ACTION_DEPLOY) ||
         g_str_equal(method->action, DPL_ACTION_ROLLBACK);
}

static void enter(DplCall *call) {
  Asked *asked = g_new0(Asked, 1);
  *asked = (Asked){call, dpl_audit_words(call)};
  dpl_ask(dpl_daemon(call)->store, write_entry, asked, asked_free, is_new_work(call->method),
          written, asked);
}

static void read_about(DplCall *call, DplAuditAbout *about, const GError *error) {
  call->gate_data = about;
  call->free_gate_data = (GDestroyNotify)dpl_audit_about_free;
  if (error == NULL) {
    enter(call);
    return;
  }
  note_refused(call, error);
  wg_call_fail(call, error);
}

static void allowed(DplCall *call) {
  if (!call->method->is_audited)
    call->method->handler(call);
  else if (call->fd >= 0)
    dpl_audit_about(call, read_about);
  else
    enter(call);
}

const WgCallGate dpl_audit_gate = {allowed, refused};

/* ---- the anchor ---- */
static JsonNode *read_head(DplStore *store, gpointer question, GError **error) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1");
  char hex[2 * WG_AUDIT_HASH_SIZE + 1];

  if (stmt == NULL || !wg_records_row(store, stmt) ||
      sqlite3_column_bytes(stmt, 1) != WG_AUDIT_HASH_SIZE)
    return NULL;
  JsonObject *head = json_object_new();
  wg_audit_hex(sqlite3_column_blob(stmt, 1), hex);
  json_object_set_int_member(head, "n", sqlite3_column_int64(stmt, 0));
  json_object_set_string_member(head, "hash", hex);
  return dpl_json_node(head);
}

static void log_head(JsonNode *node, const GError *error, gpointer data) {
  if (node == NULL)
    return;
  JsonObject *head = json_node_get_object(node);
  g_autofree char *n = g_strdup_printf("%" G_GINT64_FORMAT, json_object_get_int_member(head, "n"));
  const char *hash = json_object_get_string_member(head, "hash");
  wg_log(LOG_INFO, WG_MSG_AUDIT_ANCHOR, WG_FIELDS(WG_FIELD_COUNT, n, WG_FIELD_AUDIT_HASH, hash),
         "The audit log has %s entries; the hash of the newest is %s", n, hash);
}

void dpl_audit_anchor(DplDaemon *daemon) {
  dpl_ask(daemon->store, read_head, NULL, NULL, FALSE, log_head, NULL);
}

/* type.c: the back-end "type": the typist types a doorbell, or the body, into a window.
 *
 * The courier never touches the display: waggle-typist does, which is reached over D-Bus only and
 * may die at any time. When it does so after it was asked, nobody knows what was typed: partial,
 * which is never tried again by itself. */
#include "delivery/backend.h"

#include "common/error.h"
#include "common/names.h"
#include "common/nearest.h"

#include <string.h>

/* of the common key */
#define TIMEOUT_DEFAULT (30 * G_TIME_SPAN_SECOND)

static const DlvOption options[] = {
    {"target", DLV_OBJECT, TRUE, 0, 0,
     "the window: class, title, title-regex, pid, unit, window, or x and y; all that is said has "
     "to fit"},
    {"body", DLV_BOOL, FALSE, 0, 0, "type the message itself instead of the doorbell; false"},
    {"profile", DLV_TEXT, FALSE, 0, 0, "how to type; default: the one that fits the window"},
    {"submit", DLV_BOOL, FALSE, 0, 0, "press the profile's submit key at the end; true"},
    {"idle", DLV_TIME, FALSE, 0, G_TIME_SPAN_DAY,
     "hold while a human typed there within this time; 30s"},
    {"draft", DLV_TEXT, FALSE, 0, 0,
     "a text field that has text already: hold (default) or ignore"},
    {"restore", DLV_BOOL, FALSE, 0, 0, "put focus and pointer back afterwards; true"},
    {NULL},
};

typedef struct {
  const char *name;
  enum { TARGET_TEXT, TARGET_UNSIGNED, TARGET_SIGNED } type;
} TargetKey;
static const TargetKey target_keys[] = {
    {"class", TARGET_TEXT},   {"title", TARGET_TEXT}, {"title-regex", TARGET_TEXT},
    {"pid", TARGET_UNSIGNED}, {"unit", TARGET_TEXT},  {"window", TARGET_UNSIGNED},
    {"x", TARGET_SIGNED},     {"y", TARGET_SIGNED},
};

typedef struct {
  DlvCourier *courier;
  JsonObject *target, *given;
  gboolean body;
  sd_bus_slot *slot;
  DlvJob *job;
} Type;

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean refuse(GError **error, const char *format, ...) {
  va_list list;

  va_start(list, format);
  *error = g_error_new_valist(WG_ERROR, WG_ERROR_INVALID_ARGUMENT, format, list);
  va_end(list);
  return FALSE;
}

static const TargetKey *target_key(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(target_keys); i++)
    if (g_str_equal(target_keys[i].name, name))
      return &target_keys[i];
  return NULL;
}

static gboolean check_member(const char *name, JsonNode *node, GError **error) {
  const TargetKey *key = target_key(name);
  const char *names[G_N_ELEMENTS(target_keys) + 1] = {NULL};

  for (guint i = 0; i < G_N_ELEMENTS(target_keys); i++)
    names[i] = target_keys[i].name;
  if (!key) {
    g_autofree char *hint = wg_nearest_hint(name, names);
    return refuse(error, "\"target\" knows no \"%.40s\"%s%s", name, hint ? "; " : "", hint ?: "");
  }
  GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
  if (key->type == TARGET_TEXT)
    return (type == G_TYPE_STRING && *json_node_get_string(node)) ||
           refuse(error, "\"target\": \"%s\" has to be a text", name);
  if (type != G_TYPE_INT64)
    return refuse(error, "\"target\": \"%s\" has to be a whole number", name);
  gint64 n = json_node_get_int(node);
  if (key->type == TARGET_UNSIGNED)
    return (n > 0 && n <= G_MAXUINT32) ||
           refuse(error, "\"target\": \"%s\" has to lie between 1 and %u", name, G_MAXUINT32);
  return (n >= G_MININT16 && n <= G_MAXINT16) ||
         refuse(error, "\"target\": \"%s\" lies on no screen", name);
}

static gboolean check_target(JsonObject *target, GError **error) {
  g_autoptr(GList) names = json_object_get_members(target);

  for (GList *l = names; l; l = l->next)
    if (!check_member(l->data, json_object_get_member(target, l->data), error))
      return FALSE;
  if (!names)
    return refuse(error, "\"target\" says of no window how it is found");
  if (json_object_has_member(target, "x") != json_object_has_member(target, "y"))
    return refuse(error, "\"target\": x and y go together");
  return TRUE;
}

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *given,
                          GError **error) {
  JsonObject *target = json_object_get_object_member(given, "target");
  const char *draft = dlv_option_text(given, "draft", "hold");

  if (!check_target(target, error))
    return NULL;
  if (!g_str_equal(draft, "hold") && !g_str_equal(draft, "ignore")) {
    refuse(error, "\"draft\" is hold or ignore, not '%.40s'", draft);
    return NULL;
  }
  Type *t = g_new0(Type, 1);
  t->courier = courier;
  t->given = json_object_ref(given);
  t->target = json_object_ref(target);
  t->body = dlv_option_bool(given, "body", FALSE);
  return t;
}

static void type_free(gpointer state) {
  Type *t = state;

  sd_bus_slot_unref(t->slot);
  json_object_unref(t->target);
  json_object_unref(t->given);
  g_free(t);
}

/* A body is typed by itself; one doorbell tells of all. */
static guint room(gpointer state) {
  return ((Type *)state)->body ? 1 : 256;
}

static void settle(Type *t, DlvResult result, guint64 retry_usec, const char *cause) {
  DlvJob *job = g_steal_pointer(&t->job);

  t->slot = sd_bus_slot_unref(t->slot);
  dlv_job_report_all(job, result, retry_usec, cause);
}

/* What the typist did before it went away nobody knows; what it said itself is true. */
static DlvResult result_of_error(const sd_bus_error *e) {
  static const char *const unknown[] = {SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                                        SD_BUS_ERROR_DISCONNECTED};

  for (guint i = 0; i < G_N_ELEMENTS(unknown); i++)
    if (sd_bus_error_has_name(e, unknown[i]))
      return DLV_PARTIAL;
  return DLV_FAILED;
}

static void take_answer(Type *t, sd_bus_message *m) {
  const char *result, *cause = NULL, *key;
  guint64 retry = 0;

  int r = sd_bus_message_read(m, "s", &result);
  if (r >= 0)
    r = sd_bus_message_enter_container(m, 'a', "{sv}");
  while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
    r = sd_bus_message_read(m, "s", &key);
    if (r >= 0 && g_str_equal(key, "cause"))
      r = sd_bus_message_read(m, "v", "s", &cause);
    else if (r >= 0 && g_str_equal(key, "retry-after"))
      r = sd_bus_message_read(m, "v", "t", &retry);
    else if (r >= 0)
      r = sd_bus_message_skip(m, "v");
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  if (r < 0)
    settle(t, DLV_PARTIAL, 0, "the typist's answer cannot be read");
  else
    settle(t,
           g_str_equal(result, "typed")    ? DLV_ANNOUNCED
           : g_str_equal(result, "held")   ? DLV_HELD
           : g_str_equal(result, "failed") ? DLV_FAILED
                                           : DLV_PARTIAL,
           retry, cause);
}

static int on_typed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Type *t = data;

  if (!e) {
    take_answer(t, m);
    return 1;
  }
  if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN)) {
    settle(t, DLV_FAILED, 0, "waggle-typist is not there; is its package installed?");
    return 1;
  }
  g_autofree char *cause = g_strdup_printf("the typist: %s", e->message ?: e->name);
  settle(t, result_of_error(e), 0, cause);
  return 1;
}

static int append_target(const Type *t, sd_bus_message *m) {
  int r = sd_bus_message_open_container(m, 'a', "{sv}");

  for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(target_keys); i++) {
    JsonNode *node = json_object_get_member(t->target, target_keys[i].name);
    const char *name = target_keys[i].name;
    if (node && target_keys[i].type == TARGET_TEXT)
      r = sd_bus_message_append(m, "{sv}", name, "s", json_node_get_string(node));
    else if (node && target_keys[i].type == TARGET_UNSIGNED)
      r = sd_bus_message_append(m, "{sv}", name, "u", (guint32)json_node_get_int(node));
    else if (node)
      r = sd_bus_message_append(m, "{sv}", name, "i", (gint32)json_node_get_int(node));
  }
  return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Only what the policy says: what it leaves out the typist decides. */
static int append_options(const Type *t, sd_bus_message *m) {
  static const char *const texts[] = {"profile", "draft"}, *const switches[] = {"submit",
                                                                                "restore"};
  int r = sd_bus_message_open_container(m, 'a', "{sv}");

  for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(texts); i++)
    if (json_object_has_member(t->given, texts[i]))
      r = sd_bus_message_append(m, "{sv}", texts[i], "s", dlv_option_text(t->given, texts[i], ""));
  for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(switches); i++)
    if (json_object_has_member(t->given, switches[i]))
      r = sd_bus_message_append(m, "{sv}", switches[i], "b",
                                (int)dlv_option_bool(t->given, switches[i], TRUE));
  if (r >= 0) /* it gives up before the core does, so that it can say how far it came */
    r = sd_bus_message_append(m, "{sv}", "timeout", "t",
                              dlv_option_time(t->given, "timeout", TIMEOUT_DEFAULT) / 10 * 9);
  if (r >= 0 && json_object_has_member(t->given, "idle"))
    r = sd_bus_message_append(m, "{sv}", "idle", "t", dlv_option_time(t->given, "idle", 0));
  return r < 0 ? r : sd_bus_message_close_container(m);
}

static int call_typist(Type *t, sd_bus *bus, const char *text) {
  sd_bus_message *m = NULL;

  int r = sd_bus_message_new_method_call(bus, &m, WG_BUS_TYPING, WG_PATH_TYPING, WG_IFACE_TYPING,
                                         "Type");
  if (r >= 0)
    r = sd_bus_message_append(m, "s", text);
  if (r >= 0)
    r = append_target(t, m);
  if (r >= 0)
    r = append_options(t, m);
  if (r >= 0) /* the core's time limit is the one that counts; cancel() ends the call */
    r = sd_bus_call_async(bus, &t->slot, m, on_typed, t, G_MAXUINT64);
  sd_bus_message_unref(m);
  return r;
}

static char *text_of(const Type *t, const DlvJob *job) {
  gsize size = 0;

  if (!t->body)
    return g_strdup(job->doorbell);
  const char *data = job->messages[0].body ? g_bytes_get_data(job->messages[0].body, &size) : NULL;
  return size && g_utf8_validate_len(data, size, NULL) ? g_strndup(data, size) : NULL;
}

static void run(gpointer state, DlvJob *job) {
  Type *t = state;
  sd_bus *bus = dlv_courier_bus(t->courier);
  g_autofree char *text = text_of(t, job);

  t->job = job;
  if (!bus)
    settle(t, DLV_HELD, 0, "there is no session here, so nothing can be typed");
  else if (!text)
    settle(t, DLV_FAILED, 0, "the body is no text that could be typed");
  else if (call_typist(t, bus, text) < 0)
    settle(t, DLV_FAILED, 0, "the typist cannot be called");
}

static void cancel(gpointer state, DlvJob *job) {
  Type *t = state;

  if (t->job == job)
    settle(t, DLV_PARTIAL, 0, "the typist did not answer in time; something may have been typed");
}

const DlvBackendClass dlv_backend_type = {
    .name = "type",
    .summary = "keys into a window, through waggle-typist",
    .flags = DLV_BODIES,
    .options = options,
    .configure = configure,
    .free = type_free,
    .room = room,
    .run = run,
    .cancel = cancel,
};

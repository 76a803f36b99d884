/* type-dbus.c: a name on a message bus: somebody owns it, and what he answers.
 *
 * Nothing is started by looking: a name without an owner that could be activated is one without an
 * owner, unless "start" is asked for. */
#include "checks/bus-json.h"
#include "checks/local.h"
#include "checks/pending.h"
#include "checks/proc.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include "common/bus-variant.h"
#include "common/names.h"

#include <string.h>

static const ChkKey options[] = {
    {"bus", CHK_TEXT, "system or user; default: the scope's own"},
    {"path", CHK_TEXT, "object path; default: the name with '/' for '.'"},
    {"interface", CHK_TEXT, "interface of the property or method; default: the name"},
    {"property", CHK_TEXT, "property whose value is read; it has to be answered"},
    {"method", CHK_TEXT, "method that is called; it has to be answered"},
    {"arguments", CHK_TEXTS, "its arguments, all of them texts"},
    {"start", CHK_BOOL, "start the service when nobody owns the name"},
    {NULL},
};

static const ChkKey values[] = {
    {"owned", CHK_BOOL, "somebody owns the name"},
    {"owner", CHK_TEXT, "the unique name of the owner"},
    {"pid", CHK_INT, "process of the owner"},
    {"unit", CHK_TEXT, "systemd unit of that process"},
    {"answers", CHK_BOOL, "the owner answered the call; without a property or method, a ping"},
    {"value", CHK_JSON, "the property, or what the method gave (more than one: a list)"},
    {"error", CHK_TEXT, "name and text of the error that came instead"},
    {"time", CHK_USEC, "the call took"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  sd_bus *bus;
  sd_bus_slot *slot;
  JsonObject *seen;
  gint64 begin;
} Look;

static void finish(Look *l) {
  ChkSight sight = {0};

  sd_bus_slot_unref(l->slot);
  sd_bus_unref(l->bus);
  chk_observed(&sight, l->seen);
  chk_pending_end(&l->pending, &sight);
  g_free(l);
}

static void finish_error(Look *l, const char *name, const char *text) {
  g_autofree char *both = g_strdup_printf("%s%s%s", name ? name : "", name ? ": " : "", text);

  chk_set_text(l->seen, "error", both);
  finish(l);
}

static void stop(gpointer owner) {
  Look *l = owner;

  json_object_set_boolean_member(l->seen, "answers", FALSE);
  finish_error(l, NULL, "no answer within the time limit");
}

/* One value stands for itself. */
static gboolean read_reply(sd_bus_message *m, Look *l, GError **error) {
  g_autoptr(GVariant) all = wg_variant_read_all(m, error);
  gsize n = all ? g_variant_n_children(all) : 0;

  if (all == NULL)
    return FALSE;
  g_autoptr(GVariant) only = n == 1 ? g_variant_get_child_value(all, 0) : NULL;
  if (n > 0)
    json_object_set_member(l->seen, "value", chk_bus_json(only ? only : all));
  return TRUE;
}

static int on_answer(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  g_autoptr(GError) error = NULL;
  Look *l = data;

  json_object_set_boolean_member(l->seen, "answers", e == NULL);
  json_object_set_int_member(l->seen, "time", g_get_monotonic_time() - l->begin);
  if (e)
    finish_error(l, e->name, e->message ? e->message : "");
  else if (!read_reply(m, l, &error))
    finish_error(l, NULL, error->message);
  else
    finish(l);
  return 1;
}

/* What is asked of the owner: a property, a method, or only a sign of life. */
static int make_call(const Look *l, sd_bus_message **ret) {
  ChkLook *look = l->pending.look;
  g_autofree char *path = g_strconcat("/", look->subject, NULL);
  const char *interface = chk_option_text(look, "interface", look->subject);
  const char *property = chk_option_text(look, "property", NULL);
  const char *method = chk_option_text(look, "method", NULL);
  g_auto(GStrv) arguments = chk_option_texts(look, "arguments");

  g_strdelimit(path, ".", '/');
  const char *at = chk_option_text(look, "path", path);
  if (property) {
    int r =
        sd_bus_message_new_method_call(l->bus, ret, look->subject, at, WG_IFACE_PROPERTIES, "Get");
    return r < 0 ? r : sd_bus_message_append(*ret, "ss", interface, property);
  }
  int r = sd_bus_message_new_method_call(
      l->bus, ret, look->subject, at, method ? interface : WG_IFACE_PEER, method ? method : "Ping");
  for (guint i = 0; r >= 0 && method && arguments[i]; i++)
    r = sd_bus_message_append(*ret, "s", arguments[i]);
  return r;
}

static void ask(Look *l) {
  sd_bus_message *call = NULL;
  ChkLook *look = l->pending.look;

  l->begin = g_get_monotonic_time();
  l->slot = sd_bus_slot_unref(l->slot);
  int r = make_call(l, &call);
  if (r >= 0)
    r = sd_bus_message_set_auto_start(call, chk_option_bool(look, "start", FALSE));
  if (r >= 0)
    r = sd_bus_call_async(l->bus, &l->slot, call, on_answer, l, chk_pending_left(&l->pending));
  sd_bus_message_unref(call);
  if (r < 0)
    finish_error(l, NULL, g_strerror(-r));
}

static int on_pid(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Look *l = data;
  guint32 pid;

  /* gone between the two questions: the call tells */
  if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "u", &pid) >= 0) {
    g_autofree char *unit = chk_process_unit((pid_t)pid);
    json_object_set_int_member(l->seen, "pid", pid);
    chk_set_text(l->seen, "unit", unit);
  }
  ask(l);
  return 1;
}

static void ask_broker(Look *l, const char *method, sd_bus_message_handler_t handler) {
  l->slot = sd_bus_slot_unref(l->slot);
  int r = sd_bus_call_method_async(l->bus, &l->slot, WG_BUS_BROKER, WG_PATH_BROKER, WG_BUS_BROKER,
                                   method, handler, l, "s", l->pending.look->subject);
  if (r < 0)
    finish_error(l, NULL, g_strerror(-r));
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  gboolean owned = !sd_bus_message_is_method_error(m, NULL);
  Look *l = data;
  ChkLook *look = l->pending.look;
  const char *owner;

  json_object_set_boolean_member(l->seen, "owned", owned);
  if (owned && sd_bus_message_read(m, "s", &owner) >= 0)
    chk_set_text(l->seen, "owner", owner);
  if (owned && (chk_wants(look, "pid") || chk_wants(look, "unit")))
    ask_broker(l, "GetConnectionUnixProcessID", on_pid);
  else if (owned || chk_option_bool(look, "start", FALSE))
    ask(l);
  else
    finish(l);
  return 1;
}

static sd_bus *open_bus(ChkLook *look, GError **error) {
  const char *which = chk_option_text(look, "bus", NULL);

  if (which == NULL)
    return chk_world_manager(look->world, error);
  return g_str_equal(which, "user") ? chk_world_user_bus(look->world, error)
                                    : chk_world_system_bus(look->world, error);
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  g_autoptr(GError) error = NULL;
  sd_bus *bus = open_bus(look, &error);
  ChkSight sight = {0};

  if (bus == NULL) {
    chk_unknown(&sight, "%s", error->message);
    seen(&sight, user_data);
    return;
  }
  Look *l = g_new0(Look, 1);
  l->bus = sd_bus_ref(bus);
  l->seen = json_object_new();
  chk_pending_begin(&l->pending, look, seen, user_data, stop, l);
  ask_broker(l, "GetNameOwner", on_owner);
}

static const char *const of_call[] = {"answers", "value", "error", "time", NULL};
static const ChkAsked asked[] = {
    {"property", of_call, "{\"answers\": true}"},
    {"method", of_call, "{\"answers\": true}"},
    {NULL},
};

const ChkType chk_type_dbus = {
    .name = "dbus",
    .subject_help = "bus name",
    .options = options,
    .values = values,
    .default_value = "{\"owned\": true}",
    .asked = asked,
    .start = start,
    .validate = chk_subject_dbus,
};

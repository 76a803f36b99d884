/* world.c: see world.h. Buses are opened on first use, without waiting: sd-bus queues what is sent
 * before the connection stands. A bus that is lost is dropped and opened anew at the next use. */
#include "checks/world.h"

#include "common/bus-source.h"

#include <string.h>

typedef struct {
  sd_bus *bus; /* owned with its source; borrowed without */
  GSource *source;
} Bus;

struct ChkWorld {
  gatomicrefcount n_refs;
  gboolean user_scope;
  char *root;
  Bus system, user;
  JsonNode *context; /* NULL, or an object */
  char **units;
  const char *release;
  char *exec_socket;
};

static void bus_close(Bus *bus) {
  if (bus->source) {
    wg_bus_source_destroy(bus->source);
    sd_bus_close_unref(bus->bus);
  }
  *bus = (Bus){0};
}

static void on_closed(sd_bus *lost, int r, gpointer user_data) {
  bus_close(user_data);
}

static sd_bus *bus_open(Bus *bus, gboolean user, GError **error) {
  int r;

  if (bus->bus)
    return bus->bus;
  r = user ? sd_bus_open_user_with_description(&bus->bus, "checks-user")
           : sd_bus_open_system_with_description(&bus->bus, "checks-system");
  if (r < 0) {
    bus->bus = NULL;
    wg_error_set_errno(error, r, "the %s bus cannot be reached", user ? "user's" : "system");
    return NULL;
  }
  bus->source = wg_bus_source_attach(bus->bus, NULL, on_closed, bus);
  return bus->bus;
}

sd_bus *chk_world_system_bus(ChkWorld *world, GError **error) {
  return bus_open(&world->system, FALSE, error);
}

sd_bus *chk_world_user_bus(ChkWorld *world, GError **error) {
  return bus_open(&world->user, TRUE, error);
}

sd_bus *chk_world_manager(ChkWorld *world, GError **error) {
  return world->user_scope ? chk_world_user_bus(world, error) : chk_world_system_bus(world, error);
}

void chk_world_set_buses(ChkWorld *world, sd_bus *system, sd_bus *user) {
  bus_close(&world->system);
  bus_close(&world->user);
  world->system.bus = system;
  world->user.bus = user;
}

/* No look has begun in this process: there is one thread yet that knows of any type. */
static void prepare_types(void) {
  static gsize done;

  if (!g_once_init_enter(&done))
    return;
  for (guint i = 0; chk_types[i] != NULL; i++)
    if (chk_types[i]->prepare != NULL)
      chk_types[i]->prepare();
  g_once_init_leave(&done, 1);
}

ChkWorld *chk_world_new(gboolean user_scope, const char *root) {
  ChkWorld *world = g_new0(ChkWorld, 1);

  g_atomic_ref_count_init(&world->n_refs);
  world->user_scope = user_scope;
  world->root = g_strdup(root ? root : "");
  for (gsize n = strlen(world->root); n > 0 && world->root[n - 1] == '/'; n--)
    world->root[n - 1] = '\0';
  world->units = g_new0(char *, 1);
  prepare_types();
  return world;
}

void chk_world_set_exec(ChkWorld *world, const char *socket) {
  g_free(world->exec_socket);
  world->exec_socket = g_strdup(socket);
}

const char *chk_world_exec(const ChkWorld *world) {
  return world->exec_socket;
}

ChkWorld *chk_world_ref(ChkWorld *world) {
  g_atomic_ref_count_inc(&world->n_refs);
  return world;
}

void chk_world_unref(ChkWorld *world) {
  if (!g_atomic_ref_count_dec(&world->n_refs))
    return;
  g_clear_pointer(&world->context, json_node_unref);
  g_strfreev(world->units);
  g_free(world->root);
  g_free(world->exec_socket);
  g_free(world);
}

void chk_world_free(ChkWorld *world) {
  bus_close(&world->system);
  bus_close(&world->user);
  chk_world_unref(world);
}

/* The member of `object`, which has to be of that type when it is there. */
static gboolean member_is(JsonObject *object, const char *name, GType type, GError **error) {
  JsonNode *node = json_object_get_member(object, name);
  GType found = !node                         ? type
                : JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node)
                                              : json_node_get_node_type(node);

  if (node && JSON_NODE_HOLDS_OBJECT(node))
    found = JSON_TYPE_OBJECT;
  if (found == type)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the context's \"%s\" is of a wrong type",
              name);
  return FALSE;
}

static gboolean context_is_good(JsonObject *context, GError **error) {
  if (!member_is(context, "since", G_TYPE_INT64, error) ||
      !member_is(context, "release", G_TYPE_STRING, error) ||
      !member_is(context, "units", JSON_TYPE_OBJECT, error) ||
      !member_is(context, "previous", JSON_TYPE_OBJECT, error))
    return FALSE;
  if (!json_object_has_member(context, "units"))
    return TRUE;
  JsonObjectIter iter;
  JsonNode *node;
  json_object_iter_init(&iter, json_object_get_object_member(context, "units"));
  while (json_object_iter_next(&iter, NULL, &node)) {
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a unit of the context is no object");
      return FALSE;
    }
    JsonObject *unit = json_node_get_object(node);
    if (!member_is(unit, "invocation", G_TYPE_STRING, error) ||
        !member_is(unit, "before", G_TYPE_STRING, error) ||
        !member_is(unit, "n-restarts", G_TYPE_INT64, error))
      return FALSE;
  }
  return TRUE;
}

gboolean chk_world_set_context(ChkWorld *world, JsonNode *context, GError **error) {
  if (!context || !JSON_NODE_HOLDS_OBJECT(context)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the context is no JSON object");
    return FALSE;
  }
  JsonObject *object = json_node_get_object(context);
  if (!context_is_good(object, error))
    return FALSE;
  g_autoptr(GStrvBuilder) units = g_strv_builder_new();
  if (json_object_has_member(object, "units")) {
    g_autoptr(GList) names =
        json_object_get_members(json_object_get_object_member(object, "units"));
    for (GList *l = names; l; l = l->next)
      g_strv_builder_add(units, l->data);
  }
  g_clear_pointer(&world->context, json_node_unref);
  world->context = json_node_ref(context);
  g_strfreev(world->units);
  world->units = g_strv_builder_end(units);
  world->release = json_object_get_string_member_with_default(object, "release", NULL);
  return TRUE;
}

JsonObject *chk_world_context(const ChkWorld *world) {
  return world->context ? json_node_get_object(world->context) : NULL;
}

gboolean chk_world_is_user(const ChkWorld *world) {
  return world->user_scope;
}

const char *chk_world_root(const ChkWorld *world) {
  return world->root;
}

const char *chk_world_release(const ChkWorld *world) {
  return world->release;
}

const char *const *chk_world_units(const ChkWorld *world) {
  return world->context ? (const char *const *)world->units : NULL;
}

static JsonObject *context_unit(const ChkWorld *world, const char *unit) {
  JsonObject *context = chk_world_context(world);
  JsonNode *units = context ? json_object_get_member(context, "units") : NULL;
  JsonNode *node = units ? json_object_get_member(json_node_get_object(units), unit) : NULL;

  return node ? json_node_get_object(node) : NULL;
}

const char *chk_world_invocation(const ChkWorld *world, const char *unit) {
  JsonObject *object = context_unit(world, unit);

  return object ? json_object_get_string_member_with_default(object, "invocation", NULL) : NULL;
}

gint64 chk_world_n_restarts(const ChkWorld *world, const char *unit) {
  JsonObject *object = context_unit(world, unit);

  return object ? json_object_get_int_member_with_default(object, "n-restarts", -1) : -1;
}

guint64 chk_world_since(const ChkWorld *world) {
  JsonObject *context = chk_world_context(world);

  return context ? (guint64)json_object_get_int_member_with_default(context, "since", 0) : 0;
}

/* bind.c: see bind.h. The unit is asked of its manager, then a worker thread looks at /proc. */
#include "checks/bind.h"

#include "checks/bind-look.h"
#include "checks/pending.h"
#include "checks/unit-ask.h"
#include "checks/world.h"

#include <string.h>

#define ASK_USEC (10 * G_USEC_PER_SEC)

typedef struct {
  ChkPending pending;
  ChkLook look; /* what the thread and pending.h need of one */
  ChkBound *bound;
  ChkUnitAsk *ask;
  ChkSight sight;
  gboolean in_thread;
} Bind;

static void bind_free(Bind *b) {
  g_clear_pointer(&b->ask, chk_unit_ask_drop);
  chk_bound_free(b->bound);
  g_clear_object(&b->look.cancel);
  chk_world_unref(b->look.world);
  g_free(b);
}

static void finish(Bind *b) {
  chk_pending_end(&b->pending, &b->sight);
  g_clear_pointer(&b->sight.values, json_object_unref);
  g_clear_pointer(&b->sight.text, g_free);
  bind_free(b);
}

static void fail(Bind *b, const char *why) {
  chk_unknown(&b->sight, "%s: %s", b->bound->unit, why);
  finish(b);
}

static void stop(gpointer owner) {
  Bind *b = owner;

  if (!b->in_thread) /* the thread sees the end itself, soon */
    fail(b, "systemd did not answer in time");
}

static void look_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Bind *b = data;

  chk_bind_look(b->bound, &b->look, &b->sight);
  g_task_return_boolean(task, TRUE);
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer user_data) {
  finish(user_data);
}

/* Where it starts: "-" and "!" in front of a directory are systemd's own signs. */
static void add_directory(JsonObject *properties, GStrvBuilder *paths) {
  const char *dir = chk_unit_text(properties, "WorkingDirectory", "");

  dir += strspn(dir, "-!+");
  if (*dir == '/' && dir[1])
    g_strv_builder_add(paths, dir);
}

/* ExecStart is a list of [program, [argv...], ...]. */
static char **programs_of(JsonObject *properties) {
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
  JsonNode *node = json_object_get_member(properties, "ExecStart");
  JsonArray *commands = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  for (guint i = 0; commands && i < json_array_get_length(commands); i++) {
    JsonNode *each = json_array_get_element(commands, i);
    JsonArray *fields = JSON_NODE_HOLDS_ARRAY(each) ? json_node_get_array(each) : NULL;
    JsonNode *list =
        fields && json_array_get_length(fields) > 1 ? json_array_get_element(fields, 1) : NULL;
    JsonArray *argv = list && JSON_NODE_HOLDS_ARRAY(list) ? json_node_get_array(list) : NULL;
    if (fields && json_node_get_string(json_array_get_element(fields, 0)))
      g_strv_builder_add(paths, json_array_get_string_element(fields, 0));
    for (guint j = 0; argv && j < json_array_get_length(argv); j++) {
      const char *word = json_node_get_string(json_array_get_element(argv, j));
      if (word && *word == '/')
        g_strv_builder_add(paths, word);
    }
  }
  add_directory(properties, paths);
  return g_strv_builder_end(paths);
}

/* FALSE: it ended already. */
static gboolean take(Bind *b, JsonObject *properties) {
  const char *wanted = chk_world_invocation(b->look.world, b->bound->unit);
  ChkBound *bound = b->bound;

  bound->cgroup = g_strdup(chk_unit_text(properties, "ControlGroup", ""));
  bound->invocation = g_strdup(chk_unit_text(properties, "InvocationID", ""));
  bound->began = (guint64)chk_unit_int(properties, "InactiveExitTimestampMonotonic", 0);
  bound->programs = programs_of(properties);
  bound->fresh = wanted && strcmp(wanted, bound->invocation) == 0;
  if (wanted && !bound->fresh) {
    JsonObject *values = json_object_new();
    json_object_set_string_member(values, "unit", bound->unit);
    json_object_set_string_member(values, "invocation", bound->invocation);
    chk_observed(&b->sight, values);
    b->sight.text =
        g_strdup_printf("%s was started again since the release was: it runs as %s, not "
                        "as %s",
                        bound->unit, *bound->invocation ? bound->invocation : "nothing", wanted);
    finish(b);
    return FALSE;
  }
  return TRUE;
}

static void on_properties(JsonObject *properties, const GError *error, gpointer user_data) {
  Bind *b = user_data;

  b->ask = NULL;
  if (error) {
    fail(b, error->message);
    return;
  }
  if (!take(b, properties))
    return;
  b->in_thread = TRUE;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_looked, b);
  g_task_set_task_data(task, b, NULL);
  g_task_run_in_thread(task, look_in_thread);
}

void chk_bind_check(ChkWorld *world, const char *unit, const char *peer, GCancellable *cancel,
                    ChkSeenFunc seen, gpointer user_data) {
  Bind *b = g_new0(Bind, 1);
  g_autoptr(GError) error = NULL;

  b->look.world = chk_world_ref(world);
  b->look.cancel = cancel ? g_object_ref(cancel) : NULL;
  b->bound = g_new0(ChkBound, 1);
  b->bound->unit = chk_unit_name(unit);
  b->bound->peer = g_strdup(peer);
  b->bound->release = g_strdup(chk_world_release(world));
  chk_pending_begin(&b->pending, &b->look, seen, user_data, stop, b);
  b->ask = chk_unit_ask(world, b->bound->unit, ASK_USEC, on_properties, b, &error);
  if (b->ask == NULL)
    fail(b, error->message);
}

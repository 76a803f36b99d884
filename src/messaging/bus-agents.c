/* bus-agents.c: see bus-agents.h.
 *
 * A note only marks a view; a timer that runs while something is marked sends the signals. New and
 * removed agents are told at once, in the order of the notes, so that a listener never sees a
 * change of an object it was not told of. */
#include "messaging/bus-agents.h"

#include "messaging/bus-access.h"

#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_INTERVAL_MS 250
#define CHANGED_AT_ONCE 250

static const char *const count_properties[] = {"Queued",    "InFlight", "Dead", "Held",
                                               "Scheduled", "LastSeen", NULL};
static const char *const info_properties[] = {"Description", "Uid",          "Roles",    "Topics",
                                              "Tags",        "Capabilities", "Metadata", "Paused",
                                              "PausedUntil", "Policy",       NULL};

char *msg_agent_path(const char *name) {
  char *path = NULL;

  return sd_bus_path_encode(WG_PATH_MESSAGING_AGENT, name, &path) >= 0 ? path : NULL;
}

static void view_free(gpointer data) {
  MsgAgentView *view = data;

  g_ptr_array_remove_fast(view->daemon->dirty, view);
  g_clear_pointer(&view->info, g_variant_unref);
  g_free(view->name);
  free(view->path);
  g_free(view);
}

void msg_agents_init(MsgDaemon *daemon) {
  daemon->agents = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, view_free);
  daemon->dirty = g_ptr_array_new();
}

void msg_agents_clear(MsgDaemon *daemon) {
  g_clear_handle_id(&daemon->changed_timer, g_source_remove);
  g_clear_pointer(&daemon->agents, g_hash_table_unref);
  g_clear_pointer(&daemon->dirty, g_ptr_array_unref);
}

static void emit_changed(sd_bus *bus, MsgAgentView *view) {
  if (view->info_changed)
    sd_bus_emit_properties_changed_strv(bus, view->path, WG_IFACE_AGENT, (char **)info_properties);
  if (view->counts_changed)
    sd_bus_emit_properties_changed_strv(bus, view->path, WG_IFACE_AGENT, (char **)count_properties);
}

static void tell_status(MsgDaemon *daemon) {
  guint agents = g_hash_table_size(daemon->agents);

  wg_service_set_status(
      daemon->service,
      "%u agent%s, %" G_GUINT64_FORMAT " message%s queued, %" G_GUINT64_FORMAT " dead letter%s",
      agents, agents == 1 ? "" : "s", daemon->n_queued, daemon->n_queued == 1 ? "" : "s",
      daemon->n_dead, daemon->n_dead == 1 ? "" : "s");
}

/* Mail to all may mark thousands of agents: the loop has other things to do between. */
static gboolean emit_some(gpointer data) {
  MsgDaemon *daemon = data;
  sd_bus *bus = wg_service_bus(daemon->service);

  for (guint n = 0; n < CHANGED_AT_ONCE && daemon->dirty->len > 0; n++) {
    MsgAgentView *view = g_ptr_array_steal_index_fast(daemon->dirty, daemon->dirty->len - 1);
    if (bus != NULL)
      emit_changed(bus, view);
    view->info_changed = view->counts_changed = FALSE;
  }
  if (bus != NULL)
    sd_bus_emit_properties_changed(bus, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "NAgents", "NQueued",
                                   "NDead", NULL);
  if (daemon->dirty->len > 0)
    return G_SOURCE_CONTINUE;
  tell_status(daemon);
  daemon->changed_timer = 0;
  return G_SOURCE_REMOVE;
}

static void mark(MsgAgentView *view, gboolean info) {
  MsgDaemon *daemon = view->daemon;

  if (!view->info_changed && !view->counts_changed)
    g_ptr_array_add(daemon->dirty, view);
  *(info ? &view->info_changed : &view->counts_changed) = TRUE;
  if (daemon->changed_timer == 0)
    daemon->changed_timer = g_timeout_add(CHANGED_INTERVAL_MS, emit_some, daemon);
}

void msg_agents_root_changed(MsgDaemon *daemon, const char *property) {
  sd_bus *bus = wg_service_bus(daemon->service);

  if (bus != NULL)
    sd_bus_emit_properties_changed(bus, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, property, NULL);
}

static void take_counts(MsgAgentView *view, const MsgCounts *counts, guint n_volatile) {
  MsgDaemon *daemon = view->daemon;

  daemon->n_volatile += n_volatile - view->n_volatile;
  view->n_volatile = n_volatile;
  daemon->n_queued += counts->queued - view->counts.queued;
  daemon->n_dead += counts->dead - view->counts.dead;
  view->counts = *counts;
}

static MsgAgentView *add_view(MsgDaemon *daemon, const MsgNote *note) {
  MsgAgentView *view = g_new0(MsgAgentView, 1);

  view->daemon = daemon;
  view->name = g_strdup(note->name);
  view->path = msg_agent_path(note->name);
  g_hash_table_insert(daemon->agents, view->name, view);
  return view;
}

static void note_agent(MsgDaemon *daemon, const MsgNote *note) {
  sd_bus *bus = wg_service_bus(daemon->service);
  MsgAgentView *view = g_hash_table_lookup(daemon->agents, note->name);
  gboolean is_new = view == NULL;

  if (is_new)
    view = add_view(daemon, note);
  g_clear_pointer(&view->info, g_variant_unref);
  view->info = note->info != NULL ? g_variant_ref_sink(note->info) : NULL;
  view->uid = note->uid;
  take_counts(view, &note->counts, note->n);
  if (is_new && bus != NULL)
    sd_bus_emit_object_added(bus, view->path);
  mark(view, /* info= */ TRUE);
}

static void note_removed(MsgDaemon *daemon, const MsgNote *note) {
  sd_bus *bus = wg_service_bus(daemon->service);
  MsgAgentView *view = g_hash_table_lookup(daemon->agents, note->name);

  if (view == NULL)
    return;
  /* sd-bus looks the object up once more to tell its interfaces: it goes after that. */
  if (bus != NULL)
    sd_bus_emit_object_removed(bus, view->path);
  take_counts(view, &(MsgCounts){0}, 0);
  g_hash_table_remove(daemon->agents, note->name);
  if (daemon->changed_timer == 0)
    daemon->changed_timer = g_timeout_add(CHANGED_INTERVAL_MS, emit_some, daemon);
}

void msg_agents_note(MsgDaemon *daemon, const MsgNote *note) {
  MsgAgentView *view;

  switch (note->kind) {
  case MSG_NOTE_AGENT:
    note_agent(daemon, note);
    break;
  case MSG_NOTE_REMOVED:
    note_removed(daemon, note);
    break;
  case MSG_NOTE_COUNTS:
    view = g_hash_table_lookup(daemon->agents, note->name);
    if (view == NULL)
      break;
    take_counts(view, &note->counts, note->n);
    mark(view, /* info= */ FALSE);
    break;
  default:
    break;
  }
}

int msg_agents_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                    void **ret_found, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;
  char *name = NULL;

  if (!msg_access_may_look(daemon, bus))
    return -EACCES;
  int r = sd_bus_path_decode(path, WG_PATH_MESSAGING_AGENT, &name);
  if (r <= 0)
    return r;
  MsgAgentView *view = g_hash_table_lookup(daemon->agents, name);
  free(name);
  if (view == NULL)
    return 0;
  *ret_found = view;
  return 1;
}

int msg_agents_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error) {
  MsgDaemon *daemon = userdata;
  GHashTableIter iter;
  gpointer value;
  guint i = 0;

  if (!msg_access_may_look(daemon, bus))
    return -EACCES;
  /* sd-bus frees vector and paths with free(). */
  char **nodes = calloc(g_hash_table_size(daemon->agents) + 1, sizeof *nodes);

  if (nodes == NULL)
    return -ENOMEM;
  g_hash_table_iter_init(&iter, daemon->agents);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    nodes[i++] = strdup(((MsgAgentView *)value)->path);
  *ret_nodes = nodes;
  return 0;
}

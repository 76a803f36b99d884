/* registry-owner.c: who a service belongs to, and that he has ended: a process by its pidfd, a unit
 * by the inventory's signals, a connection by the frame. Nothing is polled. */
#include "monitoring/registry-private.h"

#include "common/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* In clock ticks since the boot: with it a pid means one process. 0: there is none. */
static guint64 start_of(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
  g_autofree char *text = NULL;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *p = strrchr(text, ')'); /* what is before it is the process's own to choose */
  for (guint i = 0; p && i < 20; i++)
    p = strchr(p + 1, ' ');
  return p ? g_ascii_strtoull(p + 1, NULL, 10) : 0;
}

static gboolean on_end(int fd, GIOCondition condition, gpointer data) {
  MonServiceEntry *e = data;
  g_autofree char *reason = g_strdup_printf("its process %d has ended", (int)e->pid);

  e->pid_watch = 0;
  mon_entry_bury(e, reason);
  return G_SOURCE_REMOVE;
}

gboolean mon_owner_watch_pid(MonServiceEntry *e, GError **error) {
  int fd = pidfd_open(e->pid, 0);
  guint64 start = fd >= 0 ? start_of(e->pid) : 0;

  if (fd < 0)
    return wg_error_set_errno(error, errno, "process %d cannot be watched", (int)e->pid);
  if (e->pid_start && start != e->pid_start) {
    close(fd);
    return wg_error_set_errno(error, ESRCH, "process %d is another one now", (int)e->pid);
  }
  mon_owner_forget(e);
  e->pid_start = start;
  e->pidfd = fd;
  e->pid_watch = g_unix_fd_add(fd, G_IO_IN, on_end, e);
  return TRUE;
}

void mon_owner_forget(MonServiceEntry *e) {
  g_clear_handle_id(&e->pid_watch, g_source_remove);
  if (e->pidfd >= 0)
    close(e->pidfd);
  e->pidfd = -1;
}

/* ---- units ---- */
static gboolean is_starting(const WgUnitState *state) {
  return strcmp(state->active, "activating") == 0;
}

static void tell_unit_probes(MonServiceEntry *e, const WgUnitState *state, const char *name) {
  g_autofree char *text = state ? wg_unit_state_text(state) : g_strdup("not loaded");
  gboolean is_up = state && wg_unit_state_is_up(state);

  for (guint i = 0; i < e->probes->len; i++) {
    MonProbe *probe = e->probes->pdata[i];
    if (probe->spec->how != MON_PROBE_UNIT || strcmp(probe->spec->subject, name) != 0)
      continue;
    MonProbeBase now = is_up ? MON_PROBE_UP : MON_PROBE_DOWN;
    if (probe->state.base != now && !(state && is_starting(state)))
      mon_probe_tell(probe, is_up ? MON_PASS : MON_FAIL, text);
  }
}

/* A service that was started anew is looked at anew. */
static void take_invocation(MonServiceEntry *e, const WgUnitState *state) {
  if (*state->invocation == '\0' || strcmp(e->invocation, state->invocation) == 0)
    return;
  gboolean is_first = *e->invocation == '\0';
  g_strlcpy(e->invocation, state->invocation, sizeof e->invocation);
  if (is_first)
    return;
  e->startup_done = FALSE;
  for (guint i = 0; i < e->probes->len; i++) {
    MonProbe *probe = e->probes->pdata[i];
    if (probe->spec->how == MON_PROBE_LOOK)
      mon_probe_reset(probe);
  }
}

static void take_unit(MonServiceEntry *e, const WgUnitState *state) {
  e->unit_starting = state && is_starting(state);
  e->unit_gone = !e->unit_starting && !(state && wg_unit_state_is_up(state));
  g_free(e->unit_text);
  e->unit_text = state ? wg_unit_state_text(state) : g_strdup("not loaded");
  if (state)
    take_invocation(e, state);
  if (e->unit_gone && e->source == MON_FROM_CALL && e->owner == MON_OWNER_UNIT && !e->gone) {
    g_autofree char *reason = g_strdup_printf("its unit %s: %s", e->spec->unit, e->unit_text);
    mon_entry_bury(e, reason);
  }
}

void mon_owner_look_at_unit(MonServiceEntry *e) {
  MonInventory *inventory = e->registry->daemon->inventory;

  if (inventory == NULL || !mon_inventory_fresh(inventory))
    return; /* told when it is listed */
  for (guint i = 0; i < e->probes->len; i++) {
    const MonProbe *probe = e->probes->pdata[i];
    const MonUnit *unit = mon_inventory_unit(inventory, probe->spec->subject);
    if (probe->spec->how == MON_PROBE_UNIT)
      tell_unit_probes(e, unit ? unit->state : NULL, probe->spec->subject);
  }
  if (e->spec->unit) {
    const MonUnit *unit = mon_inventory_unit(inventory, e->spec->unit);
    take_unit(e, unit ? unit->state : NULL);
  }
}

typedef struct {
  const char *name;
  const WgUnitState *state; /* NULL: it is not there */
} Told;

static gboolean tell_one(MonServiceEntry *e, gpointer data) {
  const Told *told = data;
  gboolean is_its = e->spec->unit && strcmp(e->spec->unit, told->name) == 0;

  tell_unit_probes(e, told->state, told->name);
  if (!is_its)
    return TRUE;
  if (e->gone == 0) {
    take_unit(e, told->state);
    if (e->gone == 0)
      mon_entry_update(e);
  }
  return TRUE;
}

static gboolean look_again(MonServiceEntry *e, gpointer data) {
  if (e->gone == 0) {
    mon_owner_look_at_unit(e);
    if (e->gone == 0)
      mon_entry_update(e);
  }
  return TRUE;
}

static void on_unit(const MonUnit *unit, MonUnitChange change, gpointer data) {
  MonRegistry *registry = data;

  if (change == MON_UNIT_RELOADED) {
    mon_registry_each(registry, look_again, NULL);
    mon_xwaggles_start(registry);
    return;
  }
  if (!unit->known && change != MON_UNIT_REMOVED)
    return;
  if (unit->known && !g_hash_table_contains(registry->seen_units, unit->state->name)) {
    g_hash_table_add(registry->seen_units, g_strdup(unit->state->name));
    mon_xwaggles_start(registry);
  } else if (change == MON_UNIT_REMOVED) {
    g_hash_table_remove(registry->seen_units, unit->state->name);
  }
  const Told told = {unit->state->name, change == MON_UNIT_REMOVED ? NULL : unit->state};
  mon_registry_each(registry, tell_one, (gpointer)&told);
}

void mon_owner_listen(MonRegistry *registry) {
  if (registry->daemon->inventory)
    registry->unit_listener = mon_inventory_listen(registry->daemon->inventory, on_unit, registry);
}

void mon_owner_unlisten(MonRegistry *registry) {
  if (registry->unit_listener && registry->daemon->inventory)
    mon_inventory_unlisten(registry->daemon->inventory, registry->unit_listener);
  registry->unit_listener = 0;
}

typedef struct {
  guint64 caller;
  GPtrArray *entries;
} OfCaller;

static gboolean is_of_caller(MonServiceEntry *e, gpointer data) {
  OfCaller *of = data;

  if (e->owner == MON_OWNER_CONNECTION && e->caller == of->caller && e->gone == 0)
    g_ptr_array_add(of->entries, e);
  return TRUE;
}

void mon_registry_caller_gone(MonRegistry *registry, guint64 caller) {
  g_autoptr(GPtrArray) entries = g_ptr_array_new();
  OfCaller of = {caller, entries};

  mon_registry_each(registry, is_of_caller, &of);
  for (guint i = 0; i < entries->len; i++)
    mon_entry_bury(entries->pdata[i], "its connection has ended");
}

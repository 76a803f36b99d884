/* registry-sets.c: services that stand in files and units: a set that is read as a whole and
 * compared with what is registered; and what time does to entries. */
#include "monitoring/items.h"
#include "monitoring/registry-private.h"

#include "common/error.h"
#include "common/log.h"

#include <string.h>

#define TOMBSTONE (24 * 3600 * (gint64)G_USEC_PER_SEC)
#define SWEEP_SEC 1

static void put_one(MonRegistry *registry, MonServiceSpec *spec, MonSource source,
                    gboolean is_start) {
  MonServiceEntry *e = mon_registry_find(registry, spec->name);

  if (e && e->source != source && e->source == MON_FROM_FILE) {
    wg_log(LOG_WARNING, WG_MSG_SERVICE_REFUSED, WG_FIELDS(WG_FIELD_PATH, spec->from),
           "The service \"%s\" of %s is left out: %s has one of that name", spec->name, spec->from,
           e->spec->from);
    return;
  }
  if (e && e->source != source) { /* who administers the machine has the last word */
    mon_entry_remove(e, "it stands in a file now");
    e = NULL;
  }
  if (e == NULL) {
    e = mon_entry_put(registry, spec, source);
    if (!is_start)
      mon_change_note(e, "registered");
  } else if (!mon_service_spec_equal(e->spec, spec)) {
    mon_entry_take_spec(e, spec);
    mon_change_note(e, "changed");
  } else if (spec->text) { /* the same in other words */
    g_free(e->spec->text);
    e->spec->text = g_strdup(spec->text);
  }
  if (!is_start)
    mon_entry_update(e);
}

typedef struct {
  GHashTable *names;
  GPtrArray *left; /* of MonServiceEntry */
  MonSource source;
} Left;

static gboolean find_left(MonServiceEntry *e, gpointer data) {
  Left *left = data;

  if (e->source == left->source && !g_hash_table_contains(left->names, e->spec->name))
    g_ptr_array_add(left->left, e);
  return TRUE;
}

static void take_set(MonRegistry *registry, GPtrArray *specs, MonSource source, gboolean is_start) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) gone = g_ptr_array_new();
  Left left = {names, gone, source};

  for (guint i = 0; i < specs->len; i++)
    g_hash_table_add(names, ((MonServiceSpec *)specs->pdata[i])->name);
  mon_registry_each(registry, find_left, &left);
  for (guint i = 0; i < gone->len; i++)
    mon_entry_remove(gone->pdata[i], "it stands nowhere any more");
  for (guint i = 0; i < specs->len; i++)
    put_one(registry, specs->pdata[i], source, is_start);
}

void mon_registry_take_set(MonRegistry *registry, GPtrArray *specs, MonSource source) {
  take_set(registry, specs, source, FALSE);
}

GPtrArray *mon_registry_read_files(MonRegistry *registry, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(registry->daemon->user_scope);

  return mon_services_load((const char *const *)dirs, error);
}

/* At a start a set that is refused is told and left out: the rest of the monitor is worth more than
 * its refusal. */
gboolean mon_registry_load_files(MonRegistry *registry, GError **error) {
  g_autoptr(GError) refused = NULL;
  g_autoptr(GPtrArray) specs = mon_registry_read_files(registry, &refused);

  if (specs) {
    take_set(registry, specs, MON_FROM_FILE, TRUE);
    return TRUE;
  }
  wg_log(LOG_ERR, WG_MSG_SERVICE_REFUSED, WG_FIELDS(WG_FIELD_ERROR, refused->message),
         "The files of services.d are refused, no service of them is watched:\n%s",
         refused->message);
  wg_service_set_degraded(registry->daemon->service, "services",
                          "the files of services.d are refused; the journal says why");
  return TRUE;
}

void mon_registry_use_files(MonRegistry *registry, GPtrArray *specs) {
  take_set(registry, specs, MON_FROM_FILE, FALSE);
  wg_service_set_degraded(registry->daemon->service, "services", NULL);
  mon_probes_reload(registry->probes);
}

static gboolean add_item(MonServiceEntry *e, gpointer data) {
  if (e->source == MON_FROM_FILE && e->spec->text)
    mon_items_add(data, "service", e->spec->name, e->spec->from, e->spec->text);
  return TRUE;
}

void mon_registry_items(MonRegistry *registry, MonItems *into) {
  mon_registry_each(registry, add_item, into);
}

void mon_services_items(GPtrArray *specs, MonItems *into) {
  for (guint i = 0; i < specs->len; i++) {
    const MonServiceSpec *spec = specs->pdata[i];
    mon_items_add(into, "service", spec->name, spec->from, spec->text);
  }
}

/* ---- time ---- */
typedef struct {
  GPtrArray *over, *forgotten; /* of MonServiceEntry */
  gint64 lasting, now;
  gboolean any;
} Sweep;

static gboolean look_after(MonServiceEntry *e, gpointer data) {
  Sweep *sweep = data;

  if (e->maintenance && e->maintenance_until)
    g_ptr_array_add(sweep->lasting >= e->maintenance_until ? sweep->over : sweep->forgotten, e);
  if (e->gone && e->source == MON_FROM_CALL)
    g_ptr_array_add(sweep->forgotten, e);
  return TRUE;
}

static void end_maintenance(MonServiceEntry *e) {
  GArray *writes = mon_writes_new();

  e->maintenance = FALSE;
  mon_write_maintenance(writes, e);
  mon_change_write(e, e->spec->name, "maintenance", writes, FALSE, NULL, NULL);
  mon_entry_update(e);
}

static void forget(MonServiceEntry *e) {
  GArray *writes = mon_writes_new();

  mon_write_no_service(writes, e);
  mon_memory_write(e->registry, writes);
  mon_entry_remove(e, "its tombstone was kept long enough");
}

static gboolean on_sweep(gpointer data) {
  MonRegistry *registry = data;
  g_autoptr(GPtrArray) over = g_ptr_array_new(), forgotten = g_ptr_array_new();
  Sweep sweep = {over, forgotten, wg_clock_now(wg_records_clock(registry->daemon->store)),
                 g_get_real_time(), FALSE};

  mon_registry_each(registry, look_after, &sweep);
  for (guint i = 0; i < over->len; i++)
    end_maintenance(over->pdata[i]);
  guint left = forgotten->len;
  for (guint i = 0; i < forgotten->len; i++) {
    MonServiceEntry *e = forgotten->pdata[i];
    if (e->gone == 0 || sweep.now - e->gone < TOMBSTONE)
      continue;
    forget(e);
    left--;
  }
  if (left > 0)
    return G_SOURCE_CONTINUE;
  registry->sweep = 0;
  return G_SOURCE_REMOVE;
}

void mon_registry_sweep_later(MonRegistry *registry) {
  if (registry->sweep == 0)
    registry->sweep = g_timeout_add_seconds(SWEEP_SEC, on_sweep, registry);
}

static gboolean memory_run(MonStore *store, gpointer data, GError **error) {
  mon_writes_run(store, data);
  return TRUE;
}

static void memory_done(const GError *error, gpointer data) {
  g_array_unref(data);
}

void mon_memory_write(MonRegistry *registry, GArray *writes) {
  mon_store_do(registry->daemon->store, memory_run, memory_done, writes, FALSE);
}

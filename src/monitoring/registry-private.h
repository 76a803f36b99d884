/* registry-private.h: what the files of the registry share. */
#pragma once

#include "monitoring/inventory.h"
#include "monitoring/registry.h"

#define MON_CHANGES_KEPT 4096

/* One statement of a transaction: ?1 to ?4 are texts, ?5 to ?7 numbers. */
typedef struct {
  const char *sql; /* static */
  char *texts[4];  /* ours; NULL binds NULL */
  gint64 numbers[3];
} MonWrite;

typedef struct Xwaggles Xwaggles;
typedef struct MonChanges MonChanges;

struct MonRegistry {
  MonDaemon *daemon;
  MonProbes *probes;
  GHashTable *seen_units; /* whose files were read or are to be */
  GTree *entries;         /* name -> MonServiceEntry */
  GHashTable *memory;     /* "service/probe" -> Memory, of the life before */
  MonChanges *changes;
  guint64 revision;
  guint unit_listener, sweep, begin, n_states[_MON_SERVICE_STATES];
  Xwaggles *xwaggles;
  GPtrArray *files; /* of MonServiceSpec: in force */
  MonSeries *counts[_MON_SERVICE_STATES];
  gboolean closing;
};

/* registry.c, registry-sets.c */
MonServiceEntry *mon_entry_put(MonRegistry *registry, MonServiceSpec *spec, MonSource source);
void mon_entry_remove(MonServiceEntry *entry, const char *reason);
/* Its probes, from its specification; those that are the same go on. */
void mon_entry_take_spec(MonServiceEntry *entry, MonServiceSpec *spec);
/* Of a call: no longer there; stays as a tombstone. */
void mon_entry_bury(MonServiceEntry *entry, const char *reason);
/* What it is may have changed. */
void mon_entry_update(MonServiceEntry *entry);
void mon_registry_count(MonRegistry *registry, MonServiceState state, int by);
/* Maintenance ends, tombstones are forgotten: looked after while there is any of either. */
void mon_registry_sweep_later(MonRegistry *registry);
/* A set of specifications from one source is all there is of it: adds, changes, removes. */
gboolean mon_registry_load_files(MonRegistry *registry, GError **error);
/* Takes `writes`; nobody waits for them. */
void mon_memory_write(MonRegistry *registry, GArray *writes);
void mon_registry_take_set(MonRegistry *registry, GPtrArray *specs, MonSource source);

/* registry-owner.c */
gboolean mon_owner_watch_pid(MonServiceEntry *entry, GError **error);
void mon_owner_forget(MonServiceEntry *entry);
void mon_owner_look_at_unit(MonServiceEntry *entry);
void mon_owner_listen(MonRegistry *registry);
void mon_owner_unlisten(MonRegistry *registry);

/* registry-changes.c */
MonChanges *mon_changes_new(void);
void mon_changes_free(MonChanges *changes);
/* A change that is being written: told once it is committed. */
void mon_change_note(MonServiceEntry *entry, const char *what);
/* The same in the transaction of `writes` (element-type MonWrite; may be NULL; taken). */
void mon_change_write(MonServiceEntry *entry, const char *name, const char *what, GArray *writes,
                      gboolean new_work, MonRegistryDone done, gpointer user_data);
void mon_changes_add_loaded(MonRegistry *registry, const MonChange *change);

/* registry-record.c */
GArray *mon_writes_new(void);
gboolean mon_writes_run(MonStore *store, const GArray *writes);
void mon_write_service(GArray *writes, const MonServiceEntry *entry);
void mon_write_no_service(GArray *writes, const MonServiceEntry *entry);
void mon_write_maintenance(GArray *writes, const MonServiceEntry *entry);
void mon_write_memory(GArray *writes, MonRegistry *registry, const MonProbe *probe);
/* Before any probe is made. */
void mon_memory_load(MonRegistry *registry);
gboolean mon_records_load(MonRegistry *registry, GError **error);
/* Gives a probe what a life before has left of it. */
void mon_memory_restore(MonRegistry *registry, MonProbe *probe);

/* registry-units.c: [X-Waggle] */
void mon_xwaggles_start(MonRegistry *registry);
void mon_xwaggles_stop(MonRegistry *registry);

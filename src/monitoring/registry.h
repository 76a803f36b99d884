/* registry.h: which services there are, who owns them, and how they are.
 *
 * A service comes from a file of services.d, from the section [X-Waggle] of a unit, or from a call.
 * What a call registers lives as long as its owner (a connection, a process, a unit, or for ever)
 * and is kept in the store; it is told as registered only after the commit. When the owner ends the
 * service is gone at once: it stays for a while as a tombstone with the reason. Each change has a
 * revision; a watcher that knows the last one it has seen misses none (registry-changes.c).
 * Loop's thread. */
#pragma once

#include "monitoring/probes.h"
#include "monitoring/service-spec.h"

typedef enum { MON_FROM_FILE, MON_FROM_UNIT, MON_FROM_CALL } MonSource;
typedef enum { MON_OWNER_NONE, MON_OWNER_CONNECTION, MON_OWNER_PID, MON_OWNER_UNIT } MonOwner;

typedef enum {
  MON_SERVICE_HEALTHY,
  MON_SERVICE_PENDING,  /* not looked at yet */
  MON_SERVICE_STARTING, /* its unit, or its probe of start-up */
  MON_SERVICE_FLAPPING,
  MON_SERVICE_UNHEALTHY,
  MON_SERVICE_MAINTENANCE,
  MON_SERVICE_GONE,
  _MON_SERVICE_STATES,
} MonServiceState;

typedef struct MonRegistry MonRegistry;

typedef struct {
  MonRegistry *registry;
  MonServiceSpec *spec;
  MonSource source;
  GPtrArray *probes; /* of MonProbe, beside spec->probes */
  MonServiceState state;
  char *reason;     /* why it is not healthy; "" */
  gint64 since;     /* CLOCK_REALTIME us of the state */
  guint64 revision; /* of the last change */
  gint64 registered;
  gint64 gone; /* CLOCK_REALTIME us: a tombstone; 0: none */
  gboolean startup_done;
  /* of a call */
  char *document; /* NULL */
  uid_t uid;
  MonOwner owner;
  guint64 caller; /* WgCaller.id */
  pid_t pid;
  guint64 pid_start;
  int pidfd;
  guint pid_watch;
  /* of its unit, as last seen */
  gboolean unit_gone, unit_starting;
  char *unit_text; /* "" */
  char invocation[33];
  /* maintenance */
  gboolean maintenance;
  char *maintenance_reason, *maintenance_who;
  gint64 maintenance_since;
  gint64 maintenance_until; /* lasting time; 0: until it is cleared */
} MonServiceEntry;

MonRegistry *mon_registry_new(MonDaemon *daemon, GError **error);
void mon_registry_free(MonRegistry *registry);
/* A reload (daemon-reload.c): reads services.d, and changes nothing. (transfer full, element-type
 * MonServiceSpec); NULL: refused, with every problem. Blocks: reads files. */
GPtrArray *mon_registry_read_files(MonRegistry *registry, GError **error);
/* What stands in files (items.h): in force, and as it was read. */
struct MonItems;
void mon_registry_items(MonRegistry *registry, struct MonItems *into);
void mon_services_items(GPtrArray *specs, struct MonItems *into);
/* They are in force from now on. */
void mon_registry_use_files(MonRegistry *registry, GPtrArray *specs);
void mon_registry_caller_gone(MonRegistry *registry, guint64 caller);

const char *mon_service_state_name(MonServiceState state);
const char *mon_source_name(MonSource source);
guint64 mon_registry_revision(const MonRegistry *registry);
MonServiceEntry *mon_registry_find(MonRegistry *registry, const char *name); /* tombstones, too */
MonProbe *mon_entry_probe(const MonServiceEntry *entry, const char *name);
/* By name, tombstones, too. FALSE of `func` ends the walk. */
typedef gboolean (*MonServiceEntryFunc)(MonServiceEntry *entry, gpointer user_data);
void mon_registry_each(MonRegistry *registry, MonServiceEntryFunc func, gpointer user_data);
/* "did you mean a, b or c?"; NULL. Free with g_free(). */
char *mon_registry_hint(MonRegistry *registry, const char *name);

typedef struct {
  const char *document; /* one service, or several, as a file of services.d has them */
  uid_t uid;
  MonOwner owner;
  guint64 caller;
  pid_t pid;
  gboolean is_admin; /* may replace what another uid registered */
} MonRegistration;
typedef void (*MonRegistryDone)(guint64 revision, const GError *error, gpointer user_data);
/* `done` comes after the last commit, never from inside; a document or a name that is refused
 * registers none of them. Registering again what is the same keeps the
 * states of its probes. */
void mon_registry_register(MonRegistry *registry, const MonRegistration *registration,
                           MonRegistryDone done, gpointer user_data);
void mon_registry_unregister(MonRegistry *registry, const char *name, uid_t uid, gboolean is_admin,
                             MonRegistryDone done, gpointer user_data);
/* `until`: lasting time; 0: until it is cleared. NULL `reason` clears it. */
void mon_registry_maintain(MonRegistry *registry, const char *name, const char *reason,
                           const char *who, gint64 until, MonRegistryDone done, gpointer user_data);
/* A push: durable before `done`. */
void mon_registry_push(MonRegistry *registry, MonProbe *probe, MonVerdict verdict, const char *text,
                       MonRegistryDone done, gpointer user_data);

/* registry-changes.c: one change of one service; borrowed. */
typedef struct {
  guint64 revision;
  gint64 time; /* CLOCK_REALTIME us */
  const char *service;
  const char *what; /* "registered", "changed", "state", "maintenance", "gone", "removed" */
  const char *state, *reason;
} MonChange;
/* After its commit, in the order of revisions. */
typedef void (*MonChangeFunc)(const MonChange *change, gpointer user_data);
guint mon_registry_listen(MonRegistry *registry, MonChangeFunc func, gpointer user_data);
void mon_registry_unlisten(MonRegistry *registry, guint id);
/* The changes after `from`, at most `max`. FALSE: they are not kept any more; *ret_least is the
 * smallest `from` that can be asked for: look at all services instead and go on from
 * mon_registry_revision(). */
gboolean mon_registry_changes(MonRegistry *registry, guint64 from, guint max, MonChangeFunc func,
                              gpointer user_data, guint64 *ret_least);

/* daemon.h: waggle-deployd as a whole: what hangs between the service frame and the engine.
 *
 * All on the loop's thread. What blocks (files of targets, manifests) is on worker threads, what
 * is durable on the store's. */
#pragma once

#include "deployment/settings.h"
#include "deployment/steps-real.h"
#include "deployment/targets.h"
#include "deployment/txn.h"

#include "common/call.h"

typedef struct {
  WgService *service;
  DplSettings settings;
  gboolean user_scope;
  char *runtime_directory, *own_unit;
  DplStore *store;
  WgStoreState store_state;
  DplUnits *units;
  DplReal *real;
  DplEngine *engine;
  DplSites *sites;       /* as they were read last */
  GPtrArray *refused;    /* sentences: what was wrong with files of targets.d then; NULL: unknown */
  guint64 sites_look;    /* number of the look they are from; 0: of none */
  GHashTable *own_sites; /* name -> DplSite that a manifest describes itself */
  GSource *timer;
  gboolean rebuilt;   /* the store was salvaged */
  gboolean recovered; /* what the last life left is taken up: new work is allowed */
  gboolean draining, engine_stopped;
  WgCalls *calls;
  GSList *rehearsals;  /* DplRehearsal; of bus-rehearse.c */
  JsonNode *drifted;   /* what bus-drift.c had found before the start; NULL: it was taken up */
  GCancellable *drift; /* of the look of bus-drift.c that is under way; NULL: none */
  GHashTable *jobs;    /* &id -> of bus-jobs.c */
  GHashTable *targets; /* name -> DplTargetView */
  guint jobs_timer;
} DplDaemon;

int dpl_daemon_main(int argc, char **argv);

/* daemon-engine.c: store, units, steps and engine. On failure nothing is left. */
gboolean dpl_daemon_open(DplDaemon *daemon, GError **error);
void dpl_daemon_close(DplDaemon *daemon);
char *dpl_daemon_unit_directory(const DplDaemon *daemon);   /* free with g_free() */
char **dpl_daemon_key_directories(const DplDaemon *daemon); /* free with g_strfreev() */
/* Goes on with what the last life left, as soon as there is a manager of units to ask. */
void dpl_daemon_recover(DplDaemon *daemon);
/* WG_ERROR_SHUTTING_DOWN and the like: whether new work may begin. */
gboolean dpl_daemon_may_begin(DplDaemon *daemon, GError **error);
/* STATUS= tells what is under way. */
void dpl_daemon_status(DplDaemon *daemon);

/* daemon-log.c: what administrators read in the journal. */
void dpl_log_state(const DplRecord *record, DplState from);
void dpl_log_poison(const DplRecord *record, gint64 until); /* 0: it is not refused */
void dpl_log_recovered(guint n);                            /* deployments that were cut off */
/* `refused` of dpl_sites_load(): those that were not told of the last time. */
void dpl_log_targets(DplDaemon *daemon, GPtrArray *refused);

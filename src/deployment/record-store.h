/* record-store.h: the durable side of the engine: transactions, their transitions, rollouts,
 * targets, poisoned digests and the audit chain in one SQLite file, deployments.db.
 *
 * Writing is put(): everything that belongs to one transition (the record, the line of history, the
 * entry of the audit chain, a target's new last good release, a poisoned digest) is one SQLite
 * transaction on the writer thread, and done() is called after fdatasync returned. Reading for
 * people goes through jobs on the same thread (record-query.h). A record whose checksum does not
 * hold is quarantined and costs no other. */
#pragma once

#include "deployment/record.h"

#include "common/records.h"

typedef struct {
  const DplRecord *record; /* as it becomes; NULL: only the job */
  gboolean is_new;
  DplState from;
  const char *who;     /* who caused it: "uid:1000", or NULL for the daemon itself */
  const char *results; /* JSON of a verification; NULL: none */
  gint64 poison_until; /* CLOCK_REALTIME us: record->digest is refused until then; 0: no */
  gboolean good;       /* record->to is the target's last good release from now on */
  const DplJob *job;   /* NULL: unchanged */
} DplWrite;

/* Loop's thread; never from inside put(). */
typedef void (*DplPutFunc)(const GError *error, gpointer user_data);

/* What the engine needs of a store. All of `writes` or nothing. Copies what it needs. */
typedef struct {
  void (*put)(gpointer self, const DplWrite *writes, guint n, DplPutFunc done, gpointer user_data);
} DplLedger;

/* What is remembered of a target. */
typedef struct {
  char *name, *root;
  char *good;          /* release; NULL: none */
  guint64 good_txn;    /* its transaction */
  guint64 frozen;      /* transaction with a failed roll-back that nobody looked after; 0: none */
  guint64 last;        /* the newest transaction; 0: none */
  DplState last_state; /* of it */
  gint64 since;        /* CLOCK_REALTIME us: when it entered that */
  GArray *durations;   /* gint64 us of the last roll-backs */
} DplTarget;
DplTarget *dpl_target_new(const char *name, const char *root);
void dpl_target_free(DplTarget *target);

/* What a start finds. */
typedef struct {
  GPtrArray *records;  /* of DplRecord: those that have not ended */
  GPtrArray *jobs;     /* of DplJob: the same */
  GHashTable *targets; /* name -> DplTarget */
  GHashTable *poison;  /* digest -> gint64 *until, CLOCK_REALTIME us */
  guint64 next_id, next_job;
  gboolean rebuilt; /* the file was damaged: what is here is what could be read */
} DplLoaded;
void dpl_loaded_clear(DplLoaded *loaded);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplLoaded, dpl_loaded_clear)
void dpl_loaded_init(DplLoaded *loaded); /* empty: for tests */

/* deployments.db */
typedef WgRecords DplStore;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplStore, wg_records_free)

extern const DplLedger dpl_store_ledger; /* with a DplStore as self */

gboolean dpl_store_exists(const char *dir);
/* Opens or makes DIR/deployments.db (common/records.h). Blocks, as do the next two: for a start. */
DplStore *dpl_store_open(const char *dir, WgSalvage *ret_salvage, GError **error);
/* Right after opening. `ret` needs no init; what is damaged is left out and quarantined. */
gboolean dpl_store_load(DplStore *store, DplLoaded *ret, GError **error);
/* Writes at once, without a writer: for the recovery at boot, which has no loop. */
gboolean dpl_store_put_now(DplStore *store, const DplWrite *writes, guint n, GError **error);

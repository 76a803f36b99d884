/* record.h: what is known about one transaction, and durably so.
 *
 * A record is the whole memory of a transaction: everything that a daemon started after a power
 * cut needs to finish or undo it. It is kept as one JSON text with a checksum; what is searched for
 * stands beside it in columns of its own (store.h). A record that was written is never changed in
 * place: the engine changes its copy, writes it, and acts only after the write is on the disk.
 *
 * Times named *_until are lasting times (common/clock.h), created and ended are CLOCK_REALTIME; all
 * in us, 0: not set. No secret ever stands in a record: credentials are named, not read. */
#pragma once

#include "deployment/states.h"

#include <json-glib/json-glib.h>

typedef enum {
  DPL_KIND_DEPLOY,   /* a manifest's release */
  DPL_KIND_ROLLBACK, /* a release that is there already, asked for by a person */
} DplKind;

typedef struct {
  guint64 id;  /* never reused */
  guint64 job; /* the rollout it belongs to */
  DplKind kind;
  DplState state;

  guint64 before; /* the transaction whose release was the last good one when this began; 0: none */

  char *target, *root;  /* root: the directory with releases/ and `current` */
  char *name, *version; /* of the manifest */
  char *manifest;       /* canonical JSON, expanded for this target */
  char *manifest_hash;  /* hexadecimal sha256 of the manifest as it was given */
  char *base;           /* what its relative paths stand against */
  char *from, *to;      /* releases: before and after; NULL: none, not known yet */
  char *digest;         /* of the tree `to`; hexadecimal sha256 */
  char *who, *unit;     /* "uid:1000"; the caller's unit or NULL */
  char *reason;         /* the caller's words */
  char *cause;          /* why the present state was entered */
  char *failure;        /* the first cause of an abort or a roll-back; NULL: none */
  char *verdict;        /* of the verification: pass warn fail error deadline; NULL: none yet */
  char *intent;         /* JSON of the steps: what undoing needs. Written before the switch */
  char *traceparent;    /* its own span (common/trace-context.h), for hooks, checks and the journal;
                           NULL: of a version that had none */
  char *parent_span;    /* the caller's span; NULL: its call was in no trace */

  gint64 uid, pid;
  gint64 created, ended;
  gint64 started; /* lasting; 0: waits for its turn in the rollout */
  gint64 deploy_until, verify_until, rollback_until, confirm_until;
  gint64 budget_deploy, budget_verify, budget_rollback, budget_confirm; /* us */
  gint64 reserve; /* us of a phase's budget that belong to a roll-back */
  gint64 poison;  /* us that the digest is refused for when it fails; 0: never */
  gint64 tries;   /* of the roll-back */
  gint64 writes;  /* how often it was written: a bound on loops */
  gint64 force, hold, migrates, confirmed, rolled_offline; /* booleans */
} DplRecord;

DplRecord *dpl_record_copy(const DplRecord *record);
void dpl_record_free(DplRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplRecord, dpl_record_free)
/* Sets a text field: (transfer none) of `value`. */
void dpl_record_set(char **field, const char *value);

/* As a JSON object with every field but those that are not set; `manifest` and `intent` are texts
 * in it. (transfer full) */
JsonObject *dpl_record_to_json(const DplRecord *record);
char *dpl_record_to_text(const DplRecord *record);
/* WG_ERROR_STORE_DAMAGED when it cannot be a record. */
DplRecord *dpl_record_from_text(const char *text, GError **error);

const char *dpl_kind_name(DplKind kind); /* "deploy", "rollback" */

/* A rollout: one call, one or many transactions. */
typedef struct {
  guint64 id;
  DplKind kind;
  char *who, *reason;
  gint64 uid;
  gint64 created, ended; /* CLOCK_REALTIME us */
  gint64 parallel;       /* at a time; at least 1 */
  gint64 max_failures;   /* after so many nothing more is started; 0: no bound */
  char *result;          /* NULL while it runs: "done", "aborted", "rolled-back", ... */
  gint64 exit;           /* of what has ended, the worst (states.h) */
  gint64 failures;       /* of what has ended: everything but a good end */
} DplJob;

DplJob *dpl_job_copy(const DplJob *job);
void dpl_job_free(DplJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplJob, dpl_job_free)
/* One of its transactions has ended. */
void dpl_job_count(DplJob *job, DplState end);
char *dpl_job_to_text(const DplJob *job);
DplJob *dpl_job_from_text(const char *text, GError **error);

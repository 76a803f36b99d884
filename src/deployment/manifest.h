/* manifest.h: what a deployment is to do, as its manifest says (waggle-manifest(5)).
 *
 * dpl_manifest_load() reads it as it was written; dpl_manifest_for() puts a target's variables in
 * and judges again, more strictly (a text with "${" may be anything before). Only a manifest that
 * was made for a target is acted on, and its canonical text is what a transaction keeps. Immutable
 * and counted; any thread. Everything in it is its own and never NULL unless said so. */
#pragma once

#include "deployment/hooks.h"
#include "deployment/keys.h"
#include "deployment/targets.h"

typedef struct {
  char *source;    /* below the base, or absolute */
  char *sha256;    /* NULL */
  char *signature; /* NULL; a .minisig, as source */
  char *into;
  guint64 strip;
  gboolean keep_owners, allow_setuid, allow_capabilities;
} DplArtifactSpec;

typedef struct {
  char *file; /* in the tree */
  /* one of the three; NULL: not this one */
  char *from;     /* a template below the base, or absolute */
  char *template; /* a template in the tree */
  char *content;  /* the template itself */
  guint64 mode;
} DplConfiguration;

typedef struct {
  char **install,
      **link; /* unit files in the tree: copied to, or linked into, the unit directory */
  char **enable, **start, **reload; /* names of units */
  gboolean stop_first;
} DplUnitsSpec;

#define DPL_HOOK_POINTS DPL_HOOK_MIGRATE_UP /* those before are points of a deployment */

typedef struct {
  guint64 deploy, verify, rollback; /* us */
} DplBudgets;

typedef enum { DPL_RESTART, DPL_RELOAD_OR_RESTART, DPL_STOP_START } DplRestart;
typedef struct {
  guint64 parallel, max_failures; /* max_failures 0: no bound */
  guint64 confirm;                /* us; 0: nobody has to confirm */
  int restart;                    /* DplRestart */
  gboolean isolate_rehearsal;
} DplStrategy;

typedef struct {
  guint64 count, size, age, failed, failed_size, failed_age; /* size, age, failed_size: 0: any */
} DplRetentionSpec;

typedef struct {
  char *directory; /* NULL: the manifest has no state */
  guint64 schema;  /* what this release makes of it */
  guint64 writes;
  guint64 reads_from, reads_to;
  char *reads;        /* as written; NULL */
  DplHook *up, *down; /* NULL: none */
  gboolean snapshot;
} DplStateSpec;

typedef struct {
  guint64 space, inodes;
  guint64 exposure_at_most; /* tenths; 100: any */
  char **commands, **credentials;
  char **ports; /* "8080"; numbers, once made for a target */
} DplRequire;

typedef struct {
  gatomicrefcount refs;
  char *name, *version;
  char *description; /* NULL */
  char *hash;        /* hexadecimal SHA-256 of the canonical text as it was written, also of one
                        that was made for a target */
  gboolean is_expanded;
  DplSelection target;                  /* whom it is for */
  DplSite *own_target;                  /* the manifest describes it itself; NULL */
  GPtrArray *artifacts, *configuration; /* DplArtifactSpec, DplConfiguration */
  struct {
    char **directories, **files;
  } shared;
  DplUnitsSpec units;
  GPtrArray *hooks[DPL_HOOK_POINTS]; /* DplHook; never NULL */
  char **backup;
  DplBudgets budgets;
  DplStrategy strategy;
  DplRetentionSpec retention;
  DplStateSpec state;
  guint64 poison_days;
  DplRequire require;
  GHashTable *vars;   /* text -> text */
  JsonObject *verify; /* checks, groups, waivers, settle, defaults, vars; NULL: nothing to check */
  JsonNode *root;     /* the document */
  WgDoc *doc;         /* NULL once made for a target */
} DplManifest;

/* What the manifest says about retention, and of each thing that it does not say, `defaults`. */
DplRetentionSpec dpl_manifest_retention(const DplManifest *manifest,
                                        const DplRetentionSpec *defaults);

#define DPL_MANIFEST_BYTES_MAX (4 * 1024 * 1024)

/* Also when it is refused, for a judgement of the rest of it and never to be acted on; NULL: there
 * is nothing to read. */
DplManifest *dpl_manifest_parse(const char *bytes, gsize size, WgProblems *problems);
/* NULL when it is refused; everything that is wrong or doubtful stands in `problems`. */
DplManifest *dpl_manifest_load(const char *bytes, gsize size, WgProblems *problems);
DplManifest *dpl_manifest_ref(DplManifest *manifest);
void dpl_manifest_unref(DplManifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplManifest, dpl_manifest_unref)

/* Whom it is for. `wanted` (may be NULL) takes the place of what it says itself. DplSite, each a
 * reference, sorted by name; NULL sets error. */
GPtrArray *dpl_manifest_targets(const DplManifest *manifest, DplSites *sites,
                                const DplSelection *wanted, GError **error);
/* With the variables of `site` in every text but those of the checks, which the verification
 * expands, and with the target itself in it: own_target is that, and the target's file is asked
 * for nothing more. NULL: refused. */
DplManifest *dpl_manifest_for(const DplManifest *manifest, const DplSite *site,
                              WgProblems *problems);
/* Of one that was refused: what is wrong with its checks, and what shows only when the variables of
 * `site` are in it (NULL: it is not known whom it is for). What is told already is not told again.
 */
void dpl_manifest_judge_rest(const DplManifest *manifest, const DplSite *site,
                             WgProblems *problems);

/* Canonical JSON; free with g_free(). */
char *dpl_manifest_text(const DplManifest *manifest);
/* One that was made for a target, out of a transaction's record. STORE_DAMAGED. */
DplManifest *dpl_manifest_from_text(const char *text, const char *hash, GError **error);
/* The verify file (canonical JSON) of one made for `site`: its checks with the deadline of the
 * budget and all variables; `release` (the ID; may be NULL) becomes ${release}. NULL: none. */
char *dpl_manifest_verify_text(const DplManifest *manifest, const DplSite *site,
                               const char *release);
/* The variables themselves, as in texts; see vars.h. `release` NULL: ${release} is not known. */
struct DplVars *dpl_manifest_vars(const DplManifest *manifest, const DplSite *site,
                                  const char *release);

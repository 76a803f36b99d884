/* preflight.h: what stands in the way of a deployment, found before anything is changed, and told
 * all at once. */
#pragma once

#include "deployment/claims.h"
#include "deployment/sources.h"
#include "deployment/state-contract.h"

#include "common/run.h"

typedef struct {
  const DplManifest *manifest; /* made for `site` */
  const DplSite *site;
  const char *base;
  int root;                                  /* of the target (layout.h); -1: it is not there yet */
  const char *current;                       /* the release that serves; NULL: none */
  const DplManifest *previous;               /* its manifest; NULL: none, or not known */
  const char *const *credential_directories; /* NULL: none */
  JsonNode *claims; /* unit files of other targets (claims.h); NULL: none */
} DplPreflight;

/* Worker thread. Reasons (char *, one sentence each); empty: nothing stands in the way. NULL sets
 * error: it was cancelled. The full proof of the current release is a part of it, so it takes as
 * long as reading that release. */
GPtrArray *dpl_preflight(const DplPreflight *preflight, const DplWork *work, GError **error);
/* TRUE when there are none; else INVALID_STATE with all of them. */
gboolean dpl_preflight_judge(const GPtrArray *reasons, GError **error);

/* The parts that need more words; each adds reasons. */
void dpl_preflight_ports(const DplPreflight *preflight, const DplWork *work, GPtrArray *reasons);

/* Unit files of a release, looked at by systemd itself (`systemd-analyze verify`) before they are
 * installed. On the loop's thread; a copy is judged in which paths below the target's `current`
 * lead into the new release. */
typedef struct {
  char *name;      /* "shop.service" */
  GBytes *content; /* as in the release */
} DplUnitText;
void dpl_unit_text_free(DplUnitText *text);
/* `path` below the release `tree`; NULL with an error. */
DplUnitText *dpl_unit_text_read(int tree, const char *path, GError **error);

/* `error` NULL: nothing is wrong with them, or nobody can tell (`remark` says why). INVALID_STATE:
 * its text has what systemd says. Never from inside. */
typedef void (*DplUnitVerifyFunc)(const char *remark, const GError *error, gpointer user_data);
typedef struct DplUnitVerify DplUnitVerify;
/* `units`: of DplUnitText, not empty. `current`, `release`: absolute paths of the target's link and
 * of the new release. */
DplUnitVerify *dpl_unit_verify_start(const GPtrArray *units, const char *current,
                                     const char *release, gboolean user_scope, guint64 limit,
                                     DplUnitVerifyFunc done, gpointer user_data);
/* Without `done`. */
void dpl_unit_verify_forget(DplUnitVerify *verify);

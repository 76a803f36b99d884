/* request.c: see request.h. */
#include "deployment/request.h"

#define DAY_USEC (24 * 3600 * (gint64)G_USEC_PER_SEC)

static gint64 bounded(guint64 usec) {
  return (gint64)MIN(usec, (guint64)G_MAXINT64);
}

static void take_budgets(DplRecord *r, const DplManifest *m) {
  r->budget_deploy = bounded(m->budgets.deploy);
  r->budget_verify = bounded(m->budgets.verify);
  r->budget_rollback = bounded(m->budgets.rollback);
  r->budget_confirm = bounded(m->strategy.confirm);
  r->poison = (gint64)MIN(m->poison_days, 36500) * DAY_USEC;
}

DplRecord *dpl_request_record(const DplManifest *manifest, const DplSite *site, const char *base) {
  DplRecord *r = g_new0(DplRecord, 1);

  r->target = g_strdup(site->name);
  r->root = g_strdup(site->root);
  r->name = g_strdup(manifest->name);
  r->version = g_strdup(manifest->version);
  r->manifest = dpl_manifest_text(manifest);
  r->manifest_hash = g_strdup(manifest->hash);
  r->base = g_strdup(base);
  take_budgets(r, manifest);
  return r;
}

DplRecord *dpl_request_rollback(const DplRecord *committed) {
  DplRecord *r = g_new0(DplRecord, 1);

  r->target = g_strdup(committed->target);
  r->root = g_strdup(committed->root);
  r->name = g_strdup(committed->name);
  r->version = g_strdup(committed->version);
  r->manifest = g_strdup(committed->manifest);
  r->manifest_hash = g_strdup(committed->manifest_hash);
  r->base = g_strdup(committed->base);
  r->to = g_strdup(committed->to);
  r->digest = g_strdup(committed->digest);
  r->budget_deploy = committed->budget_deploy;
  r->budget_verify = committed->budget_verify;
  r->budget_rollback = committed->budget_rollback;
  return r; /* nobody has to confirm what was good before, and it is not poisoned by a failure */
}

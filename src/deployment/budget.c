/* budget.c: see budget.h. */
#include "deployment/budget.h"

#include <stdlib.h>

/* Without a history a roll-back is thought to take a quarter of what it may. */
#define SHARE 4
/* A measured roll-back gets that much more time than it used to need, and never less than LEAST. */
#define MARGIN 2
#define LEAST (2 * G_USEC_PER_SEC)

static gint64 bounded(gint64 given, gint64 max) {
  return given <= 0 || given > max ? max : given;
}

void dpl_budget_begin(DplRecord *r, gint64 measured) {
  r->budget_deploy = bounded(r->budget_deploy, DPL_DEPLOY_MAX);
  r->budget_verify = bounded(r->budget_verify, DPL_VERIFY_MAX);
  r->budget_rollback = bounded(r->budget_rollback, DPL_ROLLBACK_MAX);
  r->budget_confirm = CLAMP(r->budget_confirm, 0, DPL_CONFIRM_MAX);
  gint64 wanted = measured > 0 ? MAX(measured * MARGIN, (gint64)LEAST) : r->budget_rollback / SHARE;
  wanted = MIN(wanted, r->budget_rollback);
  /* a small budget is not eaten by its reserve: half of it stays for the work */
  r->reserve = MIN(wanted, MIN(r->budget_deploy, r->budget_verify) / 2);
}

void dpl_budget_enter(DplRecord *r, gint64 now) {
  switch (r->state) {
  case DPL_STATE_VERIFYING:
    r->verify_until = now + r->budget_verify;
    break;
  case DPL_STATE_VERIFIED:
    if (r->confirm_until == 0 && r->budget_confirm > 0)
      r->confirm_until = now + r->budget_confirm;
    break;
  case DPL_STATE_ROLLING_BACK:
    if (r->rollback_until == 0)
      r->rollback_until = now + r->budget_rollback;
    break;
  default:
    if (r->started == 0)
      break;
    if (r->deploy_until == 0)
      r->deploy_until = r->started + r->budget_deploy;
  }
}

gint64 dpl_budget_deadline(const DplRecord *r) {
  switch (r->state) {
  case DPL_STATE_VALIDATED:
  case DPL_STATE_BACKING_UP:
  case DPL_STATE_STAGING:
  case DPL_STATE_STAGED:
  case DPL_STATE_MIGRATING:
  case DPL_STATE_SWITCHING:
  case DPL_STATE_STARTING:
    return r->deploy_until != 0 ? r->deploy_until - r->reserve : G_MAXINT64;
  case DPL_STATE_VERIFYING:
    return r->verify_until - r->reserve;
  case DPL_STATE_VERIFIED:
    return r->confirm_until != 0 ? r->confirm_until : G_MAXINT64;
  case DPL_STATE_ROLLING_BACK:
    return r->rollback_until;
  default:
    return G_MAXINT64;
  }
}

gboolean dpl_budget_left(const DplRecord *r, gint64 now) {
  return now < dpl_budget_deadline(r);
}

char *dpl_budget_words(const DplRecord *r) {
  static const struct {
    const char *name;
    gsize at;
  } words[] = {
      {"deploying", G_STRUCT_OFFSET(DplRecord, budget_deploy)},
      {"verifying", G_STRUCT_OFFSET(DplRecord, budget_verify)},
      {"rolling back", G_STRUCT_OFFSET(DplRecord, budget_rollback)},
      {"the confirmation", G_STRUCT_OFFSET(DplRecord, budget_confirm)},
  };
  guint i = r->state == DPL_STATE_VERIFYING      ? 1
            : r->state == DPL_STATE_ROLLING_BACK ? 2
            : r->state == DPL_STATE_VERIFIED     ? 3
                                                 : 0;
  gint64 usec = G_STRUCT_MEMBER(gint64, r, words[i].at);

  return g_strdup_printf("the time for %s (%.3g s)", words[i].name, usec / 1e6);
}

static int by_size(const void *a, const void *b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

gint64 dpl_budget_p95(gint64 *durations, guint n) {
  if (n == 0)
    return 0;
  qsort(durations, n, sizeof *durations, by_size);
  return durations[(n * 95 + 99) / 100 - 1];
}

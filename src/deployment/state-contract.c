/* state-contract.c: see state-contract.h. */
#include "deployment/state-contract.h"

const char *dpl_way_back_name(DplWayBack back) {
  static const char *const names[] = {
      [DPL_WAY_BACK_NONE_NEEDED] = "none-needed",
      [DPL_WAY_BACK_READS] = "reads",
      [DPL_WAY_BACK_SNAPSHOT] = "snapshot",
      [DPL_WAY_BACK_DOWN] = "down",
  };

  return names[back];
}

static gboolean reads(const DplStateSpec *s, guint64 version) {
  return version >= s->reads_from && version <= s->reads_to;
}

/* The data are of version `there`. */
static gboolean may_take(const DplStateSpec *now, guint64 there, gboolean *ret_migrate,
                         GError **error) {
  *ret_migrate = there < now->schema && now->up;
  if (*ret_migrate || reads(now, there))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "the data in %s are of version %" G_GUINT64_FORMAT
              "; this release reads %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " and %s",
              now->directory, there, now->reads_from, now->reads_to,
              there < now->schema ? "has no migration (state.migrate.up)"
                                  : "data are never migrated downwards by a deployment");
  return FALSE;
}

/* What the data will be of, at most. */
static guint64 written(const DplStateSpec *now, gboolean migrate) {
  return migrate ? MAX(now->schema, now->writes) : now->writes;
}

static gboolean find_way_back(const DplManifest *before, const DplStateSpec *now,
                              DplStatePlan *plan, GError **error) {
  const DplStateSpec *old = before->state.directory ? &before->state : NULL;
  guint64 version = written(now, plan->migrate);

  if (now->snapshot)
    plan->back = DPL_WAY_BACK_SNAPSHOT;
  else if (plan->migrate && now->down)
    plan->back = DPL_WAY_BACK_DOWN;
  else if (old && reads(old, version))
    plan->back = DPL_WAY_BACK_READS;
  else if (!old && !plan->migrate) /* nobody said what the old one reads, and nothing is changed */
    plan->back = DPL_WAY_BACK_NONE_NEEDED;
  else {
    g_autofree char *range =
        old ? g_strdup_printf("reads only %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                              old->reads_from, old->reads_to)
            : g_strdup("does not say what it reads");
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "there would be no way back: the data in %s become version %" G_GUINT64_FORMAT
                ", and the release before (%s) %s; give the manifest \"snapshot\": true or a "
                "command state.migrate.down",
                now->directory, version, before->version, range);
    return FALSE;
  }
  return TRUE;
}

gboolean dpl_state_contract(const DplManifest *before, const DplManifest *now, DplStatePlan *ret,
                            GError **error) {
  const DplStateSpec *s = &now->state;

  *ret = (DplStatePlan){.back = DPL_WAY_BACK_NONE_NEEDED};
  if (!s->directory)
    return TRUE;
  if (before && before->state.directory) {
    if (!may_take(s, before->state.writes, &ret->migrate, error))
      return FALSE;
  } else
    ret->migrate = s->up != NULL; /* it may be the first time: "up" finds out what is there */
  if (before)
    return find_way_back(before, s, ret, error);
  ret->back = s->snapshot               ? DPL_WAY_BACK_SNAPSHOT
              : ret->migrate && s->down ? DPL_WAY_BACK_DOWN
                                        : DPL_WAY_BACK_NONE_NEEDED;
  return TRUE;
}

/* plan.h: a verify file, read: what is to be checked, in which order, and what it takes to pass.
 *
 * A plan is immutable once loaded, and counted (threads that hang may hold it). Names are unique;
 * the graph of requirements has no cycle. */
#pragma once

#include "checks/matcher.h"

#define CHK_SCHEMA_VERIFY "waggle-verify-1"
#define CHK_DEADLINE_DEFAULT (10 * 60 * (guint64)G_USEC_PER_SEC)
#define CHK_DEADLINE_MAX (60 * 60 * (guint64)G_USEC_PER_SEC)
#define CHK_PARALLEL_DEFAULT 16
#define CHK_PARALLEL_MAX 256

typedef enum { CHK_REQUIRED, CHK_WANTED } ChkLevel;
typedef enum { CHK_PRIORITY_CRITICAL, CHK_PRIORITY_HIGH, CHK_PRIORITY_NORMAL } ChkPriority;

typedef struct {
  char *key;
  ChkKind kind;
  ChkMatcher *matcher;
} ChkAssertion;

typedef struct {
  char *glob, *reason, *owner, *expires; /* expires: YYYY-MM-DD, the last day it is in force */
  gboolean expired;
} ChkWaiver;

typedef struct {
  char *name, *subject;
  const ChkType *type;
  JsonObject *options;      /* checked; never NULL */
  JsonObject *wanted;       /* keys of expect and warn (values: true); never NULL */
  GPtrArray *expect, *warn; /* (element-type ChkAssertion) */
  GArray *needs;            /* guint: indexes of required checks */
  gboolean secret;          /* what it observes and expects is told to nobody */
  gboolean after_all;       /* the settle window: after everything else, if nothing failed */
  ChkLevel level;
  ChkPriority priority;
  guint attempts, successes;
  guint64 pause, timeout, initial_delay; /* us */
  double back_off;
  char **tags;             /* never NULL */
  char *hint, *unit;       /* or NULL */
  const ChkWaiver *waiver; /* in force, or NULL */
  gboolean grouped;        /* a member of a group does not fail the run by itself */
  guint line;              /* in the file; 0: not known */
} ChkCheck;

typedef struct {
  char *name;
  double share;    /* 0 to 1 of the members, or */
  guint at_least;  /* so many of them, when it is not 0 */
  GArray *members; /* guint: indexes of checks */
  ChkLevel level;
  char *hint; /* or NULL */
} ChkGroup;

typedef struct {
  char *name;
  guint64 deadline; /* us, of the whole run */
  guint parallel;
  GPtrArray *checks, *groups, *waivers;
} ChkPlan;

/* Reads a verify file's object (or the members of a manifest that belong to it, as an object of
 * their own). `pointer` is where the object stands in `doc`, which may be NULL. `vars`: replace
 * those of the file; may be NULL. All problems at once; NULL when one of them refuses it. */
ChkPlan *chk_plan_load(JsonNode *node, WgDoc *doc, const char *pointer, JsonObject *vars,
                       WgProblems *problems);
/* One check that stands alone, as a plan: what a probe looks at. NULL: a problem was added. */
ChkPlan *chk_plan_load_one(JsonNode *check, WgDoc *doc, const char *pointer, WgProblems *problems);
ChkPlan *chk_plan_ref(ChkPlan *plan); /* any thread */
void chk_plan_unref(ChkPlan *plan);   /* any thread */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkPlan, chk_plan_unref)
/* The check of that name, or -1. */
int chk_plan_find(const ChkPlan *plan, const char *name);
/* Keeps the checks that `only` names (all, when it is empty), those they require, and not those of
 * `skip`; "@TAG" stands for all with the tag. FALSE: a name that nothing has. */
gboolean chk_plan_select(ChkPlan *plan, const char *const *only, const char *const *skip,
                         GError **error);

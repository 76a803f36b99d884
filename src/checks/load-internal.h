/* load-internal.h: the reading of a verify file from within; for load*.c, vars.c and presets*.c. */
#pragma once

#include "checks/plan.h"

#include "common/reader.h"

/* What a check takes over when it does not say it itself. */
typedef struct {
  ChkLevel level;
  ChkPriority priority;
  guint attempts, successes;
  guint64 pause, timeout, initial_delay;
  double back_off;
} ChkDefaults;

typedef struct {
  WgDoc *doc; /* may be NULL */
  WgProblems *problems;
  ChkPlan *plan;
  ChkDefaults defaults;
  GHashTable *names;   /* name -> index + 1 */
  GPtrArray *requires; /* char ** of each check, beside plan->checks */
  GPtrArray *pointers; /* char * of each check */
  GPtrArray *groups;   /* JsonNode of each group, the file's and the presets' */
  GPtrArray *group_pointers;
} ChkLoad;

extern const char *const chk_level_words[], *const chk_priority_words[];

/* vars.c: a copy with each "${name}" replaced; an unknown one is a problem. */
JsonNode *chk_vars_expand(JsonNode *node, JsonObject *vars, WgDoc *doc, const char *pointer,
                          WgProblems *problems);
/* One text, for messages and tests; NULL: refused. */
char *chk_vars_text(const char *text, JsonObject *vars, char **reterr_why);

/* load-options.c: the members of `reader` that are options of `type`, checked. (transfer full) */
JsonObject *chk_load_options(WgReader *reader, const ChkType *type);

/* load-common.c: what every check has, and defaults. */
void chk_load_common(WgReader *reader, ChkDefaults *defaults);
gboolean chk_is_common_option(const char *name);
extern const char *const chk_common_options[];

/* load-check.c */
void chk_load_check(ChkLoad *load, JsonNode *node, const char *pointer);
void chk_check_free(ChkCheck *check);

/* load-graph.c: after all checks are read */
void chk_load_requires(ChkLoad *load);
void chk_load_group(ChkLoad *load, JsonNode *node, const char *pointer);
void chk_load_waivers(ChkLoad *load, WgReader *file);

/* presets.c: the checks and groups that an object with the key "preset" stands for. */
void chk_load_preset(ChkLoad *load, JsonNode *node, const char *pointer);

/* rules.h: rule files, rules.d/NAME.yaml or .json: Prometheus' shape of them read unchanged, with
 * keys of our own (waggle-rules(5)).
 *
 * A set of rules is immutable: a reload makes a new one, or is refused with every problem of every
 * file, and the old set stays in force. */
#pragma once

#include "monitoring/expr.h"

#include "common/problems.h"

typedef enum { MON_NO_DATA_OK, MON_NO_DATA_ALERT, MON_NO_DATA_KEEP, MON_NO_DATA_UNKNOWN } MonNoData;

typedef struct {
  char *key;   /* "GROUP/NAME", with "#2" for the second of that name: who an alert belongs to */
  char *group; /* its group's name */
  char *name;  /* of the alert, or of the series that it records */
  char *file;
  guint line;
  char *text;       /* as it stands there, canonical JSON; NULL: nowhere */
  gboolean records; /* a recording rule */
  MonExpr *expr, *resolve;
  gint64 hold, keep;            /* `for`, keep_firing_for; us */
  gint64 interval;              /* us */
  guint limit;                  /* alerts at most; 0: no limit */
  char **labels, **annotations; /* name, template, ... NULL */
  char *severity;               /* "" */
  MonNoData no_data;
  guint x, y;         /* x of the last y evaluations hold; 1 of 1 */
  guint flap_changes; /* 0: flapping is not looked for */
  gint64 flap_within; /* us */
} MonRule;

typedef struct MonRules {
  GPtrArray *rules; /* MonRule */
} MonRules;

#define MON_RULES_MAX 10000

MonRules *mon_rules_new(void);
void mon_rules_free(MonRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonRules, mon_rules_free)

/* Adds what stands in `bytes`. `interval`: of a group that has none. FALSE: the problems refuse
 * it; nothing is added then. */
gboolean mon_rules_read(MonRules *rules, const char *bytes, gsize size, const char *file,
                        gint64 interval, WgProblems *problems);
/* Every file of rules.d below `dirs`, weakest first; one of a name hides those of the same name
 * in weaker directories, and an empty one is none. NULL: WG_ERROR_CONFIGURATION with all problems
 * of all files, a line each. */
MonRules *mon_rules_load(const char *const *dirs, gint64 interval, GError **error);

/* rules-labels.c: the labels of an alert (or a recorded series): the result's, the rule's own over
 * them, and its name; and texts whose templates are expanded. (transfer full) */
MonLabels *mon_rule_labels(const MonRule *rule, const MonLabels *result, double value);
MonLabels *mon_rule_texts(char *const *pairs, const MonLabels *labels, double value);

struct MonItems;
void mon_rules_items(const MonRules *rules, struct MonItems *into); /* items.h */
const MonRule *mon_rules_find(const MonRules *rules, const char *key);
const char *mon_no_data_name(MonNoData policy);

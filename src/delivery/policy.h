/* policy.h: an agent's policy: by which back-ends it is reached, in which order, when, how often.
 *
 * Written as JSON (waggle-policy(5)), checked as a whole: every problem is told at once, each with
 * the JSON pointer of its place. What was parsed is immutable and may be shared. Reading it needs
 * no I/O and no clock; what follows from it is decided in ladder.h. */
#pragma once

#include "delivery/backend.h"
#include "delivery/hours.h"

#define DLV_POLICY_BYTES_MAX (64 * 1024)
#define DLV_POLICY_DEPTH_MAX 16
#define DLV_POLICY_ENTRIES_MAX 16
#define DLV_POLICY_LIST_MAX 256 /* members of any other list */
#define DLV_PROBLEMS_MAX 100

#define DLV_URGENT 7 /* priority from which a message is urgent */

typedef struct {
  char *pointer; /* RFC 6901; "" is the whole policy */
  char *text;    /* what is wrong there and what to write; one line */
} DlvProblem;
DlvProblem *dlv_problem_new(const char *pointer, const char *text);
void dlv_problem_free(DlvProblem *problem);

/* A set of priorities: bit p for priority p. */
#define DLV_PRIORITIES_ALL 0x3ff
static inline gboolean dlv_priorities_have(guint16 priorities, guint8 priority) {
  return (priorities >> MIN(priority, 9)) & 1;
}

typedef struct {
  guint16 priorities; /* DLV_PRIORITIES_ALL: no condition */
  char *priority_text;
  guint64 idle;    /* no sign of life for so long, us; 0: no condition */
  DlvHours *hours; /* NULL: no condition */
} DlvConditions;

typedef struct { /* a rung of the ladder */
  const DlvBackendClass *class;
  const char *name;    /* unique in the policy */
  JsonObject *options; /* the whole entry; the class's own keys are checked by its table */
  DlvConditions conditions;
  guint64 escalate; /* us; 0: never */
  guint64 hold_max; /* us; G_MAXUINT64: for ever */
  guint64 timeout;  /* of one job, us */
  guint64 retry;    /* first back-off, us */
} DlvEntry;

typedef struct {
  DlvHours *hours;
  guint16 except; /* priorities that ring all the same */
  char *except_text;
} DlvQuiet;

typedef struct {
  /* all of it to be read only */
  guint n_entries;
  DlvEntry *entries;
  guint n_quiet;
  DlvQuiet *quiet;
  guint rate_max; /* doorbells; 0: no limit */
  guint64 rate_per;
  guint64 digest_window; /* us */
  char *digest_text;     /* template; NULL: the default text */
  /* private */
  grefcount refs;
  JsonNode *root;
} DlvPolicy;

/* `classes`: ends with NULL (dlv_backend_classes). NULL when there is any problem; they are added
 * to `problems` (element-type DlvProblem, with dlv_problem_free), at most DLV_PROBLEMS_MAX. What a
 * class's configure() would refuse is not known here. */
DlvPolicy *dlv_policy_parse(const char *json, const DlvBackendClass *const *classes,
                            GPtrArray *problems);
DlvPolicy *dlv_policy_ref(DlvPolicy *policy);
void dlv_policy_unref(DlvPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DlvPolicy, dlv_policy_unref)

/* The problem of entry `i`'s options as its class's configure() told it, at the entry's place. */
DlvProblem *dlv_policy_entry_problem(guint i, const GError *error);
/* "/backends/0/pane: 'pane' is missing ...", one line a problem; free with g_free(). */
char *dlv_problems_text(const GPtrArray *problems);

/* A doorbell: one line tells of all; only these obey the rate and the digest. */
static inline gboolean dlv_is_doorbell(const DlvBackendClass *class) {
  return (class->flags & (DLV_EACH | DLV_LEASES)) == 0;
}

/* ---- the language's own keys; waggle-policy(5) is compared with them ---- */
typedef enum { DLV_ONE, DLV_ONE_OR_LIST, DLV_LIST } DlvShape;

typedef struct {
  const char *section; /* "": the policy itself; "backends", "if", "quiet", "rate", "digest" */
  DlvOption option;
  DlvShape shape;
  const char *default_text; /* NULL: none */
} DlvKey;

extern const DlvKey dlv_policy_keys[]; /* ends with a NULL section */

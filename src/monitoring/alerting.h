/* alerting.h: who is told of which alerts, when and how: alerting.yaml in Alertmanager's shape.
 *
 * A MonAlerting is immutable; a reload makes a new one, or tells all that is wrong and leaves the
 * old one in force. alerting.yaml of the strongest directory counts; files of alerting.d add
 * receivers, time intervals, inhibitions and routes below the root (a name in a stronger directory
 * hides the same in a weaker one). Documentation: waggle-alerting(5). */
#pragma once

#include "monitoring/intervals.h"
#include "monitoring/matchers.h"

#include "common/doc.h"

typedef enum {
  MON_RECEIVE_JOURNAL,
  MON_RECEIVE_DBUS,
  MON_RECEIVE_MESSAGE,
  MON_RECEIVE_EXEC,
  MON_RECEIVE_WEBHOOK,
  MON_RECEIVE_ALERTMANAGER,
  MON_RECEIVE_EMAIL,
  MON_RECEIVE_NTFY,
  MON_RECEIVE_WALL,
  _MON_RECEIVE_MAX,
} MonReceiveKind;

#define MON_RATE_MAX 1000 /* of a rate limit, and how many of the past are remembered */
#define MON_RATE_PER_MAX G_TIME_SPAN_DAY

/* One way in which a receiver is told. */
typedef struct {
  MonReceiveKind kind;
  char *key; /* "RECEIVER/webhook/0": what the store knows it by */
  gboolean send_resolved;
  guint64 timeout;   /* us, of one attempt */
  guint64 retry_for; /* us, from the first attempt on; then it is given up */
  guint rate_max;    /* notifications in rate_per at most; 0: no bound */
  guint64 rate_per;  /* us */
  char *agent;       /* message */
  int priority;      /* message: 0 to 9; ntfy: 1 to 5; -1: by severity */
  char **command;    /* exec */
  char *url;         /* webhook, alertmanager, ntfy */
  char *auth_type;   /* "Bearer", "Basic"; NULL: none */
  char *auth_text;   /* what stands behind it; a secret, never logged */
  char *auth_file;   /* the same from a file, read at each attempt */
  char *auth_user;   /* of Basic */
  char *ca_file;     /* whose certificates a server's is to be of; NULL: the system's */
  guint max_alerts;  /* webhook: in one body; 0: all */
  char **to;         /* email */
  char *from;        /* email; NULL: sendmail's own */
  char **tags;       /* ntfy: beside those that say how it stands */
  char *click;       /* ntfy: where a click leads; NULL: to the runbook, if there is one */
  char **terminals;  /* wall: paths; none: those of the sessions */
} MonIntegration;

typedef struct {
  char *name;
  char *text;              /* as it stands in its file, canonical JSON */
  GPtrArray *integrations; /* of MonIntegration; may be empty: nobody is told */
  guint rate_max;          /* of each way that has no bound of its own */
  guint64 rate_per;
} MonReceiver;

/* Who is told of an alert of a route, too, when nobody has acknowledged it for so long. */
typedef struct {
  guint64 after;         /* us, since the route told of it */
  MonReceiver *receiver; /* borrowed */
} MonEscalation;

typedef struct MonRoute MonRoute;
struct MonRoute {
  MonRoute *parent;
  char *text;          /* as it stands in its file, canonical JSON */
  char *key;           /* as Alertmanager has it: {}/{team="x"} */
  GPtrArray *matchers; /* of MonMatcher */
  MonReceiver *receiver;
  char **group_by;                                     /* sorted */
  gboolean group_by_all;                               /* "...": each alert by itself */
  gboolean goes_on;                                    /* continue: siblings are tried, too */
  guint64 group_wait, group_interval, repeat_interval; /* us */
  GPtrArray *mute, *active;                            /* of MonInterval, borrowed */
  GPtrArray *escalations;                              /* of MonEscalation, the soonest first */
  GPtrArray *routes;                                   /* of MonRoute */
};

typedef struct {
  char *name;                 /* NULL */
  char *text;                 /* as it stands in its file, canonical JSON */
  GPtrArray *source, *target; /* of MonMatcher */
  char **equal;               /* labels that both have alike; absent in both is alike */
} MonInhibitRule;

typedef struct {
  gatomicrefcount n_refs;
  MonRoute *root;
  GPtrArray *receivers; /* of MonReceiver */
  GPtrArray *inhibits;  /* of MonInhibitRule */
  GPtrArray *intervals; /* of MonInterval */
} MonAlerting;

MonAlerting *mon_alerting_ref(MonAlerting *alerting);
void mon_alerting_unref(MonAlerting *alerting);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonAlerting, mon_alerting_unref)

const char *mon_receive_name(MonReceiveKind kind); /* "webhook" */

/* One document that has to be whole in itself. NULL exactly when the problems refuse it. */
MonAlerting *mon_alerting_parse(const char *bytes, gsize size, WgProblems *problems);
/* The files of `dirs`, weakest first. Without any file: everything goes to the journal and to
 * D-Bus, each alert by itself and at once. CONFIGURATION with every problem of every file. Blocks:
 * reads files. */
MonAlerting *mon_alerting_load(const char *const *dirs, GError **error);

const MonReceiver *mon_alerting_receiver(const MonAlerting *alerting, const char *name);
const MonIntegration *mon_alerting_integration(const MonAlerting *alerting, const char *key);

/* alerting-items.c: what it says, as named things (items.h). */
struct MonItems;
void mon_alerting_items(const MonAlerting *alerting, struct MonItems *into);

/* route.c: the routes that an alert takes, the first that matches among siblings or all up to one
 * that does not go on, and the parent where no child does. Never none: the root takes everything.
 */
typedef void (*MonRouteFunc)(const MonRoute *route, gpointer user_data);
void mon_route_match(const MonRoute *root, const MonLabels *labels, MonRouteFunc func,
                     gpointer user_data);
/* The labels that the route groups by. (transfer full) */
MonLabels *mon_route_group(const MonRoute *route, const MonLabels *labels);
/* The name of the interval that silences the route now, or NULL. */
const char *mon_route_muted(const MonRoute *route, gint64 realtime);
/* The route with this key, or NULL. */
const MonRoute *mon_route_find(const MonRoute *root, const char *key);

/* inhibit.c: TRUE when a rule's target is `target` and its source is a firing alert of `sources`
 * (element-type MonLabels) that agrees in the labels of `equal`. As in Alertmanager an alert that
 * is both never inhibits itself. `ret_source`: which; borrowed; may be NULL. */
gboolean mon_inhibited(const MonAlerting *alerting, const MonLabels *target, GPtrArray *sources,
                       const MonLabels **ret_source);

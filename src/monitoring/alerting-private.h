/* alerting-private.h: what the parts of the reader of alerting.yaml share.
 *
 * Names (of receivers, of time intervals) may stand in another file than what names them, so they
 * are only noted while reading and looked up at the end; a name that is nobody's is told where it
 * stands. */
#pragma once

#include "monitoring/alerting.h"

#include "common/reader.h"

#define MON_ALERTING_ROUTES_MAX 1000
#define MON_ALERTING_DEPTH_MAX 16

typedef enum {
  MON_LINK_RECEIVER,
  MON_LINK_ESCALATION,
  MON_LINK_MUTE,
  MON_LINK_ACTIVE,
} MonLinkKind;

typedef struct {
  MonLinkKind kind;
  MonRoute *route;
  MonEscalation *escalation; /* NULL: none */
  char *name, *pointer;
  guint line;
  WgProblems *problems; /* of its file */
} MonLink;

typedef struct {
  MonAlerting *alerting;
  GPtrArray *links; /* of MonLink */
  guint n_routes;
  WgDoc *doc; /* the file that is being read */
  WgProblems *problems;
} MonLoader;

void mon_route_free(MonRoute *route);
/* alerting-route.c. The root has `parent` NULL. Never NULL: problems are told. */
MonRoute *mon_loader_route(MonLoader *loader, WgReader *reader, MonRoute *parent, guint depth);
/* matchers: [...] (or one text), match: {}, match_re: {} under such names; (transfer full). */
GPtrArray *mon_loader_matchers(WgReader *reader, const char *matchers, const char *match,
                               const char *match_re);
void mon_loader_inhibits(MonLoader *loader, WgReader *top);
/* alerting-receiver.c */
void mon_loader_receivers(MonLoader *loader, WgReader *top);
void mon_receiver_free(MonReceiver *receiver);
/* alerting-interval.c: `key` is "time_intervals" or the older "mute_time_intervals" */
void mon_loader_intervals(MonLoader *loader, WgReader *top, const char *key);

/* event.h: what happened, told inside the daemon.
 *
 * The inventory, the journal, the registry and the probes tell; rules, the history and the signals
 * of D-Bus listen. Nothing is stored here. On the loop's thread only. */
#pragma once

#include "monitoring/labels.h"

typedef enum {
  MON_EVENT_UNIT,        /* the state of a unit changed */
  MON_EVENT_OOM,         /* the kernel killed a process of it for want of memory */
  MON_EVENT_COREDUMP,    /* a process of it has crashed */
  MON_EVENT_START_LIMIT, /* it was started too often in too short a time */
  MON_EVENT_WATCHDOG,    /* it did not answer its watchdog */
  MON_EVENT_SERVICE,     /* the registry: registered, gone, in maintenance */
  MON_EVENT_PROBE,       /* the state of a probe changed */
  MON_EVENT_DEPLOYMENT,  /* a deployment began, switched, ended */
  MON_EVENT_BUS,         /* the bus or a manager is lost or back */
  _MON_EVENT_MAX,
} MonEventKind;

/* All borrowed for the time of the call. What is not known is NULL; `labels` never is: at least
 * {unit=...} or {service=..., probe=...}. */
typedef struct {
  MonEventKind kind;
  const char *subject;    /* a unit; service/probe; a deployment's target */
  const char *from, *to;  /* states, where it is a change of state */
  const char *text;       /* one sentence for people */
  const char *release;    /* that the unit is of */
  const char *invocation; /* of the unit, hexadecimal */
  gint64 time;            /* CLOCK_REALTIME us */
  const MonLabels *labels;
} MonEvent;

typedef struct MonEvents MonEvents;
typedef void (*MonEventFunc)(const MonEvent *event, gpointer user_data);

/* "unit", "oom", ...: the label `event` of waggle_event_total. */
const char *mon_event_name(MonEventKind kind);

MonEvents *mon_events_new(void);
void mon_events_free(MonEvents *events);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonEvents, mon_events_free)
/* Listeners run at once, in the order in which they came. They may listen, unlisten and emit. */
guint mon_events_listen(MonEvents *events, MonEventFunc func, gpointer user_data);
void mon_events_unlisten(MonEvents *events, guint id);
void mon_events_emit(MonEvents *events, const MonEvent *event);

/* call.h: the way of a method call into a service and back.
 *
 * A call goes: the vtable -> who is it, may it enter -> the descriptor, if it has one, and the
 * other arguments as one GVariant tuple; options are checked against the method's table, and
 * "traceparent", wherever a table has it, for its form (trace-context.h) -> polkit,
 * for whoever is neither root nor the service's own uid -> the service's gate, if it has one -> its
 * handler, which answers now or later, exactly once. A call that is owed an answer keeps the
 * service from leaving. In the user scope only the service's own uid and root may enter at all; in
 * the system scope everybody may, and what a method needs beyond that is its action. Everything is
 * on the loop's thread. */
#pragma once

#include "common/bus-options.h"
#include "common/service.h"

typedef struct WgCalls WgCalls;
typedef struct WgCall WgCall;
typedef void (*WgCallHandler)(WgCall *call);

typedef struct {
  const char *interface, *member;
  WgCallHandler handler;
  const char *action;      /* polkit; NULL: everybody who may enter */
  const WgOption *options; /* of its last argument, a{sv}; NULL: it has none */
  gboolean is_audited;     /* it may change something: for a service that has a gate */
} WgMethod;                /* a table ends with a NULL member */

typedef void (*WgCallFailing)(WgCall *call, const GError *error);

/* What stands between a call and its handler in a service that writes down what it is asked. */
typedef struct {
  WgCallHandler allowed; /* goes on with call->method->handler, now or later, or fails the call */
  WgCallFailing refused; /* by polkit; before it is answered */
} WgCallGate;

/* One call that is owed an answer. */
struct WgCall {
  WgCalls *calls;
  gpointer owner; /* the service's own object */
  const WgMethod *method;
  sd_bus_message *m;
  GVariant *args;    /* tuple, without the descriptor */
  GVariant *options; /* its last dictionary; NULL: none */
  int fd;            /* of a first argument `h`, ours; -1: none */
  guint64 caller;    /* WgCaller.id */
  uid_t uid;
  pid_t pid;
  char *unit;         /* NULL */
  gboolean by_action; /* polkit allowed it */
  gpointer data;      /* the handler's, freed with `free_data` */
  GDestroyNotify free_data;
  gpointer gate_data; /* the gate's, freed with `free_gate_data` */
  GDestroyNotify free_gate_data;
  WgCallFailing failing; /* the gate's; NULL: nothing is told before an error is answered */
  WgCallHandler next;    /* ours */
};

/* `tables`: arrays of methods, ends with NULL; borrowed, like `owner`. `purpose`: what the service
 * does for its uid, for a refusal: "deploys for". */
WgCalls *wg_calls_new(WgService *service, gpointer owner, const WgMethod *const *tables,
                      const char *purpose);
/* Before the first call; `gate` is borrowed. Without one the handler follows at once. */
void wg_calls_set_gate(WgCalls *calls, const WgCallGate *gate);
void wg_calls_free(WgCalls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgCalls, wg_calls_free)
/* What a handler of a vtable calls; returns what it has to return. */
int wg_calls_enter(WgCalls *calls, sd_bus_message *m);
guint wg_calls_n(const WgCalls *calls); /* owed an answer */
/* How calls of an interface's methods ended since the start. */
typedef enum { WG_CALL_ANSWERED, WG_CALL_FAILED, WG_CALL_REFUSED, WG_CALL_OUTCOMES } WgCallOutcome;
gint64 wg_calls_since(const WgCalls *calls);             /* that start, CLOCK_REALTIME us */
const char *wg_call_outcome_name(WgCallOutcome outcome); /* "answered"; static storage */
typedef void (*WgCallCountFunc)(const char *interface, WgCallOutcome outcome, guint64 n,
                                gpointer user_data);
void wg_calls_each_count(const WgCalls *calls, WgCallCountFunc func, gpointer user_data);
/* From now on calls are refused; `drained` is called once none is owed an answer, at the earliest
 * from here. */
void wg_calls_drain(WgCalls *calls, void (*drained)(gpointer owner));
/* WgServiceInfo.caller_gone */
void wg_calls_gone(WgCalls *calls, WgCaller *caller);

gboolean wg_calls_is_admin(const WgCalls *calls, uid_t uid); /* root or the service's own uid */
/* For getters of properties, which sd-bus calls for whoever asks: FALSE: answer -EACCES. */
gboolean wg_calls_may_look(const WgCalls *calls, sd_bus *bus);

/* Both end the call and free it. `result`: a tuple, its floating reference is taken; NULL: empty.
 */
void wg_call_answer(WgCall *call, GVariant *result);
void wg_call_fail(WgCall *call, const GError *error);
/* For a handler whose method has no action in the table: goes on with `next` when the caller may do
 * `action`, else refuses the call. */
void wg_call_authorize(WgCall *call, const char *action, WgCallHandler next);
/* A line for the journal, not too often; also for who has another way in. `member`: NULL: all. */
void wg_call_log_refused(uid_t uid, const char *member);
/* "uid:1000"; free with g_free(). */
char *wg_call_who(const WgCall *call);
const char *wg_call_text(WgCall *call, const char *option); /* NULL: not given. Borrowed */
guint64 wg_call_number(WgCall *call, const char *option);   /* t or u; 0: not given */
gboolean wg_call_flag(WgCall *call, const char *option);
gboolean wg_call_has(WgCall *call, const char *option);

/* ---- signals (call-signals.c): to the bus, and to every private client that has called before
 * ---- `body`: a tuple, its floating reference is taken. */
void wg_calls_signal(WgCalls *calls, const char *path, const char *interface, const char *member,
                     GVariant *body);
/* In the system's scope to those alone that are the service's own uid, root, or were allowed a call
 * by polkit before. */
void wg_calls_signal_authorized(WgCalls *calls, const char *path, const char *interface,
                                const char *member, GVariant *body);
/* PropertiesChanged; `names` end with NULL. */
void wg_calls_changed(WgCalls *calls, const char *path, const char *interface,
                      const char *const *names);
void wg_calls_object(WgCalls *calls, const char *path, gboolean added);

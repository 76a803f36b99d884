/* link.h: one connection to a messaging service.
 *
 * A link lives as long as the program; its connection comes and goes. While it is there the
 * courier is registered, mail is asked for by one parked call, and what came of attempts is told in
 * batches. All calls are asynchronous and none is lost from sight: when the connection ends, each
 * of them hears of it. */
#pragma once

#include "delivery/courier.h"

/* Of bodies that came along with mail in hand, or are fetched for one job; one always fits. */
#define DLV_BYTES_MAX (64 * 1024 * 1024)

typedef struct DlvAgent DlvAgent;
typedef struct DlvAttempt DlvAttempt;

typedef enum {
  DLV_LINK_DOWN,        /* waits for its next try */
  DLV_LINK_REGISTERING, /* connected or connecting; RegisterCourier is under way */
  DLV_LINK_READY,
} DlvLinkState;

typedef struct DlvLink {
  DlvCourier *courier;
  char *address; /* as sd-bus takes it */
  char *shown;   /* for people: the socket's path, or the address */
  DlvLinkState state;
  sd_bus *bus;
  GSource *source;
  sd_bus_slot *events, *waiting; /* the signals that come to us */
  GQueue calls;                  /* of DlvCall: under way */
  guint retry, pause_msec;       /* until the next try */
  gboolean was_ready, lost_said;
  gint64 ready_at; /* monotonic, us: since when it is READY */
  gboolean owes;   /* results are to be told when their mail is offered again */
  guint64 number;  /* of our courier at this service */
  guint n_polls;   /* LeaseAttempts that wait: not counted as work */
  guint round;     /* counts the answers that brought mail */
  gboolean more;   /* the last answer was not all, and the next is on its way */
  guint more_over; /* source: the next answer does not come, so that was all */
  gboolean wants_bodies;
  guint n_attempts;   /* in hand */
  guint64 n_bytes;    /* of their bodies that came along */
  GHashTable *agents; /* name -> DlvAgent */
  guint64 watch;      /* of messaged, for durable back-ends; 0: none */
  gboolean watching;  /* the call for it is under way */
  GQueue asks;        /* of a sweep (durable.c), not asked yet */
  guint n_asking;
  GArray *reports; /* of DlvNotice, not sent yet */
  GArray *acks;    /* of leases to ack, not sent yet */
  GArray *ends;    /* of other ends of leases, to be told again */
  guint flush;     /* the source that sends them */
} DlvLink;

/* `reply` NULL: `error` says why (the connection is gone, or messaged refused). Called once. */
typedef void (*DlvCallFunc)(DlvLink *link, sd_bus_message *reply, const GError *error,
                            gpointer data);

/* link.c. `address`: "unix:path=..." or a bare path. */
DlvLink *dlv_link_new(DlvCourier *courier, const char *address);
/* What sd-bus takes, of a bare path; free with g_free(). */
char *dlv_address_of(const char *text);
/* Ends the connection without a word; attempts in hand are forgotten. */
void dlv_link_free(DlvLink *link);
/* Tries at once if it is down. */
void dlv_link_wake(DlvLink *link);
/* Something besides the parked call is under way. */
gboolean dlv_link_busy(const DlvLink *link);
/* The connection cannot be used any more: as if it had ended. */
void dlv_link_lost(DlvLink *link, const char *why);

/* link-call.c. `args`: a tuple (floating is taken) of the method; never answered before it
 * returns. With the link down `func` hears so from the loop. */
void dlv_link_call(DlvLink *link, const char *interface, const char *member, GVariant *args,
                   DlvCallFunc func, gpointer data);
/* The same with arguments that `fill` appends, before it returns: for calls with much in them. 0 or
 * a negative errno. */
typedef int (*DlvFillFunc)(sd_bus_message *m, gconstpointer args);
void dlv_link_call_filled(DlvLink *link, const char *interface, const char *member,
                          DlvFillFunc fill, gconstpointer args, DlvCallFunc func, gpointer data);
/* Everybody who waits is told that the connection is gone. */
void dlv_link_calls_fail(DlvLink *link, const char *why);

/* durable.c: the sweep begins anew with the next connection. */
void dlv_link_forget_asks(DlvLink *link);

/* link-lease.c: asks for mail, if there is room for it and no call waits already. */
void dlv_link_poll(DlvLink *link);

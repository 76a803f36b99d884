/* backend.h: what a back-end is: one way to reach an agent.
 *
 * The courier's core decides (policy, ladder, breaker, rate) and keeps the books with messaged; a
 * back-end only reaches, and tells the truth about it. It sees one agent's messages at a time, runs
 * on the loop's thread and never blocks; it reports each message of a job exactly once, at any
 * later time. It must never report DLV_ANNOUNCED for something that did not happen, never try again
 * by itself, and never speak to messaged. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <systemd/sd-bus.h>

typedef struct DlvCourier DlvCourier; /* the program: bus, settings, directories; courier.h */
typedef struct DlvJob DlvJob;

/* What came of it. Without a lease: */
typedef enum {
  DLV_ANNOUNCED, /* it is where the agent or its owner will see it; the receipt "announced" */
  DLV_HELD,      /* not now, for a reason outside (a human types, quiet, no session) */
  DLV_FAILED,    /* it could not be done; counts for the breaker */
  DLV_PARTIAL,   /* something may have arrived: never tried again by itself */
  /* with a lease (DLV_LEASES): */
  DLV_ACKED,   /* the agent took care of it */
  DLV_LATER,   /* given back as if it had never been received; after `retry` */
  DLV_REFUSED, /* given back as a failure of the message: counts towards its dead letter */
  DLV_CRASHED, /* the same, and its handler died of it: counts twice, and no third one dies */
} DlvResult;

/* One message of a job. Borrowed for as long as the job lives. */
typedef struct {
  guint64 number, attempt;    /* the message; messaged's token of the attempt */
  guint64 token;              /* its lease when the class leases, else 0 */
  const char *from, *subject; /* subject: NULL when there is none */
  guint8 priority;            /* 0 to 9 */
  gint64 time;                /* stored, CLOCK_REALTIME us */
  char *fields;      /* GRefString: JSON members as Receive tells them, without "from", "priority"
                        and "body"; each begins with a comma. NULL: none */
  const char *trace; /* of them: "traceparent"; NULL: none */
  GBytes *body;      /* NULL unless the class needs bodies */
} DlvMessage;

struct DlvJob {
  const char *agent;
  guint waiting,
      urgent; /* messages of the agent that nobody has received, and those of high priority */
  const char *doorbell; /* the digest rule's line, one line, no control characters */
  guint n_messages;
  DlvMessage *messages;
  gpointer backend; /* scratch of the back-end while the job runs */
};

/* The job's message `i` is settled. `retry_usec`: not before then (0: the core's own back-off).
 * `cause`: one line for the receipt, NULL for none; it says what happened and to what. After the
 * last message of a job was reported the job is gone. May be called from run(). */
void dlv_job_report(DlvJob *job, guint i, DlvResult result, guint64 retry_usec, const char *cause);
/* The same for all messages that were not reported yet. */
void dlv_job_report_all(DlvJob *job, DlvResult result, guint64 retry_usec, const char *cause);
/* DLV_LEASES: a lease must live on; call it now and then (the core touches the leases of a running
 * job at half their time by itself, so only for more than that). */

typedef enum {
  DLV_BODIES = 1,  /* wants bodies; large ones are fetched by the core */
  DLV_LEASES = 2,  /* handles the message itself: leased before run(), settled after it */
  DLV_EACH = 4,    /* every message for itself: no digest; else one doorbell tells of all */
  DLV_DURABLE = 8, /* announced once means there until acked: wants finished() */
  DLV_TIMES = 16,  /* holds each message to the common key "timeout" by itself: the core sets the
                      job no limit and cancels only to shut down */
} DlvBackendFlags;

typedef enum {
  DLV_TEXT,
  DLV_TEXTS,
  DLV_BOOL,
  DLV_NUMBER,
  DLV_TIME,
  DLV_SIZE,
  DLV_OBJECT
} DlvOptionType;

/* One key of a back-end's part of the policy. The core checks types, bounds and unknown keys (with
 * the nearest known one) by this table before configure() sees them; waggle-policy(5) is compared
 * with it by a test. */
typedef struct {
  const char *name;
  DlvOptionType type;
  gboolean required;
  guint64 min, max; /* NUMBER, TIME (us), SIZE (bytes); 0: no bound */
  const char *summary;
} DlvOption;

typedef struct {
  const char *name; /* "inbox": the value of "use" */
  const char *summary;
  DlvBackendFlags flags;
  guint max_messages;       /* in one job; 0: 256; see room() */
  const DlvOption *options; /* ends with a NULL name */

  /* Makes the state of one rung of one agent from its options (checked by the table; the rung's
   * whole object, so the core's own keys, "timeout", can be read as well). NULL with an error that
   * tells what to change: the policy is refused then. Does no I/O. */
  gpointer (*configure)(DlvCourier *courier, const char *agent, JsonObject *options,
                        GError **error);
  void (*free)(gpointer state);
  /* How many messages the next job may have, at most max_messages. May be NULL. A leased message
   * counts as received, so a class that leases asks for no more than it can begin soon. */
  guint (*room)(gpointer state);
  /* Starts; dlv_job_report() ends it. */
  void (*run)(gpointer state, DlvJob *job);
  /* The core gives up (time limit, shutdown): end what runs and report what is left, soon. */
  void (*cancel)(gpointer state, DlvJob *job);
  /* DLV_DURABLE: the message is acked, expired, dead, canceled ...: clean up. May be NULL. */
  void (*finished)(gpointer state, guint64 number, const char *receipt);
  /* DLV_DURABLE: calls `each` for what lies there from earlier runs, so that the core can ask for
   * what was finished meanwhile. A disk is not waited for: the calls come later, on the loop's
   * thread, and none after free(); `data` lives as long. May be NULL. */
  void (*sweep)(gpointer state, void (*each)(guint64 number, gpointer data), gpointer data);
} DlvBackendClass;

extern const DlvBackendClass dlv_backend_inbox, dlv_backend_exec, dlv_backend_signal,
    dlv_backend_activation, dlv_backend_tmux, dlv_backend_type;

/* Values of options that the table has checked; `fallback` when the key is not there. */
const char *dlv_option_text(JsonObject *options, const char *name, const char *fallback);
char **dlv_option_texts(JsonObject *options, const char *name); /* NULL: not there */
gboolean dlv_option_bool(JsonObject *options, const char *name, gboolean fallback);
guint64 dlv_option_number(JsonObject *options, const char *name, guint64 fallback);
guint64 dlv_option_time(JsonObject *options, const char *name, guint64 fallback); /* us */
guint64 dlv_option_size(JsonObject *options, const char *name, guint64 fallback); /* bytes */

/* What a back-end may use of the program. */
sd_bus *dlv_courier_bus(DlvCourier *courier); /* the session's bus; NULL: there is none (now) */
/* The message as JSON, all fields and a readable text part; one line, ends with a newline. May be
 * called on any thread. */
GBytes *dlv_message_json(const char *agent, const DlvMessage *message);

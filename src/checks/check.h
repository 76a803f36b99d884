/* check.h: what a type of check is.
 *
 * A check looks at one subject (a path, a unit, a URL) and *observes* named values; whether they
 * are what they should be is decided by the matchers (matcher.h) alone. So one file a type has only
 * I/O in it, and one engine serves assertions, warnings, baselines, generating checks from a live
 * system, and explanations.
 *
 * A type never decides pass or fail, never prints, and tells the three ways of knowing nothing
 * apart: the subject is absent (an observation: "exists": false), it could not be determined
 * (error), it does not apply here (skip). A value whose source is absent is absent, never 0 or "".
 */
#pragma once

#include "checks/flaws.h"

#include "common/error.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <systemd/sd-bus.h>

typedef enum { CHK_PASS, CHK_WARN, CHK_FAIL, CHK_ERROR, CHK_SKIP } ChkVerdict;

/* Of options and observed values. */
typedef enum {
  CHK_BOOL,
  CHK_INT,
  CHK_NUMBER,
  CHK_TEXT,  /* one line or many: matched as a whole, or by "lines" */
  CHK_TEXTS, /* a list of texts */
  CHK_USEC,  /* asserted as "500ms"; observed and shown in us */
  CHK_BYTES, /* asserted as "16M" */
  CHK_MODE,  /* asserted as "0644"; observed as the same text, four digits */
  CHK_JSON,  /* anything */
} ChkKind;

typedef struct {
  const char *name; /* NULL ends the list. "*": any further name (properties of a unit) */
  ChkKind kind;
  const char *help; /* one line, for waggle-checks(7); a test compares */
} ChkKey;

typedef struct ChkWorld ChkWorld;
typedef struct ChkLook ChkLook;

/* One look at a subject: what a type is handed. Everything in it is borrowed for the look. */
struct ChkLook {
  ChkWorld *world;
  const char *subject;
  JsonObject *options;  /* checked against type->options; absent ones are absent */
  JsonObject *wanted;   /* the assertions: keys tell what has to be observed (cost); may be NULL:
                           observe all */
  GCancellable *cancel; /* cancelled at the time limit */
  guint64 deadline;     /* CLOCK_MONOTONIC us: the look's time limit */
};

typedef enum { CHK_OBSERVED, CHK_UNKNOWN, CHK_NOT_APPLICABLE } ChkKnown;

/* What came of it. */
typedef struct {
  ChkKnown known;
  JsonObject *values; /* OBSERVED: (transfer full) */
  char *text; /* UNKNOWN, NOT_APPLICABLE: why, one sentence (transfer full); OBSERVED: a remark
                 that helps a reader ("redirected 2 times"), or NULL */
} ChkSight;

typedef void (*ChkSeenFunc)(ChkSight *sight, gpointer user_data); /* takes the sight's contents */

/* An option that asks something of the subject. Where nothing of the answer is asserted, the check
 * asserts that there was one: what is asked for is never in vain. */
typedef struct {
  const char *option;         /* NULL ends the list; of a CHK_BOOL one: when it is true */
  const char *const *answers; /* the values that it brings */
  const char *asserts;        /* JSON, as default_value */
} ChkAsked;

typedef struct {
  const char *name;         /* the key in a file: "file", "unit", "http" */
  const char *subject_help; /* "path", "unit name", "URL" */
  const ChkKey *options, *values;
  const char *default_value; /* what `TYPE: SUBJECT` without "expect" asserts, as JSON: e.g.
                                {"exists": true}; NULL: a check without "expect" is a load error */
  const char *default_warn;  /* the same for "warn", of a check that has neither; or NULL */
  const ChkAsked *asked;     /* or NULL */
  /* One of the two. sync runs on a worker thread, may block up to look->deadline, must look at
   * look->cancel, and must not touch sd-bus objects of the world. start runs on the loop, never
   * blocks and calls seen exactly once, later or at once. */
  void (*sync)(ChkLook *look, ChkSight *ret);
  void (*start)(ChkLook *look, ChkSeenFunc seen, gpointer user_data);
  /* Optional: is the subject or an option impossible (a relative path, a bad URL)? Load time:
   * chk_subject_TYPE of subjects.h, for those who read checks and never look have it too. */
  void (*validate)(const char *subject, JsonObject *options, ChkFlaws *flaws);
  /* Optional: what a library has to do on one thread before any look runs beside another, once a
   * process. */
  void (*prepare)(void);
} ChkType;

/* types.c: all of them, NULL-terminated. */
extern const ChkType *const chk_types[];
const ChkType *chk_type_find(const char *name);

/* Helpers for types: typed options with a fallback. */
const char *chk_option_text(const ChkLook *look, const char *name, const char *fallback);
char **chk_option_texts(const ChkLook *look, const char *name); /* (transfer full), never NULL */
gboolean chk_option_bool(const ChkLook *look, const char *name, gboolean fallback);
gint64 chk_option_int(const ChkLook *look, const char *name, gint64 fallback);
guint64 chk_option_usec(const ChkLook *look, const char *name, guint64 fallback);
guint64 chk_option_bytes(const ChkLook *look, const char *name, guint64 fallback);
/* TRUE when `key` is asserted, or everything is wanted. */
gboolean chk_wants(const ChkLook *look, const char *key);
/* Ends of a look. */
void chk_observed(ChkSight *sight, JsonObject *values); /* takes it */
void chk_unknown(ChkSight *sight, const char *format, ...) G_GNUC_PRINTF(2, 3);
void chk_not_applicable(ChkSight *sight, const char *format, ...) G_GNUC_PRINTF(2, 3);
gboolean chk_look_over(const ChkLook *look); /* cancelled or its time is over */

/* The world (world.c): what looks share in one run. Loop's thread unless said otherwise. */
sd_bus *chk_world_system_bus(ChkWorld *world, GError **error); /* borrowed; opened on first use,
                                                                  attached to the loop */
sd_bus *chk_world_user_bus(ChkWorld *world, GError **error);
sd_bus *chk_world_manager(ChkWorld *world, GError **error); /* the bus of the scope's systemd */
const char *chk_world_root(const ChkWorld *world); /* any thread: "" or the directory that paths are
                                                      looked at in, without a slash at the end */
/* Deployment context (any thread; NULL without one): the release's tree, the names of its units,
 * and for each unit the invocation that must answer. */
const char *chk_world_release(const ChkWorld *world);
const char *const *chk_world_units(const ChkWorld *world);
const char *chk_world_invocation(const ChkWorld *world, const char *unit); /* hex */
guint64 chk_world_since(const ChkWorld *world); /* CLOCK_REALTIME us: start of what is judged */

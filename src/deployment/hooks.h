/* hooks.h: the commands of a phase, one after the other.
 *
 * Each is run by common/run.h: a transient unit with the hook's limits where a manager answers. The
 * environment is what this table says and nothing else. Any end but exit status 0 within the time
 * is a failure and ends the phase; what the command wrote is kept, bounded, and told. */
#pragma once

#include "common/run.h"

#include <gio/gio.h>

typedef enum {
  DPL_HOOK_PRE_FLIGHT,
  DPL_HOOK_PRE_STAGE,
  DPL_HOOK_POST_STAGE,
  DPL_HOOK_PRE_SWITCH,
  DPL_HOOK_POST_SWITCH,
  DPL_HOOK_POST_START,
  DPL_HOOK_POST_VERIFY,
  DPL_HOOK_PRE_ROLLBACK,
  DPL_HOOK_POST_ROLLBACK,
  DPL_HOOK_POST_COMMIT,
  DPL_HOOK_MIGRATE_UP, /* state.migrate.up, run the same way */
  DPL_HOOK_MIGRATE_DOWN,
  _DPL_HOOK_MAX,
} DplHookPhase;

/* "pre-flight"; a key of the manifest's `hooks`, but for the two migrations ("migrate-up"). */
const char *dpl_hook_phase_name(DplHookPhase phase);
gboolean dpl_hook_phase_parse(const char *name, DplHookPhase *ret);

typedef struct {
  char **command;     /* a relative path is one below the release */
  char **environment; /* NAME=value of the manifest; NULL: none */
  char *user;         /* NULL: the daemon's */
  guint64 timeout;    /* us; 0: 30 s */
  guint64 memory_max; /* bytes; 0: no limit, as for the next two */
  guint tasks_max, cpu_quota;
  gboolean no_network;
} DplHook;

DplHook *dpl_hook_copy(const DplHook *hook);
void dpl_hook_free(DplHook *hook);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplHook, dpl_hook_free)

/* What the hooks of a transaction are told, and where they run. Texts may be NULL: not known. */
typedef struct {
  const char *target, *root;          /* root: of the target, absolute */
  const char *release, *release_path; /* the new one */
  const char *previous, *previous_path;
  const char *version, *deployment, *instance, *traceparent;
  const char *directory; /* where they run; NULL: release_path, else root */
  sd_bus *bus;           /* of the manager; NULL: as processes of ours */
  WgRunHow how;
  const char *bind_to; /* our own unit: without us no hook goes on */
} DplHookContext;

/* One variable that a hook finds in its environment; for waggle-manifest(5), which a test compares.
 */
typedef struct {
  const char *name, *help;
} DplHookVariable;
extern const DplHookVariable dpl_hook_variables[]; /* ends with NULL */

/* What became of one. */
typedef struct {
  guint index;
  char *command; /* one line, quoted as a shell would want it */
  WgRunEndHow how;
  int code;
  char *text;       /* "exited with status 1" */
  char *output;     /* standard output and error, the end of them: valid UTF-8, at most 16 KiB */
  gboolean cut;     /* there was more */
  guint64 duration; /* us */
} DplHookEnd;

typedef struct DplHooks DplHooks;
/* `ends` has a DplHookEnd for each that was begun; borrowed. `error` NULL: all went well; its text
 * has the last lines of the one that did not. */
typedef void (*DplHooksFunc)(const GPtrArray *ends, const GError *error, gpointer user_data);

/* `hooks`: of DplHook, copied. `limit`: us for all together, 0: none. `done` follows exactly once,
 * never from inside; the object frees itself then. */
DplHooks *dpl_hooks_start(DplHookPhase phase, const GPtrArray *hooks, const DplHookContext *context,
                          guint64 limit, DplHooksFunc done, gpointer user_data);
/* Ends what runs and begins nothing more; done() follows with G_IO_ERROR_CANCELLED. */
void dpl_hooks_cancel(DplHooks *hooks);
/* Without done(). */
void dpl_hooks_forget(DplHooks *hooks);
/* For a record or a page: [{"hook", "command", "end", "output", ...}]. Free with g_free(). */
char *dpl_hook_ends_json(DplHookPhase phase, const GPtrArray *ends);

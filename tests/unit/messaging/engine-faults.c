/* engine-faults.c: see engine-faults.h. */
#include "engine-faults.h"

static gint to_fail;

static int hook(void *data) {
  if (g_atomic_int_get(&to_fail) == 0)
    return 0;
  g_atomic_int_add(&to_fail, -1);
  return 1;
}

static WgJobResult arm(WgJob *job, gpointer engine) {
  sqlite3_commit_hook(((MsgEngine *)engine)->db, hook, NULL);
  return WG_JOB_DONE;
}

static void armed(WgJob *job) {
  ((MsgJob *)job)->appealed = TRUE;
}

void env_fail_commits(Env *env, guint n) {
  MsgJob job = {.job = {.run = arm, .done = armed}};

  wg_writer_submit(env->writer, &job.job);
  while (!job.appealed)
    g_main_context_iteration(NULL, TRUE);
  g_atomic_int_set(&to_fail, (gint)n);
}

guint env_commits_to_fail(Env *env) {
  gint n = g_atomic_int_get(&to_fail);

  g_atomic_int_set(&to_fail, 0);
  return n;
}

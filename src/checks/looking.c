/* looking.c: see looking.h.
 *
 * A look is counted: by its caller's handle, by the thread or type that works on it, and by the
 * answer on its way to the loop. Whoever comes first, the answer or the time limit, ends it; the
 * other finds it ended. Worker threads are as many as looks are under way, the runner bounds those;
 * threads left hanging are counted and bounded here, since each keeps a stack. */
#include "checks/looking.h"

#include "checks/text.h"

#include <string.h>

#define HUNG_MAX 64
/* A thread that only has to be given its turn is not one that hangs, on a busy machine either. */
#define GRACE_USEC G_USEC_PER_SEC

struct ChkLooking {
  gatomicrefcount n_refs;
  ChkLook look;
  const ChkType *type;
  gpointer keep;
  void (*keep_unref)(gpointer keep);
  ChkSeenFunc seen; /* NULL: ended; the loop's thread only */
  gpointer user_data;
  GSource *timer;
  ChkSight sight; /* the type's, until answer() brought it to the loop */
  guint64 limit;  /* us, for the text */
  gint work;      /* atomic: who was first, the worker or the time limit */
};

enum { WORKING, OVER, LEFT };

static gint n_hung; /* atomic */

void chk_sight_clear(ChkSight *sight) {
  g_clear_pointer(&sight->values, json_object_unref);
  g_clear_pointer(&sight->text, g_free);
}

static void looking_unref(ChkLooking *l) {
  if (!g_atomic_ref_count_dec(&l->n_refs))
    return;
  chk_sight_clear(&l->sight);
  g_object_unref(l->look.cancel);
  if (l->keep_unref)
    l->keep_unref(l->keep);
  chk_world_unref(l->look.world);
  g_free(l);
}

static ChkLooking *looking_ref(ChkLooking *l) {
  g_atomic_ref_count_inc(&l->n_refs);
  return l;
}

static void stop_timer(ChkLooking *l) {
  if (!l->timer)
    return;
  g_source_destroy(l->timer);
  g_clear_pointer(&l->timer, g_source_unref);
}

/* Hands the sight to the caller, once; the handle's reference goes with it. */
static void end(ChkLooking *l, ChkSight *sight) {
  ChkSeenFunc seen = g_steal_pointer(&l->seen);

  stop_timer(l);
  if (!seen) {
    chk_sight_clear(sight);
    return;
  }
  seen(sight, l->user_data);
  chk_sight_clear(sight);
  looking_unref(l);
}

static gboolean on_answer(gpointer user_data) {
  ChkLooking *l = user_data;

  end(l, &l->sight);
  return G_SOURCE_REMOVE;
}

/* From any thread: what looking->sight holds goes to the loop, with the worker's reference. */
static void answer(ChkLooking *l) {
  g_autoptr(GSource) source = g_idle_source_new();

  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_answer, l, (GDestroyNotify)looking_unref);
  g_source_attach(source, NULL);
}

/* In a worker thread. */
static void work(gpointer data, gpointer pool_data) {
  ChkLooking *l = data;

  l->type->sync(&l->look, &l->sight);
  if (!g_atomic_int_compare_and_exchange(&l->work, WORKING, OVER))
    g_atomic_int_add(&n_hung, -1);
  answer(l);
}

/* An asynchronous type's answer; it may come from inside start(). */
static void on_seen(ChkSight *sight, gpointer user_data) {
  ChkLooking *l = user_data;

  l->sight = *sight;
  *sight = (ChkSight){0};
  answer(l);
}

static GThreadPool *workers(void) {
  static GThreadPool *pool; /* the loop's thread only; for the life of the program */

  if (!pool) {
    g_thread_pool_set_max_unused_threads(32);
    pool = g_thread_pool_new(work, NULL, -1, FALSE, NULL);
  }
  return pool;
}

guint chk_looking_n_hung(void) {
  return (guint)g_atomic_int_get(&n_hung);
}

/* The caller will not hear of it again: a worker that still works hangs. */
static void leave(ChkLooking *l) {
  g_cancellable_cancel(l->look.cancel);
  if (l->type->sync && g_atomic_int_compare_and_exchange(&l->work, WORKING, LEFT))
    g_atomic_int_inc(&n_hung);
}

/* First the type is told; what it says of itself within the grace is better than what we know. */
static gboolean on_time(gpointer user_data) {
  ChkLooking *l = user_data;

  if (!g_cancellable_is_cancelled(l->look.cancel)) {
    g_cancellable_cancel(l->look.cancel);
    g_source_set_ready_time(l->timer, g_get_monotonic_time() + GRACE_USEC);
    return G_SOURCE_CONTINUE;
  }
  ChkSight sight = {0};
  g_autofree char *limit = chk_usec_text(l->limit);
  chk_unknown(&sight, "no answer within %s", limit);
  leave(l);
  end(l, &sight);
  return G_SOURCE_REMOVE;
}

static gboolean dispatch_ready(GSource *source, GSourceFunc func, gpointer user_data) {
  g_source_set_ready_time(source, -1);
  return func(user_data);
}

static GSourceFuncs ready_funcs = {.dispatch = dispatch_ready};

static void begin(ChkLooking *l) {
  ChkSight sight = {0};

  if (!l->type->sync) {
    l->type->start(&l->look, on_seen, looking_ref(l));
  } else if (chk_looking_n_hung() >= HUNG_MAX) {
    chk_unknown(&sight, "%d looks hang already; no further thread is started", HUNG_MAX);
    on_seen(&sight, looking_ref(l));
  } else {
    g_thread_pool_push(workers(), looking_ref(l), NULL);
  }
}

ChkLooking *chk_looking_start(ChkWorld *world, const ChkLookingOptions *options, ChkSeenFunc seen,
                              gpointer user_data) {
  ChkLooking *l = g_new0(ChkLooking, 1);

  g_atomic_ref_count_init(&l->n_refs);
  l->type = options->type;
  l->seen = seen;
  l->user_data = user_data;
  l->limit = options->limit;
  if (options->keep) {
    options->keep_ref(options->keep);
    l->keep = options->keep;
    l->keep_unref = options->keep_unref;
  }
  l->look = (ChkLook){.world = chk_world_ref(world),
                      .subject = options->subject,
                      .options = options->options,
                      .wanted = options->wanted,
                      .cancel = g_cancellable_new(),
                      .deadline = (guint64)g_get_monotonic_time() + options->limit};
  l->timer = g_source_new(&ready_funcs, sizeof(GSource));
  g_source_set_callback(l->timer, on_time, l, NULL);
  g_source_set_ready_time(l->timer, (gint64)l->look.deadline);
  g_source_attach(l->timer, NULL);
  begin(l);
  return l;
}

void chk_looking_forget(ChkLooking *looking) {
  stop_timer(looking);
  looking->seen = NULL;
  leave(looking);
  looking_unref(looking);
}

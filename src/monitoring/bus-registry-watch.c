/* bus-registry-watch.c: changes of the registry, to whoever waits: as the answer of a parked call,
 * which resumes where the last one ended, and as signals. A call that nothing answers in time is
 * answered empty, and repeated by its caller. */
#include "monitoring/bus-registry.h"

#include "common/error.h"
#include "common/names.h"

#define WAIT_DEFAULT (18 * (guint64)G_USEC_PER_SEC) /* a bus gives up after 25 s */
#define MAX_DEFAULT 256
#define MAX_MOST 4096
#define PARKED_MAX 1024
#define PARKED_MAX_UID 128 /* of one uid: it must not keep all others out */

const WgOption mon_options_watch[] = {{"max", "u"}, {"wait", "t"}, {NULL}};

struct MonWatches {
  MonDaemon *daemon;
  GPtrArray *parked; /* of Parked */
  guint listener;
};

typedef struct {
  MonWatches *watches;
  MonCall *call;
  guint64 from;
  guint max, timer;
} Parked;

static void parked_free(gpointer data) {
  Parked *parked = data;

  g_clear_handle_id(&parked->timer, g_source_remove);
  g_free(parked);
}

typedef struct {
  JsonArray *array;
  guint64 last;
} Changes;

static void add(const MonChange *change, gpointer data) {
  Changes *changes = data;
  JsonObject *object = json_object_new();

  json_object_set_int_member(object, "revision", (gint64)change->revision);
  json_object_set_int_member(object, "time", change->time);
  json_object_set_string_member(object, "service", change->service);
  json_object_set_string_member(object, "what", change->what);
  json_object_set_string_member(object, "state", change->state);
  json_array_add_object_element(changes->array, object);
  changes->last = change->revision;
}

/* FALSE: there is none yet. Else the call is answered. */
static gboolean try_answer(MonCall *call, guint64 from, guint max, gboolean even_empty) {
  MonRegistry *registry = mon_call_registry(call);
  Changes changes = {json_array_new(), from};
  guint64 least;

  if (!mon_registry_changes(registry, from, max, add, &changes, &least)) {
    g_autoptr(GError) error = g_error_new(
        WG_ERROR, WG_ERROR_COMPACTED,
        "changes after %" G_GUINT64_FORMAT " are not all kept, the least is %" G_GUINT64_FORMAT
        ": list all services and go on from the revision of the list",
        from, least);
    json_array_unref(changes.array);
    wg_call_fail(call, error);
    return TRUE;
  }
  if (json_array_get_length(changes.array) == 0 && !even_empty) {
    json_array_unref(changes.array);
    return FALSE;
  }
  g_autofree char *text = mon_registry_array_text(changes.array);
  wg_call_answer(call, g_variant_new("(ts)", changes.last, text));
  return TRUE;
}

static gboolean on_time(gpointer data) {
  Parked *parked = data;
  MonCall *call = parked->call;
  guint64 from = parked->from;
  guint max = parked->max;

  parked->timer = 0;
  g_ptr_array_remove_fast(parked->watches->parked, parked);
  try_answer(call, from, max, TRUE);
  return G_SOURCE_REMOVE;
}

/* NULL: one more may wait. Root has no bound of its own. */
static GError *refuse_more(const MonWatches *watches, uid_t uid) {
  guint of_uid = 0;

  for (guint i = 0; i < watches->parked->len; i++)
    of_uid += ((const Parked *)watches->parked->pdata[i])->call->uid == uid;
  if (uid != 0 && of_uid >= PARKED_MAX_UID)
    return g_error_new(WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                       "%u calls of Watch of uid %u wait already, and no more than %d may: ask "
                       "with \"wait\" 0, or let them end",
                       of_uid, (guint)uid, PARKED_MAX_UID);
  if (watches->parked->len >= PARKED_MAX)
    return g_error_new(WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                       "%d calls of Watch wait already; ask again with \"wait\" 0", PARKED_MAX);
  return NULL;
}

void mon_handle_watch(MonCall *call) {
  MonWatches *watches = ((MonDaemon *)call->owner)->watches;
  guint64 wait = wg_call_has(call, "wait") ? wg_call_number(call, "wait") : WAIT_DEFAULT;
  guint max = wg_call_has(call, "max") ? (guint)wg_call_number(call, "max") : MAX_DEFAULT;
  guint64 from;

  g_variant_get_child(call->args, 0, "t", &from);
  max = CLAMP(max, 1, MAX_MOST);
  if (try_answer(call, from, max, wait == 0))
    return;
  g_autoptr(GError) error = refuse_more(watches, call->uid);
  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  Parked *parked = g_new0(Parked, 1);
  *parked = (Parked){watches, call, from, max, 0};
  parked->timer = g_timeout_add((guint)(MIN(wait, WAIT_DEFAULT) / 1000) + 1, on_time, parked);
  g_ptr_array_add(watches->parked, parked);
}

static void on_change(const MonChange *change, gpointer data) {
  MonWatches *watches = data;
  g_autoptr(GPtrArray) parked = watches->parked;
  const char *revision[] = {"Revision", NULL}, *state[] = {"State", "Reason", "Revision", NULL};
  g_autofree char *path = mon_object_path(WG_PATH_MONITORING_SERVICE, change->service);
  WgCalls *calls = watches->daemon->calls;

  watches->parked = g_ptr_array_new_with_free_func(parked_free);
  g_ptr_array_set_free_func(parked, NULL);
  /* who asked for what comes after a change that is not committed yet waits on */
  for (guint i = 0; i < parked->len; i++) {
    Parked *one = parked->pdata[i];
    if (try_answer(one->call, one->from, one->max, FALSE))
      parked_free(one);
    else
      g_ptr_array_add(watches->parked, one);
  }
  wg_calls_signal(
      calls, WG_PATH_MONITORING, WG_IFACE_MONITORING_REGISTRY, "Changed",
      g_variant_new("(tsss)", change->revision, change->service, change->what, change->state));
  wg_calls_changed(calls, WG_PATH_MONITORING, WG_IFACE_MONITORING_REGISTRY, revision);
  if (mon_registry_find(watches->daemon->registry, change->service) == NULL)
    wg_calls_object(calls, path, FALSE);
  else if (g_strcmp0(change->what, "registered") == 0)
    wg_calls_object(calls, path, TRUE);
  else
    wg_calls_changed(calls, path, WG_IFACE_MONITORING_SERVICE, state);
}

MonWatches *mon_watches_new(MonDaemon *daemon) {
  MonWatches *watches = g_new0(MonWatches, 1);

  watches->daemon = daemon;
  watches->parked = g_ptr_array_new_with_free_func(parked_free);
  watches->listener = mon_registry_listen(daemon->registry, on_change, watches);
  return watches;
}

void mon_watches_leave(MonWatches *watches) {
  g_autoptr(GPtrArray) parked = NULL;
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN, "the service is leaving; ask again");

  if (watches == NULL)
    return;
  parked = g_steal_pointer(&watches->parked);
  watches->parked = g_ptr_array_new_with_free_func(parked_free);
  for (guint i = 0; i < parked->len; i++)
    wg_call_fail(((Parked *)parked->pdata[i])->call, error);
}

/* Nobody waits for an answer of a service that leaves. */
void mon_watches_free(MonWatches *watches) {
  if (watches == NULL)
    return;
  mon_registry_unlisten(watches->daemon->registry, watches->listener);
  g_ptr_array_unref(watches->parked);
  g_free(watches);
}

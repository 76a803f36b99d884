/* prober.c: the looks and the watch over them; see prober.h. The process itself is
 * prober-process.c's. */
#include "monitoring/prober-private.h"

#include "monitoring/tally.h"

#include "common/log.h"

#include <string.h>

/* The prober ends a look by itself; this long after that it is no longer waited for. */
#define GRACE (2 * G_USEC_PER_SEC)
#define TICK_MSEC 500
#define HUNG_MAX 16

static const char *const verdicts[] = {"pass", "warn", "fail", "error", "skip"};

const char *mon_verdict_name(MonVerdict verdict) {
  return verdicts[verdict];
}

static void look_free(gpointer data) {
  Look *look = data;

  g_free(look->line);
  g_free(look);
}

static void finish(MonProber *prober, Look *look, const MonProbeLook *result) {
  MonProbeLookFunc func = look->func;
  gpointer data = look->user_data;

  g_hash_table_remove(prober->looks, &look->id);
  func(result, data);
}

static void fail(MonProber *prober, Look *look, const char *text) {
  MonProbeLook result = {.verdict = MON_ERROR,
                         .text = text,
                         .duration = (guint64)(g_get_monotonic_time() - look->began)};

  finish(prober, look, &result);
}

/* All that are under way, so that answers may begin new ones. */
static GArray *ids(MonProber *prober) {
  GArray *all = g_array_new(FALSE, FALSE, sizeof(guint64));
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, prober->looks);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    g_array_append_val(all, *(guint64 *)key);
  return all;
}

void mon_prober_lost(MonProber *prober, const char *why, gboolean by_us) {
  g_autoptr(GArray) all = ids(prober);

  for (guint i = 0; i < all->len; i++) {
    Look *look = g_hash_table_lookup(prober->looks, &g_array_index(all, guint64, i));
    if (look == NULL || !look->is_sent)
      continue;
    look->is_sent = FALSE;
    if (!by_us || look->n_begun > 1)
      fail(prober, look, why);
  }
}

void mon_prober_send(MonProber *prober) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, prober->looks);
  while (prober->lines != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
    Look *look = value;
    if (look->is_sent)
      continue;
    look->is_sent = TRUE;
    look->n_begun++;
    look->deadline = g_get_monotonic_time() + (gint64)(look->timeout + GRACE);
    if (!wg_lines_send(prober->lines, look->line))
      return; /* its end is told by the loop */
  }
}

static gboolean read_verdict(const char *word, MonVerdict *ret) {
  for (guint i = 0; word && i < G_N_ELEMENTS(verdicts); i++)
    if (strcmp(word, verdicts[i]) == 0) {
      *ret = (MonVerdict)i;
      return TRUE;
    }
  return FALSE;
}

static JsonObject *values_of(JsonObject *answer) {
  JsonNode *node = json_object_get_member(answer, "values");

  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

gboolean mon_prober_answered(MonProber *prober, JsonObject *answer) {
  gint64 id = json_object_get_int_member_with_default(answer, "id", -1);
  guint64 key = (guint64)id;
  MonProbeLook result = {
      .text = json_object_get_string_member_with_default(answer, "text", ""),
      .values = values_of(answer),
      .duration = (guint64)json_object_get_int_member_with_default(answer, "duration", 0),
      .refused = json_object_get_boolean_member_with_default(answer, "refused", FALSE)};

  if (id < 0 || !read_verdict(json_object_get_string_member_with_default(answer, "verdict", NULL),
                              &result.verdict))
    return FALSE;
  prober->answered = g_get_monotonic_time();
  prober->n_hung = json_object_get_int_member_with_default(answer, "hung", 0);
  Look *look = g_hash_table_lookup(prober->looks, &key);
  if (look != NULL && look->is_sent) /* else its time was over */
    finish(prober, look, &result);
  return TRUE;
}

/* What is overdue is answered here; when it was the only thing that the prober had to say for a
 * while, the prober itself is stuck. */
static void end_overdue(MonProber *prober, gint64 now) {
  g_autoptr(GArray) all = ids(prober);
  gboolean stuck = FALSE;

  for (guint i = 0; i < all->len; i++) {
    Look *look = g_hash_table_lookup(prober->looks, &g_array_index(all, guint64, i));
    if (look == NULL || now < look->deadline)
      continue;
    stuck = stuck || (look->is_sent && prober->answered < look->began);
    fail(prober, look,
         look->is_sent ? "waggle-prober did not answer in time"
                       : "waggle-prober could not be started in time");
  }
  if (stuck)
    mon_prober_replace(prober, "it does not answer");
}

static gboolean on_tick(gpointer data) {
  MonProber *prober = data;

  end_overdue(prober, g_get_monotonic_time());
  if (prober->n_hung >= HUNG_MAX)
    mon_prober_replace(prober, "too many of its looks hang");
  if (g_hash_table_size(prober->looks) > 0)
    return G_SOURCE_CONTINUE;
  prober->tick = 0;
  return G_SOURCE_REMOVE;
}

static char *request_line(guint64 id, const char *check, const char *after, guint64 timeout) {
  g_autoptr(JsonNode) node = json_from_string(check, NULL);
  g_autoptr(JsonObject) request = json_object_new();
  g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), request);

  if (node && after && JSON_NODE_HOLDS_OBJECT(node))
    json_object_set_string_member(json_node_get_object(node), "after-cursor", after);
  json_object_set_int_member(request, "id", (gint64)id);
  if (node)
    json_object_set_member(request, "check", g_steal_pointer(&node));
  json_object_set_int_member(request, "timeout", (gint64)timeout);
  return json_to_string(root, FALSE);
}

guint64 mon_prober_look(MonProber *prober, const char *check, const char *after, guint64 timeout,
                        MonProbeLookFunc func, gpointer user_data) {
  Look *look = g_new0(Look, 1);

  *look = (Look){.id = ++prober->next_id,
                 .timeout = timeout,
                 .began = g_get_monotonic_time(),
                 .func = func,
                 .user_data = user_data};
  look->line = request_line(look->id, check, after, timeout);
  look->deadline = look->began + (gint64)(timeout + GRACE);
  g_hash_table_insert(prober->looks, &look->id, look);
  if (prober->tick == 0)
    prober->tick = g_timeout_add(TICK_MSEC, on_tick, prober);
  mon_prober_start(prober);
  mon_prober_send(prober);
  return look->id;
}

void mon_prober_forget(MonProber *prober, guint64 id) {
  Look *look = g_hash_table_lookup(prober->looks, &id);

  if (look == NULL)
    return;
  if (look->is_sent && prober->lines != NULL) {
    g_autofree char *line = g_strdup_printf("{\"cancel\": %" G_GUINT64_FORMAT "}", id);
    wg_lines_send(prober->lines, line);
  }
  g_hash_table_remove(prober->looks, &id);
}

guint mon_prober_n(const MonProber *prober) {
  return g_hash_table_size(prober->looks);
}

void mon_prober_count(MonProber *prober, guint n) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  mon_tally_add(prober->daemon->tally, MON_M_PROBER_RESTARTS, none, n);
}

MonProber *mon_prober_new(MonDaemon *daemon) {
  MonProber *prober = g_new0(MonProber, 1);

  prober->daemon = daemon;
  prober->looks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, look_free);
  mon_prober_count(prober, 0);
  return prober;
}

void mon_prober_free(MonProber *prober) {
  if (prober == NULL)
    return;
  g_clear_handle_id(&prober->tick, g_source_remove);
  mon_prober_stop(prober);
  g_hash_table_unref(prober->looks);
  g_free(prober);
}

/* prober.c: see prober.h. A request is a plan of one check and a run of it; so a probe and a check
 * of a verify file are one engine. */
#include "checks/prober.h"

#include "checks/looking.h"
#include "checks/runner.h"

#include "common/lines.h"

#include <string.h>

#define TIMEOUT_DEFAULT (10 * G_USEC_PER_SEC)
#define TIMEOUT_MAX (3600 * (gint64)G_USEC_PER_SEC)
#define TEXT_MAX 4096
#define VALUE_MAX 1024
/* The look's own time limit is the one that counts; the run's is only there in case of a mistake.
 */
#define GRACE (2 * G_USEC_PER_SEC)

struct ChkProber {
  WgLines *lines;
  ChkWorld *world;
  GHashTable *probes; /* gint64 *id -> Probe, owned by the table */
  void (*ended)(gpointer user_data);
  gpointer user_data;
};

typedef struct {
  gint64 id;
  ChkProber *prober; /* NULL: nobody waits for it any more */
  ChkRun *run;
} Probe;

static void send_object(ChkProber *prober, JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autofree char *line = json_to_string(node, FALSE);

  wg_lines_send(prober->lines, line);
}

/* At a character's border. */
static char *bounded(const char *text, gsize max) {
  gsize size = strlen(text);

  return size <= max ? g_strdup(text)
                     : g_strndup(text, (gsize)(g_utf8_find_prev_char(text, text + max) - text));
}

static gboolean is_small(JsonNode *node) {
  if (!JSON_NODE_HOLDS_VALUE(node))
    return FALSE;
  return json_node_get_value_type(node) != G_TYPE_STRING ||
         strlen(json_node_get_string(node)) <= VALUE_MAX;
}

static JsonObject *small_values(JsonObject *values) {
  JsonObject *small = json_object_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (!values)
    return small;
  json_object_iter_init_ordered(&iter, values);
  while (json_object_iter_next_ordered(&iter, &name, &node))
    if (is_small(node))
      json_object_set_member(small, name, json_node_ref(node));
  return small;
}

static JsonObject *answer_new(gint64 id, const char *verdict, const char *text) {
  JsonObject *answer = json_object_new();

  json_object_set_int_member(answer, "id", id);
  json_object_set_string_member(answer, "verdict", verdict);
  if (text && *text) {
    g_autofree char *short_text = bounded(text, TEXT_MAX);
    json_object_set_string_member(answer, "text", short_text);
  }
  json_object_set_int_member(answer, "hung", chk_looking_n_hung());
  return answer;
}

static void tell(ChkProber *prober, gint64 id, const ChkResult *result) {
  static const char *const words[] = {"pass", "warn", "fail", "error", "skip"};
  g_autoptr(JsonObject) answer = answer_new(id, words[result->verdict], result->text);

  json_object_set_object_member(answer, "values", small_values(result->values));
  json_object_set_int_member(answer, "duration", (gint64)result->duration);
  send_object(prober, answer);
}

static void on_done(ChkReport *report, gpointer user_data) {
  Probe *probe = user_data;
  ChkProber *prober = probe->prober;

  if (prober) {
    tell(prober, probe->id, g_ptr_array_index(report->results, 0));
    g_hash_table_steal(prober->probes, &probe->id);
  }
  chk_report_free(report);
  g_free(probe);
}

/* The run ends later, and frees it. */
static void probe_leave(gpointer data) {
  Probe *probe = data;

  probe->prober = NULL;
  chk_run_cancel(probe->run, "nobody waits for it any more");
}

static void refuse(ChkProber *prober, gint64 id, const char *text) {
  g_autoptr(JsonObject) answer = answer_new(id, "error", text);

  json_object_set_boolean_member(answer, "refused", TRUE);
  send_object(prober, answer);
}

static void begin(ChkProber *prober, gint64 id, JsonObject *request) {
  JsonNode *check = json_object_get_member(request, "check");
  g_autoptr(WgProblems) problems = wg_problems_new();
  ChkRunOptions options = {.bind = chk_bind_check, .done = on_done};

  g_autoptr(ChkPlan) plan = check ? chk_plan_load_one(check, NULL, "", problems) : NULL;
  if (!plan) {
    const WgProblem *first = wg_problems_n(problems) ? wg_problems_at(problems, 0) : NULL;
    refuse(prober, id, first ? first->text : "there is no check in the request");
    return;
  }
  gint64 limit = json_object_get_int_member_with_default(request, "timeout", TIMEOUT_DEFAULT);
  ChkCheck *one = g_ptr_array_index(plan->checks, 0);
  one->timeout = (guint64)CLAMP(limit, 1000, TIMEOUT_MAX);
  plan->deadline = one->timeout + GRACE;
  Probe *probe = g_new0(Probe, 1);
  probe->id = id;
  probe->prober = prober;
  g_hash_table_insert(prober->probes, &probe->id, probe);
  options.user_data = probe;
  probe->run = chk_run_start(prober->world, plan, &options);
}

/* FALSE: nonsense. */
static gboolean request(ChkProber *prober, JsonObject *object) {
  gint64 cancel = json_object_get_int_member_with_default(object, "cancel", -1);
  gint64 id = json_object_get_int_member_with_default(object, "id", -1);

  if (cancel >= 0) {
    g_hash_table_remove(prober->probes, &cancel);
    return TRUE;
  }
  if (id < 0 || g_hash_table_contains(prober->probes, &id))
    return FALSE;
  begin(prober, id, object);
  return TRUE;
}

static void on_line(WgLines *lines, const char *line, gpointer user_data) {
  ChkProber *prober = user_data;
  g_autoptr(JsonNode) node = line ? json_from_string(line, NULL) : NULL;

  if (node && JSON_NODE_HOLDS_OBJECT(node) && request(prober, json_node_get_object(node)))
    return;
  void (*ended)(gpointer) = g_steal_pointer(&prober->ended);
  if (ended)
    ended(prober->user_data);
}

ChkProber *chk_prober_new(int fd, ChkWorld *world, void (*ended)(gpointer user_data),
                          gpointer user_data) {
  ChkProber *prober = g_new0(ChkProber, 1);

  *prober =
      (ChkProber){.world = world,
                  .probes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, probe_leave),
                  .ended = ended,
                  .user_data = user_data};
  prober->lines = wg_lines_new(fd, CHK_PROBER_LINE_MAX, CHK_PROBER_QUEUE_MAX, on_line, prober);
  return prober;
}

void chk_prober_free(ChkProber *prober) {
  if (!prober)
    return;
  g_hash_table_unref(prober->probes);
  wg_lines_free(prober->lines);
  g_free(prober);
}

/* query.c: see query.h. */
#include "deployment/query.h"

typedef struct {
  WgJob job;
  DplStore *store;
  DplAskFunc ask;
  gpointer question;
  GDestroyNotify free_question;
  JsonNode *node;
  DplJsonFunc done;
  gpointer user_data;
} Asked;

static WgJobResult run(WgJob *job, gpointer engine) {
  Asked *asked = (Asked *)job;
  GError *error = NULL;

  g_clear_pointer(&asked->node, json_node_unref);
  asked->node = asked->ask(asked->store, asked->question, &error);
  if (error != NULL) /* it was refused before it changed anything */
    asked->job.error = error;
  return WG_JOB_DONE;
}

static void done(WgJob *job) {
  Asked *asked = (Asked *)job;

  asked->done(asked->job.error == NULL ? asked->node : NULL, asked->job.error, asked->user_data);
  if (asked->free_question != NULL)
    asked->free_question(asked->question);
  g_clear_pointer(&asked->node, json_node_unref);
  g_clear_error(&asked->job.error);
  g_free(asked);
}

void dpl_ask(DplStore *store, DplAskFunc ask, gpointer question, GDestroyNotify free_question,
             gboolean writes, DplJsonFunc func, gpointer user_data) {
  Asked *asked = g_new0(Asked, 1);

  asked->job.run = run;
  asked->job.done = done;
  asked->job.new_work = writes;
  asked->store = store;
  asked->ask = ask;
  asked->question = question;
  asked->free_question = free_question;
  asked->done = func;
  asked->user_data = user_data;
  wg_writer_submit(wg_records_writer(store), &asked->job);
}

JsonNode *dpl_json_node(JsonObject *take) {
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);

  json_node_take_object(node, take);
  return node;
}

void dpl_json_set_text(JsonObject *object, const char *key, const char *text) {
  if (text != NULL)
    json_object_set_string_member(object, key, text);
}

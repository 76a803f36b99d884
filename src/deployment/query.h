/* query.h: a question to the store that is asked for a call and answered as JSON; what
 * record-query.h does not have. */
#pragma once

#include "deployment/record-query.h"

/* On the writer's thread, inside a batch; may run twice. (transfer full); NULL: nothing. It sets
 * `error` before it has changed anything. */
typedef JsonNode *(*DplAskFunc)(DplStore *store, gpointer question, GError **error);

/* `question` is freed with `free_question` (may be NULL) after `done`, which is called on the loop.
 * `writes`: it changes something, and is refused while the disk is full. */
void dpl_ask(DplStore *store, DplAskFunc ask, gpointer question, GDestroyNotify free_question,
             gboolean writes, DplJsonFunc done, gpointer user_data);

/* ---- for those who ask ---- */
JsonNode *dpl_json_node(JsonObject *take);
void dpl_json_set_text(JsonObject *object, const char *key, const char *text); /* NULL: nothing */

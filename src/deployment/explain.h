/* explain.h: what became of a deployment and why, for people: a paragraph, then the evidence.
 * Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* `shown`: what Show answers. Free with g_free(). */
char *dpl_explain(JsonObject *shown);

/* redact.h: what of a manifest may be told.
 *
 * A manifest may carry secrets where it carries values for others: environments of hooks and
 * checks, contents of configuration, headers and bodies of requests. What is shown has their names
 * alone; and wherever such a value turns up in a text (a hook that prints its environment, a check
 * that observes the configuration), it is masked before it is written down. Variables are no place
 * for secrets: they are part of every text. Pure. */
#pragma once

#include <json-glib/json-glib.h>

#define DPL_REDACTED "(hidden)"

/* In place; `node` is a manifest or a part of one. Every value that was hidden is added to `values`
 * (char *, may be NULL). */
void dpl_redact(JsonNode *node, GPtrArray *values);
/* The values to mask of a manifest's text; NULL or no JSON: none. (transfer full) */
GPtrArray *dpl_redact_values(const char *manifest);
/* `text` with each of `values` masked; free with g_free(). Those of fewer than 6 bytes are left:
 * masking "1" would hide everything and protect nothing. */
char *dpl_redact_text(const char *text, const GPtrArray *values);
/* Every text in `node`, in place. */
void dpl_redact_texts(JsonNode *node, const GPtrArray *values);

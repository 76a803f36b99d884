/* vars.h: ${NAME} in texts.
 *
 * An unknown name is an error that says the nearest known one; "$${" is a literal "${"; a "$"
 * before anything else stands for itself. What is put in is not looked at again. */
#pragma once

#include "common/problems.h"

#include <json-glib/json-glib.h>

typedef struct DplVars DplVars;

DplVars *dpl_vars_new(void);
void dpl_vars_free(DplVars *vars);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplVars, dpl_vars_free)
void dpl_vars_set(DplVars *vars, const char *name, const char *value);
/* NULL: absent. Borrowed. */
const char *dpl_vars_get(const DplVars *vars, const char *name);
/* All as an object of texts; (transfer full). */
JsonObject *dpl_vars_object(const DplVars *vars);

/* Free with g_free(); NULL sets error. */
char *dpl_vars_expand(const DplVars *vars, const char *text, GError **error);
/* Is there anything to expand? */
gboolean dpl_vars_needed(const char *text);
/* Every text of `node` (keys are left), a copy; what cannot be expanded stays and is told. */
JsonNode *dpl_vars_expand_node(const DplVars *vars, JsonNode *node, const char *pointer,
                               WgProblems *problems);

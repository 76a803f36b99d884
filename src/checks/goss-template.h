/* goss-template.h: the templates of goss files: the language of Go's text/template with the
 * functions that goss adds and those of Sprig that its files use.
 *
 * A template is parsed whole before anything of it is done. Bounded in output, steps and depth.
 * Values are JSON nodes; what Go calls nil is JSON null. The only things it can reach are the
 * variables, the environment and files that readFile names. */
#pragma once

#include "checks/check.h"

#define CHK_GOSS_OUTPUT_MAX (4 * 1024 * 1024)
#define CHK_GOSS_STEPS_MAX 1000000
#define CHK_GOSS_DEPTH_MAX 64

/* The text with its actions done. `name` is the file, for errors ("NAME:LINE: ..."). `vars`: what
 * .Vars is; NULL: empty. Free with g_free(). */
char *chk_goss_render(const char *text, JsonNode *vars, const char *name, GError **error);

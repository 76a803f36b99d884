/* goss.h: goss files, as they are, turned into verify files.
 *
 * A goss file is rendered (goss-template.h), read, what it includes is read too, and each of its
 * resources becomes a check with the same meaning; what cannot be said here is a problem that
 * refuses the file, never something left out in silence. */
#pragma once

#include "checks/check.h"

#include "common/doc.h"

/* `bytes`: the file's; `path`: where it is, for includes and messages ("stdin": the working
 * directory). `vars`: of templates, may be NULL. The verify file's object; NULL: nothing could be
 * read. (transfer full) */
JsonNode *chk_goss_load(const char *bytes, gsize size, const char *path, JsonNode *vars,
                        WgProblems *problems);

/* What an attribute of a resource is to goss, which decides what plain values mean. */
typedef enum {
  CHK_GOSS_SCALAR,
  CHK_GOSS_LIST,  /* a list: what is written has to be among its elements */
  CHK_GOSS_LINES, /* a text that is read line by line: patterns */
  CHK_GOSS_ANY,   /* whatever "matching" was given */
} ChkGossShape;

/* goss-match.c: one matcher of goss as one of ours; NULL: refused (`problems`), or, with
 * *ret_empty, it asserts nothing. */
JsonNode *chk_goss_match(JsonNode *node, ChkGossShape shape, const char *pointer,
                         WgProblems *problems, gboolean *ret_empty);

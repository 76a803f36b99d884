/* look-fixture.h: one look of one type, as the runner does it: for tests of the types. */
#pragma once

#include "checks/looking.h"

typedef struct {
  ChkKnown known;
  JsonNode *values; /* an object; NULL unless OBSERVED */
  char *text;       /* may be NULL */
} LookResult;

/* Looks once with `options` (a JSON object as text; NULL: none), waiting on the default loop for at
 * most `limit` us (0: 5 s), every value wanted. `world` NULL: a new one of the user's scope. Fails
 * the test when an option is not of the type's table or the type's validate() refuses. */
LookResult chk_look_once_with(ChkWorld *world, const ChkType *type, const char *subject,
                              const char *options, guint64 limit);
/* The same with only `keys` ("content json") asserted. */
LookResult chk_look_wanting(ChkWorld *world, const ChkType *type, const char *subject,
                            const char *options, const char *keys, guint64 limit);
void chk_look_result_clear(LookResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LookResult, chk_look_result_clear)

/* Nothing is wrong with it when a file is read. */
gboolean chk_look_is_good(const ChkType *type, const char *subject, JsonObject *options);

/* The same in short: the values as JSON text (in the order the type set them, no spaces); "unknown:
 * TEXT" and "not-applicable: TEXT" else. Free with g_free(). */
char *chk_look_once(const ChkType *type, const char *subject, const char *options);
/* One observed value as JSON text, or NULL when it is absent. */
char *chk_look_value(const LookResult *result, const char *name);

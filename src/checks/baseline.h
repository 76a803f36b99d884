/* baseline.h: what was observed before, in a file (schema "waggle-baseline-1"):
 * {"schema": ..., "name": PLAN, "recorded": RFC 3339, "checks": {NAME: {"type", "subject",
 * "values": {...}}}}. A check whose subject could not be observed is not in it; a value that was
 * asked for and was absent is null. */
#pragma once

#include "checks/result.h"

#define CHK_SCHEMA_BASELINE "waggle-baseline-1"

/* A file's content; NULL: it is no baseline. */
JsonNode *chk_baseline_parse(const char *bytes, gsize size, GError **error);
/* The value of a check then; baseline may be NULL. Borrowed from it. */
ChkBefore chk_baseline_before(JsonNode *baseline, const char *check, const char *key);
/* Everything that `report` observed, as the file's text. Free with g_free(). */
char *chk_baseline_text(const ChkReport *report);

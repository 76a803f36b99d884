/* gjson.h: paths of gjson, with which goss files look into JSON: keys with wildcards, indexes, "#"
 * for all elements or their number, queries "#(key==value)" and "#(...)#", "|", multipaths "{a,b}"
 * and "[a,b]", literals "!true", and the modifiers that gjson has built in. Pure; bounded in depth.
 * JSON lines ("..") are not there: a document is one value. */
#pragma once

#include <json-glib/json-glib.h>

#define CHK_GJSON_DEPTH_MAX 16

typedef struct ChkGjson ChkGjson;

/* NULL with `*reterr_why`, which is freed with g_free(). */
ChkGjson *chk_gjson_new(const char *path, char **reterr_why);
void chk_gjson_free(ChkGjson *path);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkGjson, chk_gjson_free)
/* What is there; (transfer full). NULL: nothing. */
JsonNode *chk_gjson_get(const ChkGjson *path, JsonNode *root);

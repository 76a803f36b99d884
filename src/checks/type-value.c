/* type-value.c: a value that the file itself gives, mostly by a variable: nothing is looked at. */
#include "checks/types.h"

static const ChkKey options[] = {
    {"content", CHK_JSON, "the value; default: the name"},
    {NULL},
};

static const ChkKey values[] = {
    {"value", CHK_JSON, "the value"},
    {NULL},
};

static void see(ChkLook *look, ChkSight *ret) {
  JsonNode *content = look->options ? json_object_get_member(look->options, "content") : NULL;
  JsonObject *seen = json_object_new();

  json_object_set_member(seen, "value",
                         content ? json_node_copy(content)
                                 : json_node_init_string(json_node_alloc(), look->subject));
  chk_observed(ret, seen);
}

const ChkType chk_type_value = {
    .name = "value",
    .subject_help = "a name for it, or the value itself",
    .options = options,
    .values = values,
    .sync = see,
};

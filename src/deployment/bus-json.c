/* bus-json.c: see bus-json.h. Pure. */
#include "deployment/bus-json.h"

const DplField dpl_deployment_fields[] = {
    {"id", "t"},
    {"job", "t"},
    {"kind", "s"},
    {"state", "s"},
    {"target", "s"},
    {"root", "s"},
    {"name", "s"},
    {"version", "s"},
    {"from", "s"},
    {"to", "s"},
    {"digest", "s"},
    {"who", "s"},
    {"unit", "s"},
    {"reason", "s"},
    {"cause", "s"},
    {"failure", "s"},
    {"verdict", "s"},
    {"created", "t"},
    {"ended", "t"},
    {"before", "t"},
    {"uid", "t"},
    {"pid", "t"},
    {"tries", "t"},
    {"confirmed", "b"},
    {"force", "b"},
    {"hold", "b"},
    {"migrates", "b"},
    {"manifest_hash", "s"},
    {"traceparent", "s"},
    {"parent_span", "s"},
    {NULL},
};

static GVariant *value_of(JsonNode *node, char type) {
  if (!JSON_NODE_HOLDS_VALUE(node))
    return NULL;
  switch (type) {
  case 's':
    return json_node_get_value_type(node) == G_TYPE_STRING
               ? g_variant_new_string(json_node_get_string(node))
               : NULL;
  case 't':
    return g_variant_new_uint64((guint64)MAX(json_node_get_int(node), 0));
  case 'i':
    return g_variant_new_int32((gint32)json_node_get_int(node));
  default:
    return g_variant_new_boolean(json_node_get_value_type(node) == G_TYPE_BOOLEAN
                                     ? json_node_get_boolean(node)
                                     : json_node_get_int(node) != 0);
  }
}

GVariant *dpl_json_dict(JsonObject *object, const DplField *fields) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  for (const DplField *f = fields; f->key != NULL; f++) {
    JsonNode *node = json_object_get_member(object, f->key);
    GVariant *value = node != NULL ? value_of(node, f->type[0]) : NULL;
    g_autofree char *name = g_strdelimit(g_strdup(f->key), "_", '-');
    if (value != NULL)
      g_variant_builder_add(&builder, "{sv}", name, value);
  }
  return g_variant_builder_end(&builder);
}

GVariant *dpl_json_dicts(JsonArray *array, const DplField *fields) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < json_array_get_length(array); i++)
    g_variant_builder_add_value(&builder,
                                dpl_json_dict(json_array_get_object_element(array, i), fields));
  return g_variant_builder_end(&builder);
}

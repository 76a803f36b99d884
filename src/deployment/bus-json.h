/* bus-json.h: records, which are JSON, as dictionaries of D-Bus. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct {
  const char *key;  /* in the JSON; in the dictionary with '-' for '_' */
  const char *type; /* s, t, i or b */
} DplField;         /* a table ends with a NULL key */

/* Of a deployment, as ListDeployments tells it. */
extern const DplField dpl_deployment_fields[];

/* a{sv} of the members that the table knows; floating. Members that are absent are left out. */
GVariant *dpl_json_dict(JsonObject *object, const DplField *fields);
/* A list of them: aa{sv}; floating. */
GVariant *dpl_json_dicts(JsonArray *array, const DplField *fields);

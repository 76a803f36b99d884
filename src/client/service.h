/* service.h: what the verbs of the registry of services share. */
#pragma once

#include "client/json.h"

/* A method of the registry. (transfer full); NULL with an error of CLI_ERROR. */
GVariant *cli_service_call(Cli *cli, const char *method, GVariant *params, GError **error);
/* The JSON text that is child `at` of the answer; (transfer full), null when it is none. */
JsonNode *cli_service_json(GVariant *reply, guint at, GError **error);

/* verb-export.c: every delivery of every message as one line of JSON, which `waggle import` reads
 * back. The id it is imported under names the content, not the number, so that the exports of two
 * machines do not collide. */
#include "client/body.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/listing.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_export_options[] = {
    {"state", 0, CLI_VALUE_REQUIRED, "STATE", "Only messages in this state"},
    {"from", 0, CLI_VALUE_REQUIRED, "AGENT", "Only messages of this sender"},
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "Only messages with this tag"},
    {"subject", 0, CLI_VALUE_REQUIRED, "TEXT", "Only messages with this subject"},
    {"since", 'S', CLI_VALUE_REQUIRED, "TIME", "Only messages sent at or after this time"},
    {"until", 'U', CLI_VALUE_REQUIRED, "TIME", "Only messages sent before this time"},
    {NULL},
};

/* What was imported keeps the id it was imported under; anything else gets a checksum, in which the
 * agent tells the deliveries of one message apart. */
static char *export_id(GVariant *message, GBytes *body, const char *agent) {
  const char *id = cli_dict_string(message, "id"), *from = cli_dict_string(message, "from");
  if (id && g_strcmp0(cli_dict_string(message, "origin"), "import") == 0)
    return g_strdup(id);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree char *head = g_strdup_printf("%s\n%s\n%s\n%" G_GUINT64_FORMAT "\n", id ?: "",
                                          from ?: "", agent, cli_dict_u64(message, "time"));
  gsize n;
  const guchar *data = g_bytes_get_data(body, &n);

  g_checksum_update(sum, (const guchar *)head, -1);
  g_checksum_update(sum, data, (gssize)n);
  return g_strdup_printf("export-%.32s", g_checksum_get_string(sum));
}

static gboolean export_one(Cli *cli, GVariant *entry, gpointer data, GError **error) {
  static const char *const own[] = {"body", "deliveries"};
  guint64 number = cli_dict_u64(entry, "message");
  const char *agent = cli_dict_string(entry, "agent");
  g_autoptr(GVariant) reply =
      cli_call(cli, "GetMessage", g_variant_new("(ta{sv})", number, NULL), error);

  if (!reply)
    return FALSE;
  g_autoptr(GVariant) message = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) inline_body = cli_dict_value(message, "body", "ay");
  g_autoptr(GBytes) body = cli_body_of(cli, message, inline_body, error);
  if (!body)
    return FALSE;
  g_auto(GVariantDict) rest = G_VARIANT_DICT_INIT(message);
  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    g_variant_dict_remove(&rest, own[i]);
  g_autoptr(GVariant) fields = g_variant_ref_sink(g_variant_dict_end(&rest));
  g_auto(GVariantDict) delivery = G_VARIANT_DICT_INIT(entry);
  g_variant_dict_remove(&delivery, "excerpt");
  g_autoptr(GVariant) state = g_variant_ref_sink(g_variant_dict_end(&delivery));
  g_autofree char *id = export_id(message, body, agent ?: "");
  JsonObject *object = json_object_new();
  json_object_set_int_member(object, "waggle_export", 1);
  json_object_set_string_member(object, "export_id", id);
  cli_json_add_dict(object, fields);
  cli_json_add_dict(object, state);
  cli_json_add_body(object, body);
  g_autofree char *line = cli_json_line(object);
  if (puts(line) != EOF)
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot write the output");
  return FALSE;
}

int cli_verb_export(Cli *cli, CliArgs *args, GError **error) {
  gboolean more;

  return cli_list_entries(cli, "ListMessages", args, 0, FALSE, export_one, NULL, &more, error)
             ? CLI_EXIT_OK
             : CLI_EXIT_FAILURE;
}

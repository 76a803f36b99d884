/* verb-export.c: every delivery of every message as one line of JSON, which `waggle import` reads
 * back. The id it is imported under names the content, not the number, so that the exports of two
 * machines do not collide. */
#include "client/body.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/listing.h"
#include "client/verbs.h"

#include <errno.h>
#include <stdio.h>

const CliOption cli_export_options[] = {
    {"state", 0, CLI_VALUE_REQUIRED, "STATE", "Only messages in this state"},
    {"from", 0, CLI_VALUE_REQUIRED, "AGENT", "Only messages of this sender"},
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "Only messages with this tag"},
    {"subject", 0, CLI_VALUE_REQUIRED, "TEXT", "Only messages with this subject"},
    {"sequence", 0, CLI_VALUE_REQUIRED, "N", "Only the one with this number of its sender"},
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

static GVariant *get_message(Cli *cli, guint64 number, GBytes **ret_body, GError **error) {
  g_autoptr(GVariant) reply =
      cli_call(cli, "GetMessage", g_variant_new("(ta{sv})", number, NULL), error);

  if (!reply)
    return NULL;
  g_autoptr(GVariant) message = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) inline_body = cli_dict_value(message, "body", "ay");
  *ret_body = cli_body_of(cli, message, inline_body, error);
  return *ret_body ? g_steal_pointer(&message) : NULL;
}

/* The delivery to `agent`; NULL: there is none, or it may not be seen. */
static GVariant *delivery_to(GVariant *message, const char *agent) {
  g_autoptr(GVariant) all = cli_dict_value(message, "deliveries", "aa{sv}");

  for (gsize i = 0; all && i < g_variant_n_children(all); i++) {
    g_autoptr(GVariant) one = g_variant_get_child_value(all, i);
    if (g_strcmp0(cli_dict_string(one, "agent"), agent) == 0)
      return g_steal_pointer(&one);
  }
  return NULL;
}

/* Numbers mean nothing elsewhere: the message that this one answers is named by the id of its own
 * line. One that is gone, or is not for this user, has no line. */
static gboolean add_answered(Cli *cli, JsonObject *object, GVariant *message, GError **error) {
  guint64 number = cli_dict_u64(message, "in-reply-to");
  const char *from = cli_dict_string(message, "from");
  g_autoptr(GBytes) body = NULL;
  g_autoptr(GError) local = NULL;

  if (!number || !from)
    return TRUE;
  g_autoptr(GVariant) answered = get_message(cli, number, &body, &local);
  if (!answered && local->code != CLI_EXIT_NOT_FOUND && local->code != CLI_EXIT_REFUSED) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  g_autoptr(GVariant) delivery = answered ? delivery_to(answered, from) : NULL;
  if (!delivery)
    return TRUE;
  g_autofree char *id = export_id(answered, body, from);
  json_object_set_string_member(object, "answers", id);
  return TRUE;
}

static gboolean print_line(JsonObject *object, GError **error) {
  g_autofree char *line = cli_json_line(object);

  if (puts(line) != EOF)
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot write the output: %s", g_strerror(errno));
  return FALSE;
}

static gboolean export_one(Cli *cli, GVariant *entry, gpointer data, GError **error) {
  static const char *const own[] = {"body", "deliveries"};
  const char *agent = cli_dict_string(entry, "agent");
  g_autoptr(GBytes) body = NULL;
  g_autoptr(GVariant) message = get_message(cli, cli_dict_u64(entry, "message"), &body, error);

  if (!message)
    return FALSE;
  g_auto(GVariantDict) rest = G_VARIANT_DICT_INIT(message);
  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    g_variant_dict_remove(&rest, own[i]);
  g_autoptr(GVariant) fields = g_variant_ref_sink(g_variant_dict_end(&rest));
  g_auto(GVariantDict) listed = G_VARIANT_DICT_INIT(entry);
  g_variant_dict_remove(&listed, "excerpt");
  g_autoptr(GVariant) state = g_variant_ref_sink(g_variant_dict_end(&listed));
  g_autoptr(GVariant) delivery = delivery_to(message, agent);
  g_autofree char *id = export_id(message, body, agent ?: "");
  JsonObject *object = json_object_new();
  json_object_set_int_member(object, "waggle_export", 1);
  json_object_set_string_member(object, "export_id", id);
  cli_json_add_dict(object, fields);
  cli_json_add_dict(object, state);
  if (delivery && cli_dict_u64(delivery, "due"))
    cli_json_add_time(object, "due", cli_dict_u64(delivery, "due"));
  cli_json_add_body(object, body);
  if (add_answered(cli, object, message, error))
    return print_line(object, error);
  json_object_unref(object);
  return FALSE;
}

int cli_verb_export(Cli *cli, CliArgs *args, GError **error) {
  gboolean more;

  return cli_list_entries(cli, "ListMessages", args, 0, FALSE, export_one, NULL, &more, error)
             ? CLI_EXIT_OK
             : CLI_EXIT_FAILURE;
}

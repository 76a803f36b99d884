/* message.c: see message.h. */
#include "client/message.h"

#include "client/dict.h"
#include "client/fields.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/times.h"

#include <stdio.h>

#define PRIORITY_DEFAULT 4

static void print_body(GBytes *body) {
  gsize n;
  const char *data = g_bytes_get_data(body, &n);

  putchar('\n');
  if (cli_is_terminal() && n && !g_utf8_validate_len(data, n, NULL)) {
    printf("(%" G_GSIZE_FORMAT " bytes that are no text; redirect the output to get them)\n", n);
    return;
  }
  if (cli_is_terminal()) {
    g_autofree char *safe = cli_text_block(data ?: "", (gssize)n);
    fputs(safe, stdout);
  } else if (n)
    fwrite(data, 1, n, stdout);
  if (n && data[n - 1] != '\n')
    putchar('\n');
}

static void print_origin(GVariant *f) {
  const char *origin = cli_dict_string(f, "origin"), *claimed = cli_dict_string(f, "claimed-from");

  if (claimed)
    cli_field_printf("Origin", "%s; the sender called itself \"%s\"", origin ?: "import", claimed);
  else
    cli_field("Origin", origin);
}

static void print_counts(GVariant *f) {
  guint64 acquired = cli_dict_u64(f, "acquired"), failed = cli_dict_u64(f, "failed");

  if (acquired > 1 || failed)
    cli_field_printf("Attempts", "taken %" G_GUINT64_FORMAT " times, failed %" G_GUINT64_FORMAT,
                     acquired, failed);
}

static void print_headers(GVariant *f) {
  g_autoptr(GVariant) headers = cli_dict_value(f, "headers", "a{ss}");

  for (gsize i = 0; headers && i < g_variant_n_children(headers); i++) {
    const char *key, *value;
    g_variant_get_child(headers, i, "{&s&s}", &key, &value);
    cli_field_printf(i == 0 ? "Headers" : "", "%s=%s", key, value);
  }
}

static void print_fields(GVariant *f) {
  static const char *const texts[][2] = {
      {"Subject", "subject"}, {"Type", "content-type"}, {"Id", "id"},
      {"Key", "key"},         {"Reply to", "reply-to"}, {"Trace", "traceparent"}};
  guint64 answered = cli_dict_u64(f, "in-reply-to"), sequence = cli_dict_u64(f, "sequence");
  g_autofree char *tags = cli_dict_join(f, "tags", ", ");
  g_autoptr(GVariant) priority = cli_dict_value(f, "priority", "y");

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    cli_field(texts[i][0], cli_dict_string(f, texts[i][1]));
  cli_field("Tags", tags);
  if (sequence)
    cli_field_printf("Sequence", "%" G_GUINT64_FORMAT " of this sender", sequence);
  if (priority && g_variant_get_byte(priority) != PRIORITY_DEFAULT)
    cli_field_printf("Priority", "%" G_GUINT64_FORMAT, cli_dict_u64(f, "priority"));
  if (answered) {
    g_autofree char *number = cli_message_format(answered);
    guint64 hops = cli_dict_u64(f, "hops");
    g_autofree char *start = cli_message_format(cli_dict_u64(f, "chain"));
    if (hops > 1)
      cli_field_printf("Answers", "%s; answer %" G_GUINT64_FORMAT " since message %s", number, hops,
                       start);
    else
      cli_field("Answers", number);
  }
  if (cli_dict_bool(f, "expects-reply"))
    cli_field("Expects", "a reply");
  cli_field_time("Reply by", cli_dict_u64(f, "reply-by"));
  cli_field_time("Expires", cli_dict_u64(f, "expires"));
  if (cli_dict_bool(f, "volatile"))
    cli_field_styled("Volatile", "in memory only", CLI_STYLE_WARNING);
  cli_field_time("Lease until", cli_dict_u64(f, "lease-until"));
  print_counts(f);
  print_origin(f);
  print_headers(f);
}

void cli_message_print(const CliMessage *m) {
  g_autofree char *number = cli_message_format(m->number);
  g_autofree char *token = m->has_token ? cli_token_format(m->token) : NULL;

  cli_field_styled("Message", number, CLI_STYLE_BOLD);
  cli_field("Token", token);
  cli_field("From", m->from);
  cli_field("To", cli_dict_string(m->fields, "to"));
  cli_field_time("Sent", cli_dict_u64(m->fields, "time"));
  print_fields(m->fields);
  if (m->body)
    print_body(m->body);
}

JsonObject *cli_message_json(const CliMessage *m) {
  JsonObject *object = json_object_new();

  cli_json_add_message(object, "message", m->number);
  if (m->has_token) {
    g_autofree char *token = cli_token_format(m->token);
    json_object_set_string_member(object, "token", token);
  }
  json_object_set_string_member(object, "from", m->from ?: "");
  cli_json_add_dict(object, m->fields);
  if (m->body)
    cli_json_add_body(object, m->body);
  return object;
}

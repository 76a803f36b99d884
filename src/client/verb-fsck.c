/* verb-fsck.c: has the service check every record of its store. Exit status 1 when something was
 * found that is not repaired. */
#include "client/dict.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_fsck_options[] = {
    {"dry-run", 'n', CLI_VALUE_NONE, NULL, "Only look, change nothing"},
    {NULL},
};

static void print_human(GVariant *findings, GVariant *summary, gboolean dry_run) {
  guint64 damaged = cli_dict_u64(summary, "damaged"), repaired = cli_dict_u64(summary, "repaired");
  gsize n = g_variant_n_children(findings);

  for (gsize i = 0; i < n; i++) {
    const char *text;
    g_variant_get_child(findings, i, "&s", &text);
    g_autofree char *safe = cli_text_one_line(text);
    puts(safe);
  }
  printf("%" G_GUINT64_FORMAT " records checked, ", cli_dict_u64(summary, "records"));
  if (!damaged && n == 0)
    printf("%sall good%s.\n", cli_style(CLI_STYLE_GOOD), cli_style_end(CLI_STYLE_GOOD));
  else
    printf("%s%" G_GUINT64_FORMAT " damaged%s, %" G_GUINT64_FORMAT " repaired%s.\n",
           cli_style(CLI_STYLE_BAD), damaged, cli_style_end(CLI_STYLE_BAD), repaired,
           dry_run ? " (nothing was changed)" : "");
}

int cli_verb_fsck(Cli *cli, CliArgs *args, GError **error) {
  gboolean dry_run = cli_args_has(args, "dry-run");
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (dry_run)
    g_variant_dict_insert(&o, "dry-run", "b", TRUE);
  g_autoptr(GVariant) reply =
      cli_call(cli, "Check", g_variant_new("(@a{sv})", g_variant_dict_end(&o)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) findings = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) summary = g_variant_get_child_value(reply, 1);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_member(object, "findings", cli_json_from_variant(findings));
    cli_json_add_dict(object, summary);
    cli_json_print_object(cli, object);
  } else
    print_human(findings, summary, dry_run);
  return cli_dict_u64(summary, "damaged") > cli_dict_u64(summary, "repaired") ? CLI_EXIT_FAILURE
                                                                              : CLI_EXIT_OK;
}

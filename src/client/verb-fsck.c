/* verb-fsck.c: has the service check every record of its store. Exit status 1 when something was
 * found that is not repaired. In the background a slice is asked for at a time, and the service is
 * left alone between two of them. */
#include "client/dict.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

/* In the background: what a slice took, so many times over, is the others'. */
#define PAUSE_FACTOR 19
#define PAUSE_MIN 10000 /* us */
#define PAUSE_MAX G_USEC_PER_SEC

const CliOption cli_fsck_options[] = {
    {"dry-run", 'n', CLI_VALUE_NONE, NULL, "Only look, change nothing"},
    {"background", 0, CLI_VALUE_NONE, NULL,
     "Only the records, slowly, so that nobody waits for it"},
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

/* `from` NULL: all at once. */
static GVariant *check(Cli *cli, gboolean dry_run, const char *from, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (dry_run)
    g_variant_dict_insert(&o, "dry-run", "b", TRUE);
  if (from)
    g_variant_dict_insert(&o, "from", "s", from);
  return cli_call(cli, "Check", g_variant_new("(@a{sv})", g_variant_dict_end(&o)), error);
}

static void add_findings(GVariantBuilder *all, GVariant *reply) {
  g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
  GVariantIter iter;
  GVariant *one;

  g_variant_iter_init(&iter, list);
  while ((one = g_variant_iter_next_value(&iter))) {
    g_variant_builder_add_value(all, one);
    g_variant_unref(one);
  }
}

/* Slice by slice; the service has nearly all of the time for others. */
static GVariant *check_slowly(Cli *cli, gboolean dry_run, GError **error) {
  g_autofree char *from = g_strdup("");
  GVariantBuilder all;

  g_variant_builder_init(&all, G_VARIANT_TYPE_STRING_ARRAY);
  for (;;) {
    gint64 begin = g_get_monotonic_time();
    const char *next;
    g_autoptr(GVariant) reply = check(cli, dry_run, from, error);
    if (!reply) {
      g_variant_builder_clear(&all);
      return NULL;
    }
    add_findings(&all, reply);
    g_autoptr(GVariant) summary = g_variant_get_child_value(reply, 1);
    if (!g_variant_lookup(summary, "next", "&s", &next))
      return g_variant_ref_sink(g_variant_new("(as@a{sv})", &all, summary));
    g_free(from);
    from = g_strdup(next);
    gint64 took = g_get_monotonic_time() - begin;
    g_usleep((gulong)CLAMP(took * PAUSE_FACTOR, PAUSE_MIN, PAUSE_MAX));
  }
}

int cli_verb_fsck(Cli *cli, CliArgs *args, GError **error) {
  gboolean dry_run = cli_args_has(args, "dry-run");
  g_autoptr(GVariant) reply = cli_args_has(args, "background") ? check_slowly(cli, dry_run, error)
                                                               : check(cli, dry_run, NULL, error);
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

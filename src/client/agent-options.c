/* agent-options.c: the settings of an agent as options, for register and update. */
#include "client/agent-options.h"

#include "client/policy.h"
#include "client/verbs.h"
#include "common/config.h"

#include <pwd.h>

const CliOption cli_agent_options[] = {
    {"description", 0, CLI_VALUE_REQUIRED, "TEXT", "What the agent is for"},
    {"role", 0, CLI_VALUE_REQUIRED, "ROLE", "Gets a share of what is sent to role:ROLE"},
    {"topic", 0, CLI_VALUE_REQUIRED, "TOPIC", "Gets everything that is sent to topic:TOPIC"},
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "A word to find it by"},
    {"capability", 0, CLI_VALUE_REQUIRED, "NAME", "What it is able to do"},
    {"metadata", 0, CLI_VALUE_REQUIRED, "KEY=VALUE", "Anything else, kept as it is"},
    {"owner", 0, CLI_VALUE_REQUIRED, "USER", "Owner, by name or uid (administrators only)"},
    {"max-messages", 0, CLI_VALUE_REQUIRED, "N", "How many messages may wait for it"},
    {"max-bytes", 0, CLI_VALUE_REQUIRED, "SIZE", "How much may wait for it, like 64M"},
    {"rate", 0, CLI_VALUE_REQUIRED, "N", "Messages a second that are accepted for it; 0: any"},
    {"burst", 0, CLI_VALUE_REQUIRED, "N", "How far a burst may exceed the rate"},
    {"lease", 0, CLI_VALUE_REQUIRED, "SPAN", "How long it may handle one message, like 5min"},
    {"max-deliveries", 0, CLI_VALUE_REQUIRED, "N", "Failures until a message is a dead letter"},
    {"backoff", 0, CLI_VALUE_REQUIRED, "SPANS", "Pauses between attempts, like 1s,10s,1min"},
    {"balance", 0, CLI_VALUE_REQUIRED, "HOW", "Mail of a role: round-robin or least-loaded"},
    {"policy", 0, CLI_VALUE_REQUIRED, "JSON", "How the courier reaches it"},
    {"policy-file", 0, CLI_VALUE_REQUIRED, "FILE", "The same from a file; \"-\": stdin"},
    {NULL},
};

const CliOption cli_agent_update_options[] = {
    {"unset", 0, CLI_VALUE_REQUIRED, "SETTING", "Put a setting back to its default"},
    {NULL},
};

static const struct {
  const char *option, *key;
} texts[] = {{"description", "description"}, {"balance", "balance"}},
  lists[] = {
      {"role", "roles"}, {"topic", "topics"}, {"tag", "tags"}, {"capability", "capabilities"}};

static gboolean add_numbers(const CliArgs *args, GVariantDict *o, GError **error) {
  static const struct {
    const char *option;
    const char *type;
  } numbers[] = {{"max-messages", "t"}, {"burst", "u"}, {"max-deliveries", "u"}};
  g_autoptr(GError) local = NULL;
  guint64 n;

  for (guint i = 0; i < G_N_ELEMENTS(numbers) && !local; i++) {
    gboolean wide = g_str_equal(numbers[i].type, "t");
    if (!cli_args_u64(args, numbers[i].option, 0, wide ? G_MAXINT64 : G_MAXUINT32, &n, &local))
      continue;
    if (wide)
      g_variant_dict_insert(o, numbers[i].option, "t", n);
    else
      g_variant_dict_insert(o, numbers[i].option, "u", (guint32)n);
  }
  if (!local && cli_args_bytes(args, "max-bytes", &n, &local))
    g_variant_dict_insert(o, "max-bytes", "t", n);
  if (!local && cli_args_usec(args, "lease", &n, &local))
    g_variant_dict_insert(o, "lease", "t", n);
  if (!local)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

/* The uid -1 means "nobody in particular" to the kernel and can own nothing. A name is looked up
 * here, so it says nothing about another machine. */
gboolean cli_owner_read(const Cli *cli, const CliArgs *args, guint32 *ret, GError **error) {
  const char *owner = cli_args_get(args, "owner");
  guint64 uid;

  if (!owner)
    return FALSE;
  if (!g_ascii_string_to_unsigned(owner, 10, 0, G_MAXUINT32 - 1, &uid, NULL)) {
    const struct passwd *user = cli->host || !*owner ? NULL : getpwnam(owner);
    if (!user) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--owner=%s: %s", owner,
                  cli->host ? "on another host a user is named by uid, a number"
                            : "there is no such user (\"getent passwd\" lists them), and it is no "
                              "uid from 0 to 4294967294");
      return FALSE;
    }
    uid = user->pw_uid;
  }
  *ret = (guint32)uid;
  return TRUE;
}

static gboolean add_owner(const Cli *cli, const CliArgs *args, GVariantDict *o, GError **error) {
  g_autoptr(GError) local = NULL;
  guint32 uid;

  if (cli_owner_read(cli, args, &uid, &local))
    g_variant_dict_insert(o, "uid", "u", uid);
  if (!local)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

static gboolean add_rate(const CliArgs *args, GVariantDict *o, GError **error) {
  const char *text = cli_args_get(args, "rate");
  char *end;

  if (!text)
    return TRUE;
  double rate = g_ascii_strtod(text, &end);
  if (end == text || *end || !(rate >= 0) || rate > 1e9) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--rate=%s: not a number of messages a second",
                text);
    return FALSE;
  }
  g_variant_dict_insert(o, "rate", "d", rate);
  return TRUE;
}

static gboolean add_backoff(const CliArgs *args, GVariantDict *o, GError **error) {
  const char *text = cli_args_get(args, "backoff");
  g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(guint64));

  if (!text)
    return TRUE;
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  for (guint i = 0; parts[i]; i++) {
    g_autoptr(GError) cause = NULL;
    guint64 usec;
    if (!wg_parse_usec(g_strstrip(parts[i]), &usec, &cause)) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--backoff=%s: %s", text, cause->message);
      return FALSE;
    }
    g_array_append_val(spans, usec);
  }
  g_variant_dict_insert_value(
      o, "backoff",
      g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, spans->data, spans->len, sizeof(guint64)));
  return TRUE;
}

/* The policy of either option, checked by the courier where there is one. */
static gboolean add_policy(const CliArgs *args, GVariantDict *o, GError **error) {
  const char *file = cli_args_get(args, "policy-file");
  g_autofree char *json = g_strdup(cli_args_get(args, "policy"));

  if (file && json) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                "one policy at a time: --policy or --policy-file");
    return FALSE;
  }
  if (file) {
    json = cli_policy_read(file, error);
    if (!json)
      return FALSE;
  }
  if (!json)
    return TRUE;
  g_variant_dict_insert(o, "policy", "s", json);
  return cli_policy_check(json, error);
}

GVariant *cli_agent_options_read(const Cli *cli, const CliArgs *args, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GVariant) metadata = NULL;

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (cli_args_has(args, texts[i].option))
      g_variant_dict_insert(&o, texts[i].key, "s", cli_args_get(args, texts[i].option));
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (cli_args_has(args, lists[i].option))
      g_variant_dict_insert_value(&o, lists[i].key, cli_args_names(args, lists[i].option));
  if (!cli_args_pairs(args, "metadata", &metadata, error) || !add_numbers(args, &o, error) ||
      !add_owner(cli, args, &o, error) || !add_rate(args, &o, error) ||
      !add_backoff(args, &o, error) || !add_policy(args, &o, error))
    return NULL;
  if (metadata)
    g_variant_dict_insert_value(&o, "metadata", metadata);
  return g_variant_ref_sink(g_variant_dict_end(&o));
}

/* edges.c: see edges.h. A line is "allow FROM -> TO", "deny FROM -> TO" or the same with "<->". */
#include "messaging/edges.h"

#include "common/config.h"
#include "common/error.h"

#include <pwd.h>
#include <string.h>

#define NAME "edges"
#define EVERYBODY "@all"
#define ACCOUNT_ROOM 16384

typedef enum { END_NAME, END_ROLE, END_TOPIC, END_UID, END_EVERYBODY } EndKind;

typedef struct {
  EndKind kind;
  gboolean any; /* "*": also who is no agent */
  uid_t uid;
  GPatternSpec *pattern; /* NAME, ROLE, TOPIC */
} End;

typedef struct {
  End from, to;
  gboolean allow, both;
  char *text, *file; /* as written, in one line */
  guint line;
} Rule;

struct MsgEdges {
  gint refs;
  GPtrArray *rules;
  char *files; /* those that were read, for people */
};

static void end_clear(End *end) {
  g_clear_pointer(&end->pattern, g_pattern_spec_free);
}

static void rule_free(gpointer data) {
  Rule *rule = data;

  end_clear(&rule->from);
  end_clear(&rule->to);
  g_free(rule->text);
  g_free(rule->file);
  g_free(rule);
}

MsgEdges *msg_edges_ref(MsgEdges *edges) {
  if (edges)
    g_atomic_int_inc(&edges->refs);
  return edges;
}

void msg_edges_unref(MsgEdges *edges) {
  if (!edges || !g_atomic_int_dec_and_test(&edges->refs))
    return;
  g_ptr_array_unref(edges->rules);
  g_free(edges->files);
  g_free(edges);
}

guint msg_edges_count(const MsgEdges *edges) {
  return edges ? edges->rules->len : 0;
}

/* ---- reading ---- */
static gboolean uid_of(const char *text, uid_t *ret) {
  g_autofree char *buffer = g_malloc(ACCOUNT_ROOM);
  struct passwd entry, *found = NULL;
  guint64 number;

  if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &number, NULL)) {
    *ret = (uid_t)number;
    return TRUE;
  }
  if (getpwnam_r(text, &entry, buffer, ACCOUNT_ROOM, &found) != 0 || !found)
    return FALSE;
  *ret = entry.pw_uid;
  return TRUE;
}

/* What is wrong with it; NULL: nothing. */
static const char *end_read(const char *text, gboolean is_to, End *ret) {
  static const struct {
    const char *prefix;
    EndKind kind;
  } prefixes[] = {{"role:", END_ROLE}, {"topic:", END_TOPIC}};

  ret->any = g_str_equal(text, "*");
  if (g_str_equal(text, EVERYBODY)) {
    ret->kind = END_EVERYBODY;
    return is_to ? NULL : "only what is sent to is @all; every sender is *";
  }
  if (g_str_has_prefix(text, "uid:")) {
    ret->kind = END_UID;
    return uid_of(text + 4, &ret->uid) ? NULL : "after uid: stands the number or name of a user";
  }
  for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
    if (g_str_has_prefix(text, prefixes[i].prefix)) {
      ret->kind = prefixes[i].kind;
      text += strlen(prefixes[i].prefix);
    }
  if (!*text ||
      strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?") !=
          strlen(text))
    return "an end is a name, role:NAME or topic:NAME, each with * and ?, or uid:USER, or @all";
  ret->pattern = g_pattern_spec_new(text);
  return NULL;
}

static const char *rule_read(char **words, Rule *rule) {
  static const char form[] = "a rule is \"allow FROM -> TO\", \"deny FROM -> TO\" or one with <->";

  rule->allow = g_str_equal(words[0], "allow");
  if ((!rule->allow && !g_str_equal(words[0], "deny")) || g_strv_length(words) != 4)
    return form;
  rule->both = g_str_equal(words[2], "<->");
  if (!rule->both && !g_str_equal(words[2], "->"))
    return form;
  const char *wrong = end_read(words[1], /* is_to= */ FALSE, &rule->from);
  if (!wrong)
    wrong = end_read(words[3], /* is_to= */ TRUE, &rule->to);
  if (!wrong && rule->both && rule->to.kind == END_EVERYBODY)
    wrong = "nobody is sent to by @all; write ->";
  return wrong;
}

/* The words of a line, without those that are empty. */
static char **words_of(const char *line) {
  g_auto(GStrv) parts = g_strsplit_set(line, " \t\r", -1);
  g_autoptr(GStrvBuilder) words = g_strv_builder_new();

  for (guint i = 0; parts[i]; i++)
    if (*parts[i])
      g_strv_builder_add(words, parts[i]);
  return g_strv_builder_end(words);
}

static gboolean file_read(MsgEdges *edges, const WgConfigFile *file, GError **error) {
  g_auto(GStrv) lines = g_strsplit(file->data, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    g_auto(GStrv) words = words_of(lines[i]);
    if (!words[0] || *words[0] == '#' || *words[0] == ';')
      continue;
    Rule *rule = g_new0(Rule, 1);
    g_ptr_array_add(edges->rules, rule);
    rule->text = g_strjoinv(" ", words);
    rule->file = g_strdup(file->path);
    rule->line = i + 1;
    const char *wrong = rule_read(words, rule);
    if (!wrong)
      continue;
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s:%u: \"%s\": %s", file->path, i + 1,
                rule->text, wrong);
    return FALSE;
  }
  return TRUE;
}

MsgEdges *msg_edges_load(const char *const *dirs, GError **error) {
  g_autoptr(GPtrArray) files = wg_config_files_read(dirs, NAME, error);
  g_autoptr(MsgEdges) edges = g_new0(MsgEdges, 1);
  g_autoptr(GString) names = g_string_new(NULL);

  edges->refs = 1;
  edges->rules = g_ptr_array_new_with_free_func(rule_free);
  for (guint i = 0; files && i < files->len; i++) {
    const WgConfigFile *file = files->pdata[i];
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", file->path);
    if (!file_read(edges, file, error))
      return NULL;
  }
  edges->files = g_string_free(g_steal_pointer(&names), FALSE);
  return files ? g_steal_pointer(&edges) : NULL;
}

/* ---- deciding ---- */
static gboolean one_fits(const End *end, char **names) {
  for (guint i = 0; names && names[i]; i++)
    if (g_pattern_spec_match_string(end->pattern, names[i]))
      return TRUE;
  return FALSE;
}

static gboolean end_fits(const End *end, const MsgEdgeEnd *who, const char *address) {
  switch (end->kind) {
  case END_NAME:
    return end->any || (*who->name && g_pattern_spec_match_string(end->pattern, who->name));
  case END_ROLE:
    return one_fits(end, who->roles);
  case END_TOPIC:
    return one_fits(end, who->topics);
  case END_UID:
    return who->uid == end->uid;
  default: /* END_EVERYBODY */
    return g_str_equal(address, EVERYBODY);
  }
}

static gboolean rule_fits(const Rule *rule, const MsgEdgeEnd *from, const MsgEdgeEnd *to,
                          const char *address) {
  return (end_fits(&rule->from, from, address) && end_fits(&rule->to, to, address)) ||
         (rule->both && end_fits(&rule->from, to, address) && end_fits(&rule->to, from, address));
}

gboolean msg_edges_allow(const MsgEdges *edges, const MsgEdgeEnd *from, const MsgEdgeEnd *to,
                         const char *address, char **ret_why) {
  for (guint i = 0; edges && i < edges->rules->len; i++) {
    const Rule *rule = edges->rules->pdata[i];
    if (!rule_fits(rule, from, to, address))
      continue;
    if (!rule->allow)
      *ret_why =
          g_strdup_printf("\"%s\" stands in %s, line %u", rule->text, rule->file, rule->line);
    return rule->allow;
  }
  if (msg_edges_count(edges) == 0)
    return TRUE;
  *ret_why = g_strdup_printf("no rule of %s allows it", edges->files);
  return FALSE;
}

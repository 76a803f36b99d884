/* fake-types.c: see fake-types.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "fake-types.h"

#include "checks/looking.h"
#include "checks/types.h"

#include <string.h>

static GString *looked;
static guint n_now, n_most;
static GHashTable *counts; /* subject -> looks so far */
static GPtrArray *never;   /* of Pending: answered by fake_types_release() */
static GMutex gate;
static gboolean locked;

typedef struct {
  ChkSeenFunc seen;
  gpointer user_data;
  char *word;
  gint64 n;
} Pending;

static void answer(Pending *p) {
  ChkSight sight = {0};

  n_now--;
  if (strcmp(p->word, "error") == 0) {
    chk_unknown(&sight, "no idea");
  } else if (strcmp(p->word, "skip") == 0) {
    chk_not_applicable(&sight, "not here");
  } else {
    JsonObject *values = json_object_new();
    json_object_set_boolean_member(values, "ok", strcmp(p->word, "pass") == 0);
    json_object_set_int_member(values, "n", p->n);
    json_object_set_string_member(values, "text", "abc aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    json_object_set_string_member(values, "peer", "127.0.0.1:80");
    chk_observed(&sight, values);
  }
  p->seen(&sight, p->user_data);
  g_free(p->word);
  g_free(p);
}

static gboolean on_time(gpointer data) {
  answer(data);
  return G_SOURCE_REMOVE;
}

static void look(ChkLook *l, ChkSeenFunc seen, gpointer user_data) {
  g_auto(GStrv) words = g_strsplit(l->subject, " ", -1);
  gint64 n = GPOINTER_TO_INT(g_hash_table_lookup(counts, l->subject)) + 1;
  const char *word = words[MIN((guint)n, g_strv_length(words)) - 1];
  const char *colon = strchr(word, ':');
  Pending *p = g_new0(Pending, 1);

  g_hash_table_insert(counts, g_strdup(l->subject), GINT_TO_POINTER((gint)n));
  g_string_append_printf(looked, "%s%s", looked->len ? " " : "",
                         chk_option_text(l, "as", l->subject));
  n_now++;
  n_most = MAX(n_most, n_now);
  *p = (Pending){seen, user_data, g_strdup(colon ? colon + 1 : word), n};
  if (strcmp(word, "never") == 0)
    g_ptr_array_add(never, p);
  else if (colon)
    g_timeout_add((guint)g_ascii_strtoull(word, NULL, 10), on_time, p);
  else
    answer(p);
}

static void hang(ChkLook *l, ChkSight *ret) {
  g_mutex_lock(&gate);
  g_mutex_unlock(&gate);
  chk_unknown(ret, "woke up");
}

static void validate(const char *subject, JsonObject *options, ChkFlaws *flaws) {
  if (strcmp(subject, "impossible") == 0)
    chk_flaw(flaws, NULL, "this can never be");
}

static const ChkKey options[] = {{"as", CHK_TEXT, "what the log calls it"},
                                 {"count", CHK_INT, "a number"},
                                 {"wait", CHK_USEC, "a time"},
                                 {"really", CHK_BOOL, "a truth"},
                                 {"names", CHK_TEXTS, "texts"},
                                 {"perm", CHK_MODE, "a mode"},
                                 {"hung", CHK_TEXT, "named like a type"},
                                 {0}};
static const ChkKey values[] = {{"ok", CHK_BOOL, "whether"},
                                {"n", CHK_INT, "the number of the look"},
                                {"text", CHK_TEXT, "a text"},
                                {"texts", CHK_TEXTS, "texts"},
                                {"time", CHK_USEC, "a time"},
                                {"json", CHK_JSON, "anything"},
                                {"mode", CHK_MODE, "a mode"},
                                {"peer", CHK_TEXT, "who answered"},
                                {0}};
static const ChkType type_fake = {
    "fake", "script", options, values, "{\"ok\": true}", .start = look, .validate = validate};
static const ChkType type_hung = {"hung", "thing", NULL, values, "{\"ok\": true}", .sync = hang};
static const ChkType type_mute = {"mute", "thing", NULL, values, NULL, .sync = hang};
static const ChkType *const types[] = {&type_fake, &type_hung, &type_mute, NULL};

void fake_types_install(void) {
  looked = g_string_new(NULL);
  never = g_ptr_array_new();
  counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  chk_types_set_extra(types);
  g_mutex_lock(&gate);
  locked = TRUE;
}

char *fake_types_log(void) {
  char *text = g_string_free(looked, FALSE);

  looked = g_string_new(NULL);
  g_hash_table_remove_all(counts);
  return text;
}

guint fake_types_most(void) {
  guint most = n_most;

  n_most = n_now;
  return most;
}

void fake_types_release(void) {
  if (locked)
    g_mutex_unlock(&gate);
  locked = FALSE;
  for (guint i = 0; i < never->len; i++)
    answer(g_ptr_array_index(never, i));
  g_ptr_array_set_size(never, 0);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  while (chk_looking_n_hung() > 0)
    g_main_context_iteration(NULL, FALSE);
}

ChkPlan *fake_plan(const char *json) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(json, strlen(json), WG_DOC_AUTO, problems);
  ChkPlan *plan = doc ? chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems) : NULL;

  if (!plan) {
    g_autofree char *text = wg_problems_text(problems, "plan");
    g_error("the plan is refused: %s\n%s", text, json);
  }
  return plan;
}

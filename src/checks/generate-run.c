/* generate-run.c: waggle-verify add TYPE SUBJECT... and autoadd UNIT...: looks, makes checks, runs
 * them once, and prints those that pass. */
#include "checks/generate.h"

#include "checks/bind.h"
#include "checks/looking.h"
#include "checks/runner.h"
#include "checks/unit-ask.h"
#include "checks/world.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

#define LOOK_USEC (30 * G_USEC_PER_SEC)

typedef struct {
  GMainLoop *loop;
  ChkWorld *world;
  GPtrArray *candidates; /* (element-type ChkCandidate) */
  guint at;              /* the candidate that is looked at, or the unit */
  char **units;
  JsonArray *checks;
  ChkReport *report;
  gboolean failed;
} Making;

static void complain(const char *what, const char *why) {
  g_printerr("waggle-verify: %s: %s\n", what, why);
}

static void look_next(Making *m);

static void take(Making *m, JsonObject *values) {
  JsonObject *check = chk_generate_check(m->candidates->pdata[m->at], values);

  if (check)
    json_array_add_object_element(m->checks, check);
}

static void on_seen(ChkSight *sight, gpointer user_data) {
  Making *m = user_data;
  const ChkCandidate *candidate = m->candidates->pdata[m->at];

  if (sight->known == CHK_OBSERVED)
    take(m, sight->values);
  else
    complain(candidate->subject, sight->text);
  chk_sight_clear(sight);
  m->at++;
  look_next(m);
}

static void look_next(Making *m) {
  while (m->at < m->candidates->len) {
    const ChkCandidate *candidate = m->candidates->pdata[m->at];
    if (chk_generate_observes(candidate->type)) {
      chk_looking_start(m->world,
                        &(ChkLookingOptions){.type = candidate->type,
                                             .subject = candidate->subject,
                                             .options = candidate->options,
                                             .limit = LOOK_USEC},
                        on_seen, m);
      return;
    }
    take(m, NULL);
    m->at++;
  }
  g_main_loop_quit(m->loop);
}

static void add_candidate(gpointer data, gpointer user_data) {
  ChkCandidate *from = data, *to = chk_candidate_new(from->type, from->subject);

  to->options = from->options ? json_object_ref(from->options) : NULL;
  g_ptr_array_add(user_data, to);
}

static void unit_next(Making *m);

static void on_unit(GPtrArray *candidates, const GError *error, gpointer user_data) {
  Making *m = user_data;

  if (candidates)
    g_ptr_array_foreach(candidates, add_candidate, m->candidates);
  else
    complain(m->units[m->at], error->message);
  m->failed = m->failed || candidates == NULL;
  m->at++;
  unit_next(m);
}

static void unit_next(Making *m) {
  if (m->units && m->units[m->at]) {
    chk_generate_unit(m->world, m->units[m->at], on_unit, m);
    return;
  }
  m->at = 0;
  look_next(m);
}

static gboolean begin(gpointer user_data) {
  unit_next(user_data);
  return G_SOURCE_REMOVE;
}

static void on_done(ChkReport *report, gpointer user_data) {
  Making *m = user_data;

  m->report = report;
  g_main_loop_quit(m->loop);
}

/* What would be printed, read again as a user's file is; NULL is told, and would be our mistake. */
static ChkPlan *plan_of(Making *m) {
  g_autofree char *text = chk_generate_yaml("generated", m->checks);
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_YAML, problems);
  ChkPlan *plan = doc ? chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems) : NULL;

  if (plan == NULL) {
    g_autofree char *why = wg_problems_text(problems, "what was made");
    g_printerr("%s", why);
  }
  return plan;
}

/* Drops what does not pass right now. FALSE: nothing could be run. */
static gboolean prove(Making *m) {
  g_autoptr(ChkPlan) plan = plan_of(m);
  g_autoptr(JsonArray) good = json_array_new();

  if (plan == NULL)
    return FALSE;
  chk_run_start(m->world, plan,
                &(ChkRunOptions){.bind = chk_bind_check, .done = on_done, .user_data = m});
  g_main_loop_run(m->loop);
  for (guint i = 0; i < m->report->results->len; i++) {
    const ChkResult *result = m->report->results->pdata[i];
    if (result->verdict == CHK_PASS)
      json_array_add_object_element(good,
                                    json_object_ref(json_array_get_object_element(m->checks, i)));
    else
      g_printerr("waggle-verify: left out: %s: %s\n", result->check->name,
                 result->text ? result->text : "it does not pass");
  }
  json_array_unref(m->checks);
  m->checks = g_steal_pointer(&good);
  return TRUE;
}

static int make(Making *m, const char *name) {
  m->loop = g_main_loop_new(NULL, FALSE);
  m->checks = json_array_new();
  g_idle_add(begin, m);
  g_main_loop_run(m->loop);
  gboolean run = json_array_get_length(m->checks) > 0 && prove(m);
  guint n = json_array_get_length(m->checks);
  if (run && n > 0) {
    g_autofree char *text = chk_generate_yaml(name, m->checks);
    fputs(text, stdout);
  } else {
    g_printerr("waggle-verify: there is nothing to make a check of\n");
  }
  g_clear_pointer(&m->report, chk_report_free);
  json_array_unref(m->checks);
  g_main_loop_unref(m->loop);
  return run && n > 0 && !m->failed && fflush(stdout) == 0 ? CHK_EXIT_PASS : CHK_EXIT_ERROR;
}

/* The subjects of `add`; FALSE: told. */
static gboolean candidates_of(Making *m, char **args) {
  const ChkType *type = args[0] ? chk_type_find(args[0]) : NULL;
  g_autoptr(ChkFlaws) flaws = chk_flaws_new();

  if (type == NULL || args[1] == NULL) {
    complain("add", args[0] && !type ? "there is no such type; \"waggle-verify --types\" lists them"
                                     : "a type and at least one subject are needed");
    return FALSE;
  }
  for (guint i = 1; args[i]; i++) {
    if (type->validate)
      type->validate(args[i], NULL, flaws);
    if (chk_flaws_n(flaws) > 0) {
      complain(args[i], chk_flaws_at(flaws, 0)->text);
      return FALSE;
    }
    g_ptr_array_add(m->candidates, chk_candidate_new(type, args[i]));
  }
  return TRUE;
}

static gboolean units_of(Making *m, char **args) {
  g_autoptr(GError) error = NULL;

  for (guint i = 0; args[i]; i++)
    if (!chk_unit_name_is_good(args[i], &error)) {
      complain(args[i], error->message);
      return FALSE;
    }
  m->units = args;
  if (args[0] == NULL)
    complain("autoadd", "at least one unit is needed");
  return args[0] != NULL;
}

int chk_generate_main(int argc, char **argv) {
  gboolean user = g_strcmp0(g_getenv(WG_ENV_SCOPE), "user") == 0, system = FALSE;
  g_autofree char *root = NULL;
  const GOptionEntry entries[] = {
      {"system", 0, 0, G_OPTION_ARG_NONE, &system, "units of the system; it is the default", NULL},
      {"user", 0, 0, G_OPTION_ARG_NONE, &user, "units of the user", NULL},
      {"root", 0, 0, G_OPTION_ARG_FILENAME, &root, "look at paths below it", "DIRECTORY"},
      {NULL}};
  gboolean automatic = strcmp(argv[0], "autoadd") == 0;
  g_autoptr(GOptionContext) context =
      g_option_context_new(automatic ? "UNIT..." : "TYPE SUBJECT...");
  g_auto(GStrv) args = g_strdupv(argv);
  g_autoptr(GError) error = NULL;
  Making m = {0};

  g_option_context_set_summary(context, "Prints checks of what is here now, which pass.");
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse_strv(context, &args, &error)) {
    complain(argv[0], error->message);
    return CHK_EXIT_USAGE;
  }
  m.candidates = g_ptr_array_new_with_free_func((GDestroyNotify)chk_candidate_free);
  if (!(automatic ? units_of(&m, args + 1) : candidates_of(&m, args + 1))) {
    g_ptr_array_unref(m.candidates);
    return CHK_EXIT_USAGE;
  }
  m.world = chk_world_new(user && !system, root);
  int status = make(&m, automatic ? args[1] : "generated");
  chk_world_free(m.world);
  g_ptr_array_unref(m.candidates);
  return status;
}

/* type-greenboot.c: a directory of greenboot's health checks, run unchanged.
 *
 * What is in required.d has to pass, what is in wanted.d may fail. Unlike greenboot each has a time
 * limit, and all run also after one failed, so that the report is whole. *.sh are given to bash, as
 * greenboot does; other executable files run as they are. Names in DISABLED_HEALTHCHECKS of
 * greenboot's configuration do not run. */
#include "checks/command-run.h"
#include "checks/greenboot.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

#define LIMIT_DEFAULT (60 * G_USEC_PER_SEC)

static const ChkKey options[] = {
    {"script-timeout", CHK_USEC, "each script is ended after that, and has failed (1min)"},
    {"configuration", CHK_TEXT, "greenboot.conf, for DISABLED_HEALTHCHECKS"},
    {"env", CHK_TEXTS,
     "NAME=value: added to PATH, HOME, LANG and TRACEPARENT, which is all they get"},
    {"sandbox", CHK_BOOL, "without new privileges, the system read-only; needs a manager"},
    {"memory-max", CHK_BYTES, "each is ended beyond that; needs a manager"},
    {NULL},
};

static const ChkKey values[] = {
    {"required", CHK_BOOL, "all of required.d passed"},
    {"wanted", CHK_BOOL, "all of wanted.d passed"},
    {"passed", CHK_TEXTS, "scripts that passed, as required.d/NAME, sorted"},
    {"failed", CHK_TEXTS, "scripts that failed, sorted"},
    {"disabled", CHK_TEXTS, "scripts that are disabled, sorted"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  ChkCommand *command;
  ChkGreenboot *plan;
  guint at; /* the script that runs */
  GPtrArray *passed, *failed;
  GString *why; /* of those that failed */
  gboolean required, wanted;
} GreenLook;

static void finish(GreenLook *g, ChkSight *sight) {
  g_clear_pointer(&g->command, chk_command_drop);
  chk_pending_end(&g->pending, sight);
  g_clear_pointer(&g->plan, chk_greenboot_free);
  g_clear_pointer(&g->passed, g_ptr_array_unref);
  g_clear_pointer(&g->failed, g_ptr_array_unref);
  g_string_free(g->why, TRUE);
  g_free(g);
}

static void stop(gpointer owner) {
  GreenLook *g = owner;
  ChkSight sight = {0};
  const ChkGreenScript *now = g->at < g->plan->scripts->len ? g->plan->scripts->pdata[g->at] : NULL;

  chk_unknown(&sight, "%s: the time was over in %s", g->pending.look->subject,
              now ? now->name : "its list");
  finish(g, &sight);
}

static void tell(GreenLook *g) {
  JsonObject *seen = json_object_new();
  ChkSight sight = {0};

  json_object_set_boolean_member(seen, "required", g->required);
  json_object_set_boolean_member(seen, "wanted", g->wanted);
  chk_set_sorted(seen, "passed", g_steal_pointer(&g->passed));
  chk_set_sorted(seen, "failed", g_steal_pointer(&g->failed));
  chk_set_sorted(seen, "disabled", g_steal_pointer(&g->plan->disabled));
  chk_observed(&sight, seen);
  sight.text = g->why->len > 0 ? g_strdup(g->why->str) : NULL;
  finish(g, &sight);
}

static void next(GreenLook *g);

/* The last line that a script wrote tells most of why it failed. */
static const char *last_line(char *text) {
  char *newline = strrchr(g_strchomp(text), '\n');

  return newline ? newline + 1 : text;
}

static void on_done(const WgRunEnd *end, gpointer user_data) {
  GreenLook *g = user_data;
  const ChkGreenScript *script = g->plan->scripts->pdata[g->at];
  g_autofree char *out = chk_command_text(end->out), *err = chk_command_text(end->err);
  const char *said = *last_line(err) ? last_line(err) : last_line(out);

  g->command = NULL;
  if (end->how == WG_RUN_NOT_STARTED || end->how == WG_RUN_LOST) {
    ChkSight sight = {0};
    chk_unknown(&sight, "%s: %s", script->name, end->text);
    finish(g, &sight);
    return;
  }
  gboolean passed = end->how == WG_RUN_EXITED && end->code == 0;
  g_ptr_array_add(passed ? g->passed : g->failed, g_strdup(script->name));
  if (!passed) {
    *(script->required ? &g->required : &g->wanted) = FALSE;
    g_string_append_printf(g->why, "%s%s: %s%s%.200s", g->why->len ? "; " : "", script->name,
                           end->text, *said ? ": " : "", said);
  }
  g->at++;
  next(g);
}

static void next(GreenLook *g) {
  ChkLook *look = g->pending.look;
  g_autoptr(GError) error = NULL;
  ChkSight sight = {0};

  if (g->at == g->plan->scripts->len) {
    tell(g);
    return;
  }
  const ChkGreenScript *script = g->plan->scripts->pdata[g->at];
  const char *const with_bash[] = {"bash", script->path, NULL}, *const alone[] = {script->path,
                                                                                  NULL};
  guint64 limit =
      MIN(chk_option_usec(look, "script-timeout", LIMIT_DEFAULT), chk_pending_left(&g->pending));
  g->command = chk_command_start(look, g_str_has_suffix(script->path, ".sh") ? with_bash : alone,
                                 limit, on_done, g, &error);
  if (g->command)
    return;
  chk_unknown(&sight, "%s", error->message);
  finish(g, &sight);
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  GreenLook *g = g_new0(GreenLook, 1);
  g_autoptr(GError) error = NULL;
  ChkSight sight = {0};

  chk_pending_begin(&g->pending, look, seen, user_data, stop, g);
  g->passed = g_ptr_array_new_with_free_func(g_free);
  g->failed = g_ptr_array_new_with_free_func(g_free);
  g->why = g_string_new(NULL);
  g->required = g->wanted = TRUE;
  g->plan = chk_greenboot_list(look, &error);
  if (g->plan) {
    next(g);
    return;
  }
  chk_unknown(&sight, "%s", error->message);
  finish(g, &sight);
}

const ChkType chk_type_greenboot = {
    .name = "greenboot",
    .subject_help = "absolute path of a directory with required.d and wanted.d",
    .options = options,
    .values = values,
    .default_value = "{\"required\": true}",
    .default_warn = "{\"wanted\": true}",
    .start = start,
    .validate = chk_subject_greenboot,
};

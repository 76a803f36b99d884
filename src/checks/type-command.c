/* type-command.c: a program that is run, and how it ends.
 *
 * A program that cannot be started, or that does not end in time, is an error: nobody knows what it
 * would have said. One that is killed by a signal has no exit status. */
#include "checks/command-run.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include "common/doc.h"

#include <string.h>

static const ChkKey options[] = {CHK_COMMAND_OPTIONS, {NULL}};

static const ChkKey values[] = {
    {"exit-status", CHK_INT, "its exit status; absent when it was killed"},
    {"signal", CHK_INT, "the signal that killed it; absent when it exited"},
    {"stdout", CHK_TEXT, "what it wrote to standard output"},
    {"stderr", CHK_TEXT, "what it wrote to standard error"},
    {"json", CHK_JSON, "standard output, read as JSON"},
    {"duration", CHK_USEC, "how long it ran"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  ChkCommand *command;
} CommandLook;

static void finish(CommandLook *c, ChkSight *sight) {
  g_clear_pointer(&c->command, chk_command_drop);
  chk_pending_end(&c->pending, sight);
  g_free(c);
}

static void stop(gpointer owner) {
  CommandLook *c = owner;
  ChkSight sight = {0};

  chk_unknown(&sight, "%s: it did not end in time", c->pending.look->subject);
  finish(c, &sight);
}

/* FALSE: stdout is no JSON. */
static gboolean set_json(const ChkLook *look, const char *out, JsonObject *seen, ChkSight *sight) {
  if (!chk_asks(look, "json"))
    return TRUE;
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(out, strlen(out), WG_DOC_JSON, problems);
  if (doc && !wg_problems_refuse(problems)) {
    json_object_set_member(seen, "json", json_node_copy(wg_doc_root(doc)));
    return TRUE;
  }
  const WgProblem *first = wg_problems_n(problems) > 0 ? wg_problems_at(problems, 0) : NULL;
  chk_unknown(sight, "%s: its output is no JSON: line %u: %s", look->subject,
              first ? first->line : 0, first ? first->text : "it is empty");
  return FALSE;
}

/* The last thing it said tells most of why it failed. */
static const char *last_line(char *text) {
  char *newline = strrchr(g_strchomp(text), '\n');

  return newline ? newline + 1 : text;
}

static void on_done(const WgRunEnd *end, gpointer user_data) {
  CommandLook *c = user_data;
  ChkLook *look = c->pending.look;
  g_autoptr(JsonObject) seen = json_object_new();
  g_autofree char *out = chk_command_text(end->out), *err = chk_command_text(end->err);
  ChkSight sight = {0};

  c->command = NULL;
  if (end->how == WG_RUN_EXITED)
    json_object_set_int_member(seen, "exit-status", end->code);
  if (end->how == WG_RUN_SIGNALED)
    json_object_set_int_member(seen, "signal", end->code);
  chk_set_text(seen, "stdout", out);
  chk_set_text(seen, "stderr", err);
  json_object_set_int_member(seen, "duration", (gint64)end->duration);
  if (!chk_command_ran(end, look->subject, &sight)) {
    finish(c, &sight);
    return;
  }
  if (end->cut &&
      (chk_asks(look, "stdout") || chk_asks(look, "stderr") || chk_asks(look, "json"))) {
    chk_unknown(&sight, "%s: it wrote more than max-output, so its output is not known",
                look->subject);
  } else if (set_json(look, out, seen, &sight)) {
    chk_observed(&sight, g_steal_pointer(&seen));
    if (end->how != WG_RUN_EXITED || end->code != 0)
      sight.text = g_strdup(*last_line(err) ? last_line(err) : end->text);
  }
  finish(c, &sight);
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  CommandLook *c = g_new0(CommandLook, 1);
  g_autoptr(GError) error = NULL;
  ChkSight sight = {0};

  chk_pending_begin(&c->pending, look, seen, user_data, stop, c);
  c->command = chk_command_start(look, NULL, chk_pending_left(&c->pending), on_done, c, &error);
  if (c->command)
    return;
  chk_unknown(&sight, "%s", error->message);
  finish(c, &sight);
}

const ChkType chk_type_command = {
    .name = "command",
    .subject_help = "a program and its arguments, or a name when \"argv\" is given",
    .options = options,
    .values = values,
    .default_value = "{\"exit-status\": 0}",
    .start = start,
    .validate = chk_subject_command,
};

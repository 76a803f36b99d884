/* unit-analyze.c: see unit-analyze.h.
 *
 * The overall level is only in the text (for people, LC_ALL=C); the JSON of a single unit lacks it,
 * and its rows are rounded too much to be added up. */
#include "checks/unit-analyze.h"

#include "checks/world.h"

#include "common/run.h"

#include <math.h>
#include <string.h>

#define OUTPUT_MAX (1024 * 1024)

struct ChkAnalyze {
  WgRun *run;
  gboolean problems;
  ChkAnalyzedFunc func;
  gpointer user_data;
};

double chk_analyze_overall(const char *text) {
  const char *line = strstr(text, "Overall exposure level");
  const char *end = line ? line + strcspn(line, "\n") : NULL;
  char *stop = NULL;

  /* the unit's name may contain colons */
  for (const char *p = end; line && p > line; p--)
    if (p[-1] == ':' && *p == ' ') {
      double level = g_ascii_strtod(p + 1, &stop);
      return stop != p + 1 && isfinite(level) && level >= 0 && level <= 100 ? level : -1;
    }
  return -1;
}

static char *text_of(GBytes *bytes) {
  gsize size = 0;
  const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;

  return g_utf8_make_valid(text ? text : "", (gssize)size);
}

static void exposure(const WgRunEnd *end, const char *out, const char *err, ChkAnalyzed *ret) {
  ret->exposure = chk_analyze_overall(out);
  if (ret->exposure < 0)
    g_set_error(&ret->error, WG_ERROR, WG_ERROR_FAILED,
                "systemd-analyze security tells no level: %s%s%s", end->text, *err ? ": " : "",
                err);
}

static void problems(const WgRunEnd *end, const char *err, ChkAnalyzed *ret) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_auto(GStrv) lines = g_strsplit(err, "\n", -1);
  guint n = 0;

  for (guint i = 0; lines[i]; i++)
    if (*g_strstrip(lines[i])) {
      g_strv_builder_add(builder, lines[i]);
      n++;
    }
  g_strfreev(ret->problems);
  ret->problems = g_strv_builder_end(builder);
  if (end->how != WG_RUN_EXITED || (end->code != 0 && n == 0))
    g_set_error(&ret->error, WG_ERROR, WG_ERROR_FAILED, "systemd-analyze verify: %s", end->text);
}

static void on_done(const WgRunEnd *end, gpointer user_data) {
  ChkAnalyze *analyze = user_data;
  ChkAnalyzed got = {.problems = g_new0(char *, 1)};
  g_autofree char *out = text_of(end->out), *err = text_of(end->err);

  analyze->run = NULL;
  if (analyze->problems)
    problems(end, err, &got);
  else
    exposure(end, out, g_strchomp(err), &got);
  analyze->func(&got, analyze->user_data);
  g_strfreev(got.problems);
  g_clear_error(&got.error);
  g_free(analyze);
}

/* What a bus is found by; the run hands nothing on by itself. */
static char **environment(void) {
  static const char *const names[] = {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
                                      "DBUS_SYSTEM_BUS_ADDRESS"};
  g_autoptr(GStrvBuilder) env = g_strv_builder_new();

  g_strv_builder_add_many(env, "LC_ALL=C", "SYSTEMD_COLORS=0", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_getenv(names[i])) {
      g_autofree char *pair = g_strconcat(names[i], "=", g_getenv(names[i]), NULL);
      g_strv_builder_add(env, pair);
    }
  return g_strv_builder_end(env);
}

static ChkAnalyze *begin(const char *const *argv, gboolean of_problems, guint64 timeout,
                         ChkAnalyzedFunc func, gpointer user_data) {
  ChkAnalyze *analyze = g_new0(ChkAnalyze, 1);
  g_auto(GStrv) env = environment();

  analyze->problems = of_problems;
  analyze->func = func;
  analyze->user_data = user_data;
  analyze->run = wg_run_start(&(WgRunOptions){.argv = argv,
                                              .env = (const char *const *)env,
                                              .directory = "/",
                                              .how = WG_RUN_PLAIN,
                                              .input = -1,
                                              .output_max = OUTPUT_MAX,
                                              .timeout = timeout},
                              on_done, analyze);
  return analyze;
}

ChkAnalyze *chk_analyze_exposure(ChkWorld *world, const char *unit, guint64 timeout,
                                 ChkAnalyzedFunc func, gpointer user_data) {
  const char *const argv[] = {"systemd-analyze",
                              "security",
                              chk_world_is_user(world) ? "--user" : "--system",
                              "--no-pager",
                              "--",
                              unit,
                              NULL};

  return begin(argv, FALSE, timeout, func, user_data);
}

ChkAnalyze *chk_analyze_problems(ChkWorld *world, const char *file, guint64 timeout,
                                 ChkAnalyzedFunc func, gpointer user_data) {
  const char *const argv[] = {"systemd-analyze",
                              "verify",
                              chk_world_is_user(world) ? "--user" : "--system",
                              "--man=no",
                              "--recursive-errors=no",
                              "--no-pager",
                              "--",
                              file,
                              NULL};

  return begin(argv, TRUE, timeout, func, user_data);
}

void chk_analyze_drop(ChkAnalyze *analyze) {
  if (analyze->run)
    wg_run_forget(analyze->run);
  g_free(analyze);
}

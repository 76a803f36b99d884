/* tmux.c: the back-end "tmux": a line pasted into a pane, and Enter.
 *
 * Steps: find the pane; look at its screen; paste (tmux brackets the paste where the program in the
 * pane asked for it), leaving copy mode first, because it eats input; wait until the text stands
 * on the screen; only then Enter, by itself, because programs take one that comes with a paste for
 * a line break. What was pasted and does not show is partial: Enter is not pressed, and nothing is
 * tried again by itself. Text passes typable.c first: no control character gets into a terminal. */
#include "delivery/tmux.h"
#include "delivery/backend.h"

#include "common/error.h"
#include "common/typable.h"

#define SHOW_WAIT (2 * G_TIME_SPAN_SECOND)
#define LOOK_MSEC 40
#define SUBMIT_DELAY (100 * G_TIME_SPAN_MILLISECOND)

static const DlvOption options[] = {
    {"pane", DLV_TEXT, FALSE, 0, 0, "a pane's %NUMBER, SESSION or SESSION:WINDOW.PANE"},
    {"title", DLV_TEXT, FALSE, 0, 0, "the pane's title, with * and ?"},
    {"command", DLV_TEXT, FALSE, 0, 0, "the program in front in the pane, with * and ?"},
    {"pid", DLV_NUMBER, FALSE, 1, G_MAXINT32, "a process that runs in the pane"},
    {"unit", DLV_TEXT, FALSE, 0, 0, "the unit that the pane's first process belongs to"},
    {"socket", DLV_TEXT, FALSE, 0, 0,
     "the tmux server: an absolute path, or a name as for tmux -L"},
    {"prompt", DLV_TEXT, FALSE, 0, 0,
     "regular expression of the cursor's line when there is no draft; else the message is held"},
    {"expect", DLV_TEXT, FALSE, 0, 0, "regular expression that the screen has to match; else held"},
    {"body", DLV_BOOL, FALSE, 0, 0, "paste the message itself instead of the doorbell; false"},
    {"newlines", DLV_BOOL, FALSE, 0, 0,
     "keep the lines of a body; only for programs that have pastes bracketed; false"},
    {"submit", DLV_BOOL, FALSE, 0, 0, "press Enter at the end; true"},
    {"submit-delay", DLV_TIME, FALSE, 0, 10 * G_TIME_SPAN_SECOND,
     "between the text's appearance and Enter; 100ms"},
    {NULL},
};

typedef struct {
  DlvCourier *courier;
  TmuxTarget target;
  char *socket;
  GRegex *prompt, *expect;
  gboolean body, newlines, submit;
  guint64 submit_delay;
  /* of the job that runs */
  DlvJob *job;
  TmuxRun *run;
  TmuxPane *pane;
  char *text, *before; /* the screen as it was */
  gint64 pasted;       /* when; monotonic us, 0: not yet */
  guint timer;
} Tmux;

static void forget_job(Tmux *t) {
  g_clear_pointer(&t->run, dlv_tmux_stop);
  g_clear_pointer(&t->pane, dlv_tmux_pane_free);
  g_clear_pointer(&t->text, g_free);
  g_clear_pointer(&t->before, g_free);
  g_clear_handle_id(&t->timer, g_source_remove);
  t->pasted = 0;
}

static void tmux_free(gpointer state) {
  Tmux *t = state;

  forget_job(t);
  g_clear_pointer(&t->prompt, g_regex_unref);
  g_clear_pointer(&t->expect, g_regex_unref);
  g_free(t->target.pane);
  g_free(t->target.title);
  g_free(t->target.command);
  g_free(t->target.unit);
  g_free(t->socket);
  g_free(t);
}

/* FALSE with an error when the option is there and no regular expression. */
static gboolean compile(JsonObject *given, const char *name, GRegex **ret, GError **error) {
  const char *text = dlv_option_text(given, name, NULL);
  g_autoptr(GError) cause = NULL;

  if (!text)
    return TRUE;
  *ret = g_regex_new(text, G_REGEX_OPTIMIZE | G_REGEX_MULTILINE, 0, &cause);
  if (!*ret)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\": %s", name, cause->message);
  return *ret != NULL;
}

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *given,
                          GError **error) {
  Tmux *t = g_new0(Tmux, 1);

  t->courier = courier;
  t->target.pane = g_strdup(dlv_option_text(given, "pane", NULL));
  t->target.title = g_strdup(dlv_option_text(given, "title", NULL));
  t->target.command = g_strdup(dlv_option_text(given, "command", NULL));
  t->target.unit = g_strdup(dlv_option_text(given, "unit", NULL));
  t->target.pid = (guint)dlv_option_number(given, "pid", 0);
  t->socket = g_strdup(dlv_option_text(given, "socket", NULL));
  t->body = dlv_option_bool(given, "body", FALSE);
  t->newlines = dlv_option_bool(given, "newlines", FALSE);
  t->submit = dlv_option_bool(given, "submit", TRUE);
  t->submit_delay = dlv_option_time(given, "submit-delay", SUBMIT_DELAY);
  if (compile(given, "prompt", &t->prompt, error) && compile(given, "expect", &t->expect, error)) {
    if (t->target.pane || t->target.title || t->target.command || t->target.unit || t->target.pid)
      return t;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "which pane? Say \"pane\", \"title\", \"command\", \"pid\" or \"unit\"");
  }
  tmux_free(t);
  return NULL;
}

static guint room(gpointer state) {
  return ((Tmux *)state)->body ? 1 : 256;
}

static void settle(Tmux *t, DlvResult result, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void settle(Tmux *t, DlvResult result, const char *format, ...) {
  DlvJob *job = g_steal_pointer(&t->job);
  va_list list;

  va_start(list, format);
  g_autofree char *cause = g_strdup_vprintf(format, list);
  va_end(list);
  forget_job(t);
  dlv_job_report_all(job, result, 0, cause);
}

static void tmux(Tmux *t, const char *const *args, const char *input, TmuxDone done) {
  dlv_tmux_stop(t->run);
  t->run = dlv_tmux_run(t->socket, args, input, done, t);
}
#define TMUX(t, input, done, ...) tmux(t, (const char *const[]){__VA_ARGS__, NULL}, input, done)

static void on_submitted(const char *output, const GError *error, gpointer data) {
  Tmux *t = data;

  if (error)
    settle(t, DLV_PARTIAL, "pasted into pane %s, but Enter failed: %s", t->pane->id,
           error->message);
  else
    settle(t, DLV_ANNOUNCED, "pasted into pane %s (%s:%s)", t->pane->id, t->pane->session,
           t->pane->window);
}

static gboolean submit(gpointer data) {
  Tmux *t = data;

  t->timer = 0;
  TMUX(t, NULL, on_submitted, "copy-mode", "-q", "-t", t->pane->id, ";", "send-keys", "-t",
       t->pane->id, "Enter");
  return G_SOURCE_REMOVE;
}

/* ---- does it show? ---- */
static gboolean look(gpointer data);

/* An older one that still stands there does not count: there is one more, or (the oldest may have
 * left the screen just now) the last one has less behind it. */
static gboolean shows(const Tmux *t, const char *screen) {
  gsize behind_before, behind;
  guint before = dlv_tmux_count(t->before, t->text, &behind_before);
  guint n = dlv_tmux_count(screen, t->text, &behind);

  return n > before || (n > 0 && behind < behind_before);
}

static void on_screen(const char *output, const GError *error, gpointer data) {
  Tmux *t = data;

  if (error)
    settle(t, DLV_PARTIAL, "pasted into pane %s, whose screen cannot be read any more: %s",
           t->pane->id, error->message);
  else if (shows(t, output)) {
    if (t->submit)
      t->timer = g_timeout_add((guint)(t->submit_delay / 1000), submit, t);
    else
      on_submitted("", NULL, t);
  } else if (g_get_monotonic_time() - t->pasted < SHOW_WAIT)
    t->timer = g_timeout_add(LOOK_MSEC, look, t);
  else
    settle(t, DLV_PARTIAL, "pasted into pane %s, but it does not show there; Enter was not pressed",
           t->pane->id);
}

static gboolean look(gpointer data) {
  Tmux *t = data;

  t->timer = 0;
  TMUX(t, NULL, on_screen, "capture-pane", "-p", "-t", t->pane->id);
  return G_SOURCE_REMOVE;
}

static void on_pasted(const char *output, const GError *error, gpointer data) {
  Tmux *t = data;

  if (error) {
    settle(t, DLV_FAILED, "%s", error->message);
    return;
  }
  t->pasted = g_get_monotonic_time();
  look(t);
}

/* ---- may it be pasted? ---- */
static void on_before(const char *output, const GError *error, gpointer data) {
  Tmux *t = data;

  if (error) {
    settle(t, DLV_FAILED, "%s", error->message);
    return;
  }
  g_autofree char *line = dlv_tmux_line(output, t->pane->cursor);
  if (t->prompt && !g_regex_match(t->prompt, line, 0, NULL)) {
    settle(t, DLV_HELD, "pane %s has a draft, or is busy: the cursor's line is no empty prompt",
           t->pane->id);
    return;
  }
  if (t->expect && !g_regex_match(t->expect, output, 0, NULL)) {
    settle(t, DLV_HELD, "the screen of pane %s is not as expected", t->pane->id);
    return;
  }
  t->before = g_strdup(output);
  g_autofree char *buffer =
      g_strdup_printf("waggle-%" G_GUINT64_FORMAT, t->job->messages[0].number);
  TMUX(t, t->text, on_pasted, "load-buffer", "-b", buffer, "-", ";", "copy-mode", "-q", "-t",
       t->pane->id, ";", "paste-buffer", "-p", "-d", "-b", buffer, "-t", t->pane->id);
}

static void on_list(const char *output, const GError *error, gpointer data) {
  g_autoptr(GError) cause = NULL;
  Tmux *t = data;

  if (error) {
    settle(t, DLV_FAILED, "%s", error->message);
    return;
  }
  t->pane = dlv_tmux_find(output, &t->target, &cause);
  if (!t->pane)
    settle(t, DLV_FAILED, "%s", cause->message);
  else
    TMUX(t, NULL, on_before, "capture-pane", "-p", "-t", t->pane->id);
}

static char *text_of(const Tmux *t, const DlvJob *job) {
  const WgTypable how = {.terminal = TRUE, .newlines = t->newlines};
  gsize size = 0;

  if (!t->body)
    return wg_typable(job->doorbell, -1, &how, NULL);
  const char *data = job->messages[0].body ? g_bytes_get_data(job->messages[0].body, &size) : NULL;
  return size && g_utf8_validate_len(data, size, NULL) ? wg_typable(data, (gssize)size, &how, NULL)
                                                       : NULL;
}

static void run(gpointer state, DlvJob *job) {
  Tmux *t = state;

  t->job = job;
  t->text = text_of(t, job);
  if (!t->text || !*t->text)
    settle(t, DLV_FAILED, "the body is no text that could be pasted");
  else
    TMUX(t, NULL, on_list, "list-panes", "-a", "-F", dlv_tmux_format);
}

static void cancel(gpointer state, DlvJob *job) {
  Tmux *t = state;

  if (t->job == job)
    settle(t, t->pasted || t->before ? DLV_PARTIAL : DLV_FAILED, "tmux did not answer in time");
}

const DlvBackendClass dlv_backend_tmux = {
    .name = "tmux",
    .summary = "a line pasted into a pane of tmux",
    .flags = DLV_BODIES,
    .options = options,
    .configure = configure,
    .free = tmux_free,
    .room = room,
    .run = run,
    .cancel = cancel,
};

/* verify-run.c: see verify-run.h. */
#include "deployment/verify-run.h"

#include "deployment/verify-judge.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_MAX (G_GUINT64_CONSTANT(1) << 30)
#define TASKS_MAX 512
/* It ends itself a little before its time, so that what it knows by then is told. */
#define OWN_SHARE 95

struct DplVerify {
  DplVerifyFunc done;
  gpointer user_data;
  void (*result)(const char *json, guint n, guint all, gpointer user_data);
  WgRun *run;
  char *directory, *results, *why;
  gboolean record, canceled;
  guint source;
};

static const char *const file_names[] = {"context", "baseline", "record"};

static char *file_of(const DplVerify *v, const char *name) {
  return g_build_filename(v->directory, name, NULL);
}

static void verify_free(DplVerify *v) {
  for (guint i = 0; v->directory != NULL && i < G_N_ELEMENTS(file_names); i++) {
    g_autofree char *path = file_of(v, file_names[i]);
    g_unlink(path);
  }
  if (v->directory != NULL)
    g_rmdir(v->directory);
  g_free(v->directory);
  g_free(v->results);
  g_free(v->why);
  g_free(v);
}

/* ---- what comes back ---- */
static guint number_of(JsonObject *event, const char *name) {
  gint64 n = json_object_get_int_member_with_default(event, name, 0);

  return (guint)CLAMP(n, 0, G_MAXINT);
}

static void on_line(WgRun *run, const char *line, gpointer data) {
  DplVerify *v = data;
  g_autoptr(JsonNode) node = json_from_string(line, NULL);
  JsonObject *event =
      node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *kind =
      event != NULL ? json_object_get_string_member_with_default(event, "event", "") : "";

  if (g_strcmp0(kind, "result") == 0 && json_object_has_member(event, "result")) {
    g_autofree char *json = json_to_string(json_object_get_member(event, "result"), FALSE);
    if (v->result != NULL)
      v->result(json, number_of(event, "done"), number_of(event, "all"), v->user_data);
  } else if (g_strcmp0(kind, "end") == 0 && json_object_has_member(event, "results")) {
    g_free(v->results);
    v->results = json_to_string(json_object_get_member(event, "results"), FALSE);
  }
}

static char *read_record(const DplVerify *v) {
  g_autofree char *path = file_of(v, "record");
  char *text = NULL;

  return v->record && g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static void tell(DplVerify *v, const WgRunEnd *run) {
  g_autofree char *text = NULL;
  g_autofree char *baseline = read_record(v);
  DplVerifyEnd end = {.results = v->results, .baseline = baseline};

  end.verdict = dpl_verify_judge(run, v->results, v->canceled, &text);
  if (v->record && dpl_verdict_is_good(end.verdict) && baseline == NULL) {
    end.verdict = DPL_VERDICT_ERROR;
    dpl_verify_say(&text, "waggle-verify recorded no baseline");
  }
  end.text = text;
  v->done(&end, v->user_data);
  verify_free(v);
}

static void on_end(const WgRunEnd *end, gpointer data) {
  tell(data, end);
}

/* ---- what goes in ---- */
static gboolean write_file(DplVerify *v, const char *name, const char *text, GPtrArray *argv) {
  g_autofree char *path = file_of(v, name);
  g_autoptr(GError) error = NULL;

  if (!g_file_set_contents(path, text, -1, &error)) {
    v->why = g_strdup_printf("%s cannot be written: %s", name, error->message);
    return FALSE;
  }
  g_ptr_array_add(argv, g_strdup_printf("--%s=%s", name, path));
  return TRUE;
}

static gboolean write_files(DplVerify *v, const DplVerifyOptions *o, GPtrArray *argv) {
  v->directory = g_build_filename(o->directory, "verify-XXXXXX", NULL);
  if (g_mkdtemp(v->directory) == NULL) {
    v->why = g_strdup_printf("no directory for its files can be made below %s: %s", o->directory,
                             g_strerror(errno));
    g_clear_pointer(&v->directory, g_free);
    return FALSE;
  }
  if (o->record) {
    g_autofree char *path = file_of(v, "record");
    g_ptr_array_add(argv, g_strdup_printf("--record=%s", path));
  }
  if (o->baseline != NULL && !write_file(v, "baseline", o->baseline, argv))
    return FALSE;
  if (o->context == NULL)
    return TRUE;
  g_autofree char *context = json_to_string(o->context, FALSE);
  return write_file(v, "context", context, argv);
}

static int plan_fd(DplVerify *v, const char *plan) {
  int fd = memfd_create("waggle-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize size = strlen(plan), at = 0;

  while (fd >= 0 && at < size) {
    gssize n = write(fd, plan + at, size - at);
    if (n < 0 && errno != EINTR)
      break;
    at += n > 0 ? (gsize)n : 0;
  }
  if (fd >= 0 && at == size && lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  v->why = g_strdup_printf("the plan cannot be handed over: %s", g_strerror(errno));
  if (fd >= 0)
    close(fd);
  return -1;
}

static gboolean tell_not_started(gpointer data) {
  DplVerify *v = data;
  WgRunEnd end = {.how = WG_RUN_NOT_STARTED, .text = v->why};

  tell(v, &end);
  return G_SOURCE_REMOVE;
}

static const char *program_of(const DplVerifyOptions *o) {
  const char *given = o->program != NULL ? o->program : g_getenv(WG_ENV_VERIFY);

  return given != NULL ? given : DPL_VERIFY_PROGRAM;
}

/* Where the buses are: checks ask there. Nothing else of ours is handed on. */
static char **environment(const char *traceparent) {
  static const char *const names[] = {"DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
                                      "XDG_RUNTIME_DIR"};
  g_autoptr(GPtrArray) env = g_ptr_array_new();

  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_getenv(names[i]) != NULL)
      g_ptr_array_add(env, g_strdup_printf("%s=%s", names[i], g_getenv(names[i])));
  if (traceparent != NULL)
    g_ptr_array_add(env, g_strconcat(WG_ENV_TRACEPARENT, "=", traceparent, NULL));
  g_ptr_array_add(env, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&env), FALSE);
}

static void start(DplVerify *v, const DplVerifyOptions *o, GPtrArray *argv, int plan) {
  g_auto(GStrv) env = environment(o->traceparent);
  g_autofree char *description = g_strdup_printf("Verification of %s", o->name);
  g_ptr_array_add(argv, NULL);
  WgRunOptions options = {
      .argv = (const char *const *)argv->pdata,
      .env = (const char *const *)env,
      .directory = "/",
      .description = description,
      .bind_to = o->bind_to,
      .prefix = "waggle-verify",
      .bus = o->bus,
      .how = o->how,
      .input = plan,
      .output_max = 64 * 1024,
      .line = on_line,
      .timeout = o->limit,
      .memory_max = MEMORY_MAX,
      .tasks_max = TASKS_MAX,
      .limits_optional = TRUE, /* most checks need no systemd; those that do say so themselves */
  };

  v->run = wg_run_start(&options, on_end, v);
}

DplVerify *dpl_verify_start(const DplVerifyOptions *o, DplVerifyFunc done, gpointer user_data) {
  DplVerify *v = g_new0(DplVerify, 1);
  g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);

  v->done = done;
  v->user_data = user_data;
  v->result = o->result;
  v->record = o->record;
  g_ptr_array_add(argv, g_strdup(program_of(o)));
  g_ptr_array_add(argv, g_strdup(o->user_scope ? "--user" : "--system"));
  g_ptr_array_add(argv, g_strdup("--format=json"));
  g_ptr_array_add(argv, g_strdup("--events"));
  if (o->limit != 0)
    g_ptr_array_add(argv, g_strdup_printf("--deadline=%" G_GUINT64_FORMAT "ms",
                                          MAX(o->limit / 1000 * OWN_SHARE / 100, 1)));
  int plan = write_files(v, o, argv) ? plan_fd(v, o->plan) : -1;
  g_ptr_array_add(argv, g_strdup("-"));
  if (plan < 0) {
    v->source = g_idle_add(tell_not_started, v);
    return v;
  }
  start(v, o, argv, plan);
  close(plan);
  return v;
}

void dpl_verify_cancel(DplVerify *v) {
  v->canceled = TRUE;
  if (v->run != NULL)
    wg_run_cancel(v->run);
}

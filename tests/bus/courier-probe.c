/* courier-probe.c: the whole courier with back-ends that do what a test says: the rig of the tests
 * of the ladder. Each class only differs in its flags; what a job got and what is asked of the
 * back-end is written as a line of JSON to the file that the option `log` names, and the answers
 * come from the option `answers`, one a job (the last one repeats):
 *
 *   "announced" "held:WHY" "failed:WHY" "partial:WHY" "acked" "later" "refused:WHY"
 *   "broken:WHY" failed, to be tried again at once
 *   "hang"       never, until it is cancelled ("failed: cancelled" then)
 *   "file:PATH"  announced (acked where mail is leased) as soon as PATH is there
 *
 * The real back-ends inbox and exec are there as well, for tests that want both kinds in one
 * courier. Never part of what is installed. */
#include "delivery/courier.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MSEC 5
/* Of what is held; a failure with a back-off that a test cannot notice is "broken". */
#define HELD_USEC 150000

typedef struct {
  const DlvBackendClass *class;
  char *log;
  char **answers;
  guint n_answers, next;
  guint timer;
  DlvJob *job; /* that waits for `file` or for its end */
  char *file;
} Probe;

static void write_line(Probe *p, JsonObject *object) {
  g_autoptr(JsonGenerator) generator = json_generator_new();
  JsonNode *root = json_node_init_object(json_node_alloc(), object);

  json_object_set_string_member(object, "use", p->class->name);
  json_object_set_int_member(object, "at", g_get_monotonic_time());
  json_object_set_int_member(object, "pid", getpid());
  json_generator_set_root(generator, root);
  json_node_unref(root);
  g_autofree char *text = json_generator_to_data(generator, NULL);
  g_autofree char *line = g_strconcat(text, "\n", NULL);
  int fd = open(p->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  g_assert(fd >= 0 && write(fd, line, strlen(line)) == (gssize)strlen(line));
  close(fd);
  json_object_unref(object);
}

static void log_job(Probe *p, const DlvJob *job, const char *event) {
  JsonObject *o = json_object_new();
  JsonArray *numbers = json_array_new(), *sizes = json_array_new(), *leased = json_array_new();

  json_object_set_string_member(o, "event", event);
  json_object_set_string_member(o, "agent", job->agent);
  json_object_set_string_member(o, "doorbell", job->doorbell);
  json_object_set_int_member(o, "waiting", job->waiting);
  json_object_set_int_member(o, "urgent", job->urgent);
  for (guint i = 0; i < job->n_messages; i++) {
    const DlvMessage *m = &job->messages[i];
    json_array_add_int_element(numbers, (gint64)m->number);
    json_array_add_int_element(sizes, m->body != NULL ? (gint64)g_bytes_get_size(m->body) : -1);
    json_array_add_boolean_element(leased, m->token != 0);
  }
  json_object_set_array_member(o, "messages", numbers);
  json_object_set_array_member(o, "sizes", sizes);
  json_object_set_array_member(o, "leased", leased);
  write_line(p, o);
}

static gpointer probe_new(const DlvBackendClass *class, JsonObject *options, GError **error) {
  char **answers = dlv_option_texts(options, "answers");

  if (answers != NULL && answers[0] != NULL && g_str_equal(answers[0], "refuse")) {
    g_strfreev(answers);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "these answers are refused");
    return NULL;
  }
  Probe *p = g_new0(Probe, 1);
  p->class = class;
  p->log = g_strdup(dlv_option_text(options, "log", NULL));
  p->answers = answers;
  p->n_answers = answers != NULL ? g_strv_length(answers) : 0;
  return p;
}

static void probe_free(gpointer state) {
  Probe *p = state;

  g_clear_handle_id(&p->timer, g_source_remove);
  g_strfreev(p->answers);
  g_free(p->file);
  g_free(p->log);
  g_free(p);
}

static void report(Probe *p, DlvJob *job, const char *answer) {
  static const struct {
    const char *name;
    DlvResult result;
    guint64 retry;
  } results[] = {
      {"announced", DLV_ANNOUNCED}, {"held", DLV_HELD, HELD_USEC}, {"failed", DLV_FAILED},
      {"broken", DLV_FAILED, 1000}, {"partial", DLV_PARTIAL},      {"acked", DLV_ACKED},
      {"later", DLV_LATER},         {"refused", DLV_REFUSED},      {"crashed", DLV_CRASHED}};
  g_auto(GStrv) parts = g_strsplit(answer, ":", 2);

  for (guint i = 0; i < G_N_ELEMENTS(results); i++)
    if (g_str_equal(results[i].name, parts[0])) {
      dlv_job_report_all(job, results[i].result, results[i].retry, parts[1]);
      return;
    }
  g_error("'%s' is no answer", answer);
}

static gboolean on_look(gpointer data) {
  Probe *p = data;

  if (access(p->file, F_OK) != 0)
    return G_SOURCE_CONTINUE;
  p->timer = 0;
  report(p, g_steal_pointer(&p->job), (p->class->flags & DLV_LEASES) ? "acked" : "announced");
  return G_SOURCE_REMOVE;
}

static void probe_run(gpointer state, DlvJob *job) {
  Probe *p = state;
  const char *answer = "announced";

  if (p->n_answers > 0) {
    answer = p->answers[MIN(p->next, p->n_answers - 1)];
    p->next++;
  }
  log_job(p, job, "run");
  if (g_str_equal(answer, "hang")) {
    p->job = job;
  } else if (g_str_has_prefix(answer, "file:")) {
    p->job = job;
    g_free(p->file);
    p->file = g_strdup(answer + strlen("file:"));
    p->timer = g_timeout_add(LOOK_MSEC, on_look, p);
  } else {
    report(p, job, answer);
  }
}

static void probe_cancel(gpointer state, DlvJob *job) {
  Probe *p = state;

  log_job(p, job, "cancel");
  g_clear_handle_id(&p->timer, g_source_remove);
  p->job = NULL;
  dlv_job_report_all(job, DLV_FAILED, 0, "cancelled");
}

static void probe_finished(gpointer state, guint64 number, const char *receipt) {
  JsonObject *o = json_object_new();

  json_object_set_string_member(o, "event", "finished");
  json_object_set_int_member(o, "message", (gint64)number);
  json_object_set_string_member(o, "receipt", receipt);
  write_line(state, o);
}

/* What lies there: one number a line in the file LOG.lying. */
static void probe_sweep(gpointer state, void (*each)(guint64 number, gpointer data),
                        gpointer data) {
  Probe *p = state;
  g_autofree char *path = g_strconcat(p->log, ".lying", NULL), *text = NULL;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0')
      each(g_ascii_strtoull(*line, NULL, 10), data);
}

static const DlvOption options[] = {
    {"log", DLV_TEXT, TRUE, 0, 0, "where to write what happens"},
    {"answers", DLV_TEXTS, FALSE, 0, 0, "what to report, one a job"},
    {NULL},
};

#define PROBE(id, bits, ...)                                                                       \
  static gpointer id##_new(DlvCourier *c, const char *agent, JsonObject *o, GError **error);       \
  static const DlvBackendClass probe_##id = {.name = #id,                                          \
                                             .summary = "a probe",                                 \
                                             .flags = (bits),                                      \
                                             .options = options,                                   \
                                             .configure = id##_new,                                \
                                             .free = probe_free,                                   \
                                             .run = probe_run,                                     \
                                             .cancel = probe_cancel,                               \
                                             __VA_ARGS__};                                         \
  static gpointer id##_new(DlvCourier *c, const char *agent, JsonObject *o, GError **error) {      \
    return probe_new(&probe_##id, o, error);                                                       \
  }

PROBE(bell, 0)
PROBE(chime, 0)
PROBE(each, DLV_EACH | DLV_BODIES)
PROBE(take, DLV_EACH | DLV_BODIES | DLV_LEASES)
PROBE(lasting, DLV_EACH | DLV_DURABLE, .finished = probe_finished, .sweep = probe_sweep)

int main(int argc, char **argv) {
  static const DlvBackendClass *const classes[] = {
      &probe_bell,    &probe_chime,       &probe_each,       &probe_take,
      &probe_lasting, &dlv_backend_inbox, &dlv_backend_exec, NULL};

  return dlv_courier_main(argc, argv, classes);
}

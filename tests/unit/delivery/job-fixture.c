/* job-fixture.c: see job-fixture.h. */
#include "job-fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STORED G_GINT64_CONSTANT(1700000000089001)

TestJob *test_job_new(const char *agent, guint64 first, guint n) {
  TestJob *job = g_new0(TestJob, 1);

  job->outcomes = g_new0(JobOutcome, n);
  job->job = (DlvJob){.agent = g_strdup(agent),
                      .waiting = n,
                      .doorbell = "mail",
                      .n_messages = n,
                      .messages = g_new0(DlvMessage, n)};
  for (guint i = 0; i < n; i++) {
    g_autofree char *body = g_strdup_printf("body of %" G_GUINT64_FORMAT, first + i);
    job->job.messages[i] = (DlvMessage){.number = first + i,
                                        .attempt = 1000 + i,
                                        .token = 2000 + i,
                                        .from = "uid:7",
                                        .subject = "a subject",
                                        .priority = 4,
                                        .time = STORED + (gint64)(first + i),
                                        .fields = NULL,
                                        .body = g_bytes_new(body, strlen(body))};
  }
  return job;
}

void test_job_free(TestJob *job) {
  for (guint i = 0; i < job->job.n_messages; i++) {
    g_clear_pointer(&job->job.messages[i].body, g_bytes_unref);
    g_clear_pointer(&job->job.messages[i].fields, g_ref_string_release);
    g_free(job->outcomes[i].cause);
  }
  g_free(job->job.messages);
  g_free((char *)job->job.agent);
  g_free(job->outcomes);
  g_free(job);
}

void test_job_body(TestJob *job, guint i, GBytes *body) {
  g_bytes_unref(job->job.messages[i].body);
  job->job.messages[i].body = body;
}

void dlv_job_report(DlvJob *job, guint i, DlvResult result, guint64 retry_usec, const char *cause) {
  TestJob *test = (TestJob *)job; /* its first member */

  g_assert_cmpuint(i, <, job->n_messages);
  g_assert_false(test->outcomes[i].reported);
  g_assert_true(cause == NULL || strchr(cause, '\n') == NULL);
  g_assert_true(cause == NULL || g_utf8_validate(cause, -1, NULL));
  test->outcomes[i] = (JobOutcome){TRUE, result, retry_usec, g_strdup(cause)};
  test->n_reported++;
}

void dlv_job_report_all(DlvJob *job, DlvResult result, guint64 retry_usec, const char *cause) {
  for (guint i = 0; i < job->n_messages; i++)
    if (!((TestJob *)job)->outcomes[i].reported)
      dlv_job_report(job, i, result, retry_usec, cause);
}

char *test_job_text(const char *agent, const DlvMessage *message) {
  gsize n = 0;
  const char *body = message->body ? g_bytes_get_data(message->body, &n) : "";

  return g_strdup_printf("{\"agent\":\"%s\",\"message\":%" G_GUINT64_FORMAT ",\"text\":\"%.*s\"}\n",
                         agent, message->number, (int)n, body);
}

GBytes *dlv_message_json(const char *agent, const DlvMessage *message) {
  char *text = test_job_text(agent, message);

  return g_bytes_new_take(text, strlen(text));
}

static gboolean too_late(gpointer data) {
  g_error("nothing came for a minute");
  return G_SOURCE_REMOVE;
}

void test_until(gboolean (*done)(gpointer data), gpointer data) {
  guint timeout = g_timeout_add_seconds(60, too_late, NULL);

  while (!done(data))
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(timeout);
}

static gboolean all_reported(gpointer data) {
  TestJob *job = data;

  return job->n_reported == job->job.n_messages;
}

void test_job_wait(TestJob *job) {
  test_until(all_reported, job);
}

char *test_job_run(const DlvBackendClass *class, gpointer state, guint64 first, guint n,
                   DlvResult result) {
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, first, n);

  class->run(state, &job->job);
  test_job_wait(job);
  for (guint i = 0; i < n; i++) {
    if (job->outcomes[i].result != result)
      g_error("result %d instead of %d: %s", job->outcomes[i].result, result,
              job->outcomes[i].cause);
    g_assert_cmpint(job->outcomes[i].cause == NULL, ==,
                    result == DLV_ANNOUNCED || result == DLV_ACKED);
  }
  return g_strdup(job->outcomes[0].cause);
}

static JsonObject *parse(const char *text) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = json_from_string(text, &error);

  g_assert_no_error(error);
  return json_node_dup_object(node);
}

gpointer test_configure(const DlvBackendClass *class, const char *format, ...) {
  g_autoptr(GError) error = NULL;
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_autoptr(JsonObject) options = parse(text);
  gpointer state = class->configure(NULL, TEST_AGENT, options, &error);
  g_assert_no_error(error);
  g_assert_nonnull(state);
  return state;
}

void test_configure_refused(const DlvBackendClass *class, const char *options, const char *part) {
  g_autoptr(JsonObject) object = parse(options);
  g_autoptr(GError) error = NULL;

  g_assert_null(class->configure(NULL, TEST_AGENT, object, &error));
  g_assert_nonnull(error);
  if (strstr(error->message, part) == NULL)
    g_error("'%s' is not in: %s", part, error->message);
}

char *test_directory(void) {
  g_autoptr(GError) error = NULL;
  char *path = g_dir_make_tmp("waggle-test-XXXXXX", &error);

  g_assert_no_error(error);
  return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  return remove(path);
}

void test_rmtree(const char *path) {
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

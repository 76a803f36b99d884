/* job-fixture.h: jobs for tests of back-ends, which see nothing of the core but backend.h.
 *
 * It stands in for what the core offers them: a report is kept and must come once a message; the
 * JSON of a message is small and known. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "delivery/backend.h"

typedef struct {
  gboolean reported;
  DlvResult result;
  guint64 retry;
  char *cause;
} JobOutcome;

typedef struct {
  DlvJob job;
  JobOutcome *outcomes;
  guint n_reported;
} TestJob;

/* `n` messages from `first` on, each with a body and a lease. */
TestJob *test_job_new(const char *agent, guint64 first, guint n);
void test_job_free(TestJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestJob, test_job_free)
void test_job_body(TestJob *job, guint i, GBytes *body); /* takes it */
/* Iterates until all is reported; dies when that takes a minute. */
void test_job_wait(TestJob *job);
/* Runs a job of `n` to its end; all must have the same `result`. The first cause, for a look. */
char *test_job_run(const DlvBackendClass *class, gpointer state, guint64 first, guint n,
                   DlvResult result);

/* What dlv_message_json() is here. */
char *test_job_text(const char *agent, const DlvMessage *message);
/* configure() with options as JSON; must succeed. */
gpointer test_configure(const DlvBackendClass *class, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* It must refuse, with a text that has `part` in it. */
void test_configure_refused(const DlvBackendClass *class, const char *options, const char *part);
/* Iterates until `done` says so; dies after a minute. */
void test_until(gboolean (*done)(gpointer data), gpointer data);
/* An empty directory; test_rmtree() removes it with all in it. */
char *test_directory(void);
void test_rmtree(const char *path);

#define TEST_AGENT "worker.1"

/* test-trace.c: in whose trace a deployment is, what of it is on the disk, and that its lines of
 * the journal say so. What would go to the journal is taken here, in place of GLib's own writer. */
#include "engine-world.h"

#include "deployment/daemon.h"

#include "common/log.h"
#include "common/trace-context.h"

#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define CALLER "00-" TRACE "-" SPAN "-00"

static GHashTable *line; /* of the last line: field -> value */

/* The linker takes this one. */
GLogWriterOutput g_log_writer_journald(GLogLevelFlags level, const GLogField *fields, gsize n,
                                       gpointer user_data) {
  g_clear_pointer(&line, g_hash_table_unref);
  line = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (gsize i = 0; i < n; i++)
    g_hash_table_insert(line, g_strdup(fields[i].key), g_strdup(fields[i].value));
  return G_LOG_WRITER_HANDLED;
}

static const char *field(const char *name) {
  return g_hash_table_lookup(line, name);
}

/* The records of one call over three targets, as they are on the disk; (transfer full). */
static GPtrArray *deployed(World *w, const char *traceparent) {
  GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_record_free);
  DplRequest request = {.who = "uid:1", .parallel = 3, .traceparent = traceparent};
  GHashTableIter iter;
  gpointer id;

  world_deploy(w, 0, 3, &request, 0);
  world_write(w);
  g_hash_table_iter_init(&iter, w->disk);
  while (g_hash_table_iter_next(&iter, &id, NULL))
    g_ptr_array_add(records, world_record(w, *(const guint64 *)id));
  g_assert_cmpuint(records->len, ==, 3);
  return records;
}

/* All of a call are in one trace, and each is a span of its own; returns that trace. */
static WgTraceIds one_trace(const GPtrArray *records) {
  g_autoptr(GHashTable) spans = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  WgTraceIds first = {0};

  for (guint i = 0; i < records->len; i++) {
    const DplRecord *r = records->pdata[i];
    g_assert_nonnull(r->traceparent);
    g_assert_true(wg_traceparent_ok(r->traceparent));
    WgTraceIds ids = wg_trace_ids(r->traceparent);
    if (i == 0)
      first = ids;
    g_assert_cmpstr(ids.trace, ==, first.trace);
    g_assert_true(g_hash_table_add(spans, g_strdup(ids.span)));
  }
  return first;
}

static void test_own(void) {
  World *w = world_new();
  g_autoptr(GPtrArray) records = deployed(w, NULL);
  WgTraceIds ids = one_trace(records);

  for (guint i = 0; i < records->len; i++)
    g_assert_null(((DplRecord *)records->pdata[i])->parent_span);
  World *other = world_new();
  g_autoptr(GPtrArray) others = deployed(other, NULL);
  WgTraceIds more = one_trace(others);
  g_assert_cmpstr(more.trace, !=, ids.trace);
  world_free(other);
  world_free(w);
}

static void test_callers(void) {
  World *w = world_new();
  g_autoptr(GPtrArray) records = deployed(w, CALLER);
  WgTraceIds ids = one_trace(records);

  g_assert_cmpstr(ids.trace, ==, TRACE);
  for (guint i = 0; i < records->len; i++) {
    const DplRecord *r = records->pdata[i];
    WgTraceIds own = wg_trace_ids(r->traceparent);
    g_assert_cmpstr(own.span, !=, SPAN);
    g_assert_cmpstr(r->parent_span, ==, SPAN);
    g_assert_true(g_str_has_suffix(r->traceparent, "-00")); /* the caller's word counts */
  }
  world_free(w);
}

/* A crash does not make it another span. */
static void test_over_a_crash(void) {
  World *w = world_new();
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  g_autoptr(GPtrArray) before = deployed(w, NULL);

  world_kill(w, rand);
  world_boot(w);
  world_run(w, -1);
  for (guint i = 0; i < before->len; i++) {
    const DplRecord *r = before->pdata[i];
    g_autoptr(DplRecord) after = world_record(w, r->id);
    g_assert_true(dpl_states[after->state].is_end);
    g_assert_cmpstr(after->traceparent, ==, r->traceparent);
  }
  world_free(w);
}

static void test_journal(void) {
  DplRecord r = {.id = 12,
                 .state = DPL_STATE_ROLLED_BACK,
                 .target = (char *)"shop",
                 .digest = (char *)"d1",
                 .traceparent = (char *)CALLER};

  g_assert_true(wg_log_set_target("journal"));
  dpl_log_state(&r, DPL_STATE_ROLLING_BACK);
  g_assert_cmpstr(field("MESSAGE_ID"), ==, WG_MSG_DEPLOYMENT_ROLLED_BACK);
  g_assert_cmpstr(field("WAGGLE_DEPLOYMENT"), ==, "12");
  g_assert_cmpstr(field("TRACE_ID"), ==, TRACE);
  g_assert_cmpstr(field("SPAN_ID"), ==, SPAN);
  dpl_log_poison(&r, G_USEC_PER_SEC);
  g_assert_cmpstr(field("MESSAGE_ID"), ==, WG_MSG_RELEASE_POISONED);
  g_assert_cmpstr(field("TRACE_ID"), ==, TRACE);
  r.traceparent = NULL; /* of a version that had none */
  dpl_log_state(&r, DPL_STATE_ROLLING_BACK);
  g_assert_cmpstr(field("MESSAGE_ID"), ==, WG_MSG_DEPLOYMENT_ROLLED_BACK);
  g_assert_false(g_hash_table_contains(line, "TRACE_ID"));
  g_assert_false(g_hash_table_contains(line, "SPAN_ID"));
  g_clear_pointer(&line, g_hash_table_unref);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/trace/own", test_own);
  g_test_add_func("/trace/callers", test_callers);
  g_test_add_func("/trace/over-a-crash", test_over_a_crash);
  g_test_add_func("/trace/journal", test_journal);
  return g_test_run();
}

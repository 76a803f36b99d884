/* test-trace-context.c: which traceparents are taken: one that is right, and it again with one
 * thing wrong at a time; what is handed on, and which fields a line of the journal has of it. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/trace-context.h"

#include "common/error.h"
#include "common/log.h"

#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void test_taken(void) {
  static const char *const texts[] = {
      "00-" TRACE "-" PARENT "-01",
      "00-" TRACE "-" PARENT "-00",
      "00-" TRACE "-" PARENT "-ff",
      "00-00000000000000000000000000000001-0000000000000001-01",
      "cc-" TRACE "-" PARENT "-01",             /* a version to come */
      "cc-" TRACE "-" PARENT "-01-what-it-has", /* says more */
      "01-" TRACE "-" PARENT "-01-",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_assert_true(wg_traceparent_ok(texts[i]));
}

static void test_refused(void) {
  static const char *const texts[] = {
      "",
      "00",
      "00-" TRACE "-" PARENT,
      "00-" TRACE "-" PARENT "-0",
      "00-" TRACE "-" PARENT "-01-more", /* version 0 is no longer */
      "cc-" TRACE "-" PARENT "-01.more",
      "cc-" TRACE "-" PARENT "-012",
      "ff-" TRACE "-" PARENT "-01",
      "0g-" TRACE "-" PARENT "-01",
      "00_" TRACE "-" PARENT "-01",
      "00-" TRACE "_" PARENT "-01",
      "00-" TRACE "-" PARENT "_01",
      "00-00000000000000000000000000000000-" PARENT "-01",
      "00-" TRACE "-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
      "00-" TRACE "-00F067AA0BA902B7-01",
      "00-" TRACE "-" PARENT "-0x",
      " 00-" TRACE "-" PARENT "-01",
      "00-" TRACE "-" PARENT "-01\n",
      "00-\xc3\xa4"
      "f92f3577b34da6a3ce929d0e0e4736-" PARENT "-01",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_assert_false(wg_traceparent_ok(texts[i]));
}

static void test_child(void) {
  g_autofree char *first = wg_traceparent_child(NULL);
  g_autofree char *other = wg_traceparent_child(NULL);
  g_autofree char *child = wg_traceparent_child(first);
  WgTraceIds a = wg_trace_ids(first), b = wg_trace_ids(other), c = wg_trace_ids(child);

  g_assert_true(wg_traceparent_ok(first));
  g_assert_cmpuint(strlen(first), ==, 55);
  g_assert_true(g_str_has_suffix(first, "-01"));
  g_assert_cmpstr(a.trace, !=, b.trace);
  g_assert_true(wg_traceparent_ok(child));
  g_assert_cmpstr(a.trace, ==, c.trace);
  g_assert_cmpstr(a.span, !=, c.span);
}

/* Only what level 1 knows is handed on. */
static void test_handed_on(void) {
  static const struct {
    const char *given, *flags;
  } all[] = {
      {"00-" TRACE "-" PARENT "-00", "00"},
      {"00-" TRACE "-" PARENT "-01", "01"},
      {"00-" TRACE "-" PARENT "-ff", "01"},
      {"00-" TRACE "-" PARENT "-fe", "00"},
      {"cc-" TRACE "-" PARENT "-03-what-it-has", "01"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
    g_autofree char *wanted = g_strconcat("00-" TRACE "-" PARENT "-", all[i].flags, NULL);
    g_autofree char *same = wg_traceparent_same(all[i].given);
    g_autofree char *child = wg_traceparent_child(all[i].given);
    g_assert_cmpstr(same, ==, wanted);
    g_assert_true(g_str_has_prefix(child, "00-" TRACE "-"));
    g_assert_true(g_str_has_suffix(child, all[i].flags));
  }
  g_assert_null(wg_traceparent_same(NULL));
  g_assert_null(wg_traceparent_same("00"));
}

static guint n_fields(const char *const *fields) {
  guint n = 0;

  while (fields[n] != NULL && fields[n + 1] != NULL)
    n += 2;
  return n;
}

static void test_fields(void) {
  WgTraceIds ids = wg_trace_ids("00-" TRACE "-" PARENT "-01");
  WgTraceIds none = wg_trace_ids("00-" TRACE), null = wg_trace_ids(NULL);
  const char *const *fields = WG_FIELDS("WAGGLE_UID", "7", WG_TRACE_FIELDS(ids));

  g_assert_cmpuint(n_fields(fields), ==, 6);
  g_assert_cmpstr(fields[2], ==, "TRACE_ID");
  g_assert_cmpstr(fields[3], ==, TRACE);
  g_assert_cmpstr(fields[4], ==, "SPAN_ID");
  g_assert_cmpstr(fields[5], ==, PARENT);
  g_assert_cmpuint(n_fields(WG_FIELDS("WAGGLE_UID", "7", WG_TRACE_FIELDS(none))), ==, 2);
  g_assert_cmpuint(n_fields(WG_FIELDS(WG_TRACE_FIELDS(null))), ==, 0);
}

static void test_option(void) {
  g_autoptr(GError) error = NULL;

  g_assert_true(wg_traceparent_check(NULL, &error));
  g_assert_true(wg_traceparent_check("00-" TRACE "-" PARENT "-01", &error));
  g_assert_no_error(error);
  g_assert_false(wg_traceparent_check("", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/trace-context/taken", test_taken);
  g_test_add_func("/trace-context/refused", test_refused);
  g_test_add_func("/trace-context/child", test_child);
  g_test_add_func("/trace-context/handed-on", test_handed_on);
  g_test_add_func("/trace-context/fields", test_fields);
  g_test_add_func("/trace-context/option", test_option);
  return g_test_run();
}

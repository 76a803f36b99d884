/* test-trace-context.c: which traceparents are taken: one that is right, and it again with one
 * thing wrong at a time. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/trace-context.h"

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

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/trace-context/taken", test_taken);
  g_test_add_func("/trace-context/refused", test_refused);
  return g_test_run();
}

/* test-exposure.c: levels read out of what systemd-analyze says, and judged. */
#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/exposure.h"

#include "deployment/preflight.h"

#include <string.h>

static void test_level(void) {
  static const char text[] = "  NAME  DESCRIPTION EXPOSURE\n"
                             "-> Overall exposure level for a.service: 9.6 UNSAFE :-{\n"
                             "-> Overall exposure level for b@x.service: 0.4 SAFE\n"
                             "-> Overall exposure level for c.service: nan\n"
                             "-> Overall exposure level for d.service: 11\n";

  g_assert_cmpint(dpl_exposure_level(text, "a.service"), ==, 96);
  g_assert_cmpint(dpl_exposure_level(text, "b@x.service"), ==, 4);
  g_assert_cmpint(dpl_exposure_level(text, "c.service"), ==, -1);
  g_assert_cmpint(dpl_exposure_level(text, "d.service"), ==, -1);
  g_assert_cmpint(dpl_exposure_level(text, "e.service"), ==, -1);
}

static void judge(const char *json, guint64 most, guint n_reasons, guint n_told) {
  g_autoptr(JsonNode) node = json_from_string(json, NULL);
  g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func(g_free);
  const DplManifest m = {.require = {.exposure_at_most = most}};

  dpl_exposure_judge(node, &m, reasons, told);
  g_assert_cmpuint(reasons->len, ==, n_reasons);
  g_assert_cmpuint(told->len, ==, n_told);
}

static void test_judge(void) {
  judge("[]", 0, 0, 0);
  judge("[{\"unit\":\"a\",\"after\":45}]", 45, 0, 0);
  judge("[{\"unit\":\"a\",\"after\":46}]", 45, 1, 0);
  judge("[{\"unit\":\"a\",\"after\":46,\"before\":45}]", 100, 0, 1);
  judge("[{\"unit\":\"a\",\"after\":46,\"before\":46},{\"unit\":\"b\",\"after\":9,\"before\":8}]",
        8, 2, 1);
}

static void text_free(gpointer data) {
  dpl_unit_text_free(data);
}

static void add(GPtrArray *texts, const char *name, const char *content) {
  DplUnitText *text = g_new0(DplUnitText, 1);

  text->name = g_strdup(name);
  text->content = g_bytes_new(content, strlen(content));
  g_ptr_array_add(texts, text);
}

/* The real program, where it is installed. */
static void test_real(void) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(text_free);
  g_autofree char *program = g_find_program_in_path("systemd-analyze");
  g_autoptr(GError) error = NULL;

  if (program == NULL) {
    g_test_skip("systemd-analyze is not installed");
    return;
  }
  add(texts, "a.service", "[Service]\nExecStart=/bin/true\n");
  add(texts, "b@.service", "[Service]\nExecStart=/bin/true\nPrivateNetwork=yes\n");
  add(texts, "c.timer", "[Timer]\nOnBootSec=1h\n");
  g_autoptr(JsonNode) node = dpl_exposure_of_texts(texts, -1, NULL, NULL, FALSE, NULL, &error);
  g_assert_no_error(error);
  JsonArray *list = json_node_get_array(node);
  g_assert_cmpuint(json_array_get_length(list), ==, 2);
  gint64 open = json_object_get_int_member(json_array_get_object_element(list, 0), "after");
  JsonObject *second = json_array_get_object_element(list, 1);
  g_assert_cmpstr(json_object_get_string_member(second, "unit"), ==, "b@.service");
  g_assert_cmpint(json_object_get_int_member(second, "after"), <, open);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_cancellable_cancel(cancel);
  g_assert_null(dpl_exposure_of_texts(texts, -1, NULL, NULL, FALSE, cancel, NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deployment/exposure/level", test_level);
  g_test_add_func("/deployment/exposure/judge", test_judge);
  g_test_add_func("/deployment/exposure/real", test_real);
  return g_test_run();
}

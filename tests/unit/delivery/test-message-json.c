/* test-message-json.c: the JSON line of a message: every kind of field, and bodies that are text,
 * are not, or only look like it. The line is parsed again by json-glib, and is one line. */
#undef G_DISABLE_ASSERT
#include "delivery/backend.h"

#include <string.h>

static JsonObject *line_of(const DlvMessage *message, JsonParser **ret) {
  g_autoptr(GBytes) bytes = dlv_message_json("a", message);
  gsize size;
  const char *data = g_bytes_get_data(bytes, &size);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint(data[size - 1], ==, '\n');
  g_assert_null(memchr(data, '\n', size - 1));
  *ret = json_parser_new();
  g_assert_true(json_parser_load_from_data(*ret, data, (gssize)size, &error));
  g_assert_no_error(error);
  return json_node_get_object(json_parser_get_root(*ret));
}

static void test_fields(void) {
  char *fields =
      g_ref_string_new(",\"subject\":\"a \\\"line\\\"\\nand another\",\"time\":1700000000000000,"
                       "\"sender-uid\":1000,\"tags\":[\"x\",\"ü\"],\"expects-reply\":true,"
                       "\"headers\":{\"k\":\"v\",\"empty\":\"\"}");
  g_autoptr(GBytes) body = g_bytes_new_static("héllo\n", 7);
  const DlvMessage m = {.number = 7, .from = "b", .priority = 9, .fields = fields, .body = body};
  g_autoptr(JsonParser) parser = NULL;
  JsonObject *o = line_of(&m, &parser);

  g_assert_cmpint(json_object_get_int_member(o, "message"), ==, 7);
  g_assert_cmpstr(json_object_get_string_member(o, "agent"), ==, "a");
  g_assert_cmpstr(json_object_get_string_member(o, "from"), ==, "b");
  g_assert_cmpint(json_object_get_int_member(o, "priority"), ==, 9);
  g_assert_cmpstr(json_object_get_string_member(o, "subject"), ==, "a \"line\"\nand another");
  g_assert_cmpint(json_object_get_int_member(o, "time"), ==, 1700000000000000);
  g_assert_cmpint(json_object_get_int_member(o, "sender-uid"), ==, 1000);
  g_assert_true(json_object_get_boolean_member(o, "expects-reply"));
  JsonArray *tags = json_object_get_array_member(o, "tags");
  g_assert_cmpstr(json_array_get_string_element(tags, 1), ==, "ü");
  JsonObject *headers = json_object_get_object_member(o, "headers");
  g_assert_cmpstr(json_object_get_string_member(headers, "k"), ==, "v");
  g_assert_cmpstr(json_object_get_string_member(headers, "empty"), ==, "");
  g_assert_cmpint(json_object_get_int_member(o, "bytes"), ==, 7);
  g_assert_cmpstr(json_object_get_string_member(o, "text"), ==, "héllo\n");
  g_assert_false(json_object_has_member(o, "body-base64"));
  g_ref_string_release(fields);
}

/* `data` comes back as it was, as text or not. */
static void check_body(const char *data, gsize size, gboolean is_text) {
  g_autoptr(GBytes) body = g_bytes_new_static(data, size);
  const DlvMessage m = {.number = 1, .from = "b", .priority = 4, .body = body};
  g_autoptr(JsonParser) parser = NULL;
  JsonObject *o = line_of(&m, &parser);

  g_assert_cmpint(json_object_get_int_member(o, "bytes"), ==, size);
  g_assert_cmpint(json_object_has_member(o, "text"), ==, is_text);
  g_assert_cmpint(json_object_has_member(o, "body-base64"), ==, !is_text);
  if (is_text) {
    const char *text = json_object_get_string_member(o, "text");
    g_assert_cmpmem(text, strlen(text), data, size);
    return;
  }
  gsize n;
  g_autofree guchar *decoded = g_base64_decode(json_object_get_string_member(o, "body-base64"), &n);
  g_assert_cmpmem(decoded, n, data, size);
}

static void test_bodies(void) {
  char controls[127];

  check_body("", 0, TRUE);
  check_body("plain", 5, TRUE);
  check_body("\xff\xfe", 2, FALSE);
  check_body("cut \xc3", 5, FALSE);
  check_body("a\0b", 3, FALSE);
  check_body("\xed\xa0\x80", 3, FALSE); /* half of a surrogate pair */
  check_body("\xf0\x9f\x90\x9d \xe2\x80\xa8 \x7f", 9, TRUE);
  for (guint i = 0; i < sizeof controls; i++)
    controls[i] = (char)(i + 1);
  check_body(controls, sizeof controls, TRUE);
}

static void test_no_body(void) {
  const DlvMessage m = {.number = 1, .from = "uid:0", .priority = 0};
  g_autoptr(JsonParser) parser = NULL;
  JsonObject *o = line_of(&m, &parser);

  g_assert_false(json_object_has_member(o, "bytes"));
  g_assert_false(json_object_has_member(o, "text"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/delivery/message-json/fields", test_fields);
  g_test_add_func("/delivery/message-json/bodies", test_bodies);
  g_test_add_func("/delivery/message-json/no-body", test_no_body);
  return g_test_run();
}

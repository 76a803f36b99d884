/* test-type-net.c: what peers on a network send, read without a network: the answer of a health
 * service of gRPC, an echo reply of ICMP, bytes in hexadecimal. Real peers: tests/bus. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "checks/echo.h"
#include "checks/grpc-health.h"
#include "checks/hex.h"

#include <string.h>

/* "00 00 00 00 02 08 01": the frame is written with it, so that it can be wrong. */
static int parse(const char *hex) {
  g_autoptr(GByteArray) bytes = chk_hex_parse(hex, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_nonnull(bytes);
  g_autofree guint8 *copy = g_memdup2(bytes->data, bytes->len);
  int status = chk_grpc_health_parse(copy, bytes->len, &error);
  g_assert_true((status < 0) == (error != NULL));
  return status;
}

static void test_health(void) {
  static const struct {
    const char *hex;
    int status;
  } answers[] = {
      {"00 00000002 0801", 1},
      {"00 00000000", 0},                           /* the default is left out */
      {"00 00000004 0802 0801", 1},                 /* the last one counts */
      {"00 00000007 1203616263 0801", 1},           /* an unknown field of each kind */
      {"00 00000007 1d01020304 0802", 2},           /* fixed32 */
      {"00 0000000b 210102030405060708 0803", 3},   /* fixed64 */
      {"00 00000004 28ac 02 00", -1},               /* field 0 */
      {"00 00000005 28ac02 0801", 1},               /* varint */
      {"00 00000003 088100", 1},                    /* a varint longer than it has to be */
      {"01 00000002 0801", -1},                     /* compressed */
      {"00 00000003 0801", -1},                     /* shorter than it says */
      {"00 00000001 0801", -1},                     /* longer: a second message */
      {"00 00000002 08", -1},                       /* cut */
      {"00 00000001 08", -1},                       /* a tag alone */
      {"00 00000002 0880", -1},                     /* a varint without an end */
      {"00 00000003 0a0101", -1},                   /* the status as bytes */
      {"00 00000002 0b0c", -1},                     /* a group */
      {"00 00000003 120561", -1},                   /* bytes beyond the end */
      {"00 0000000b 08ffffffffffffffffff01", -1},   /* -1, as protobuf writes it */
      {"00 0000000c 08ffffffffffffffffffff01", -1}, /* eleven bytes */
      {"00 0000000b 12ffffffffffffffffff01", -1},   /* a length of 64 bits */
      {"00 00000006 08ffffffff07", 2147483647},     /* the largest */
      {"00 00000006 088080808008", -1},             /* one more */
      {"", -1},
      {"00 000000", -1},
  };

  for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
    if (parse(answers[i].hex) != answers[i].status)
      g_error("%s: %d instead of %d", answers[i].hex, parse(answers[i].hex), answers[i].status);
  g_assert_cmpstr(chk_grpc_health_name(2), ==, "NOT_SERVING");
  g_assert_null(chk_grpc_health_name(4));
  g_assert_null(chk_grpc_health_name(-1));
  g_assert_cmpstr(chk_grpc_code_name(14), ==, "UNAVAILABLE");
  g_assert_null(chk_grpc_code_name(17));
}

static void assert_request(const char *service, const char *wanted) {
  g_autoptr(GByteArray) bytes = chk_grpc_health_request(service);
  g_autofree char *hex = chk_hex_text(bytes->data, bytes->len);

  g_assert_true(g_str_has_prefix(hex, wanted));
  g_assert_cmpuint(bytes->len, ==, 5 + ((guint)bytes->data[3] << 8 | bytes->data[4]));
}

static void test_request(void) {
  g_autofree char *name = g_strnfill(300, 'a');

  assert_request("", "0000000000");
  assert_request("a.B", "00000000050a03612e42");
  assert_request(name, "000000012f0aac026161");
}

static int number(const char *hex, gboolean six) {
  g_autoptr(GByteArray) bytes = chk_hex_parse(hex, NULL);
  g_autofree guint8 *copy = g_memdup2(bytes->data, bytes->len);

  return chk_echo_number(copy, bytes->len, six, (const guint8 *)"markmark");
}

static void test_echo(void) {
  g_assert_cmpint(number("00 00 1234 0001 0102 6d61726b6d61726b 0000", FALSE), ==, 258);
  g_assert_cmpint(number("81 00 1234 0001 0003 6d61726b6d61726b", TRUE), ==, 3);
  g_assert_cmpint(number("81 00 1234 0001 0003 6d61726b6d61726b", FALSE), ==, -1);
  g_assert_cmpint(number("08 00 1234 0001 0003 6d61726b6d61726b", FALSE), ==, -1); /* a request */
  g_assert_cmpint(number("00 01 1234 0001 0003 6d61726b6d61726b", FALSE), ==, -1); /* a code */
  g_assert_cmpint(number("00 00 1234 0001 0003 6d61726b6d617261", FALSE), ==,
                  -1);                                                           /* another look */
  g_assert_cmpint(number("00 00 1234 0001 0003 6d61726b6d6172", FALSE), ==, -1); /* cut */
  g_assert_cmpint(number("", FALSE), ==, -1);
}

static void test_hex(void) {
  g_autoptr(GByteArray) bytes = chk_hex_parse(" 0d 0A\nff00 ", NULL);
  g_autofree char *text = chk_hex_text(bytes->data, bytes->len);
  static const char *const bad[] = {"0", "0g", "0 a", "0x00", "00 1"};
  g_autoptr(GByteArray) none = chk_hex_parse("", NULL);

  g_assert_cmpstr(text, ==, "0d0aff00");
  g_assert_cmpuint(none->len, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(chk_hex_parse(bad[i], &error));
    g_assert_nonnull(error);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/net/health", test_health);
  g_test_add_func("/net/request", test_request);
  g_test_add_func("/net/echo", test_echo);
  g_test_add_func("/net/hex", test_hex);
  return g_test_run();
}

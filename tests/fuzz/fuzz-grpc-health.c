/* fuzz-grpc-health.c: any bytes as the answer of a health service, and as an echo reply. A status
 * that comes out is a number of 31 bits; without one there is an error. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/echo.h"
#include "checks/grpc-health.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const guint8 mark[CHK_ECHO_MARK] = "12345678";
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *copy = g_memdup2(data, size); /* so that a byte too far is seen */
  int status = chk_grpc_health_parse(copy, size, &error);

  g_assert_true((status < 0) == (error != NULL));
  g_assert_true(chk_grpc_health_name(status) == NULL || status <= 3);
  g_assert_cmpint(chk_echo_number(copy, size, FALSE, mark), <=, 65535);
  g_assert_cmpint(chk_echo_number(copy, size, TRUE, mark), <=, 65535);
  return 0;
}

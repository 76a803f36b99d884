/* fuzz-hook.c: any bytes as what a coding agent's program gives its hook. An event comes out or
 * none; the answer to it is one line of JSON whatever the text in it. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/hook.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *event = cli_hook_event((const char *)data, (gssize)size);

  if (!event)
    return 0;
  g_autofree char *answer = cli_hook_answer(event, event);
  g_autoptr(JsonNode) node = json_from_string(answer, NULL);
  g_assert_nonnull(node);
  g_assert_true(JSON_NODE_HOLDS_OBJECT(node));
  g_assert_null(strchr(answer, '\n'));
  return 0;
}

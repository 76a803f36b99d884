/* fuzz-goss.c: any text as a goss file, templates and all. Whatever comes out is a verify file or
 * a list of problems, within the template's bounds. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/goss.h"
#include "checks/plan.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_utf8_make_valid((const char *)data, (gssize)size);
  g_autoptr(WgProblems) problems = wg_problems_new();

  /* what would read a file of the machine is not tried here */
  if (strstr(text, "gossfile") || strstr(text, "readFile") || strstr(text, "getHost"))
    return 0;
  g_autoptr(JsonNode) file = chk_goss_load(text, strlen(text), "fuzz", NULL, problems);
  g_assert_nonnull(file);
  g_assert_true(JSON_NODE_HOLDS_OBJECT(file));
  if (!wg_problems_refuse(problems)) {
    g_autoptr(ChkPlan) plan = chk_plan_load(file, NULL, "", NULL, problems);
    g_assert_true(plan != NULL || wg_problems_refuse(problems));
  }
  return 0;
}

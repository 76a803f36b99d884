/* test-why.c: whose eyes the journal is for, by the user database of this machine. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/why.h"

#include <grp.h>
#include <string.h>
#include <unistd.h>

static void test_member(void) {
  const char *const none[] = {"waggle-no-such-group", NULL};
  const struct group *own = getgrgid(0);
  const char *const some[] = {"waggle-no-such-group", own->gr_name, NULL};

  g_assert_true(mon_why_is_member(0, some)); /* its first group counts */
  g_assert_false(mon_why_is_member(0, none));
  g_assert_false(mon_why_is_member(3999999999u, some)); /* nobody knows that one */
}

static void test_forbidden(void) {
  g_autofree char *why = mon_why_forbidden(3999999999u);

  g_assert_nonnull(strstr(why, "uid 3999999999"));
  g_assert_nonnull(strstr(why, "usermod -aG systemd-journal"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/why/member", test_member);
  g_test_add_func("/monitor/why/forbidden", test_forbidden);
  return g_test_run();
}

/* test-looking.c: a look is answered exactly once, whatever the type does: at once, late, never, or
 * from a thread that hangs; what it was lent lives until the last of them is through. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include <string.h>

static GMutex gate; /* locked: hanging workers wait */
static gint n_workers_back;

static void observe(ChkLook *look, ChkSight *ret) {
  JsonObject *values = json_object_new();

  json_object_set_string_member(values, "subject", look->subject);
  json_object_set_int_member(values, "n", chk_option_int(look, "n", 3));
  chk_observed(ret, values);
}

static void hang(ChkLook *look, ChkSight *ret) {
  g_mutex_lock(&gate);
  g_mutex_unlock(&gate);
  chk_unknown(ret, "woke up");
  g_atomic_int_inc(&n_workers_back);
}

static void wait_for_end(ChkLook *look, ChkSight *ret) {
  while (!chk_look_over(look))
    g_usleep(1000);
  chk_unknown(ret, "saw the end");
}

static void at_once(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  ChkSight sight = {0};

  chk_not_applicable(&sight, "not here");
  seen(&sight, user_data);
}

/* Answers long after its time limit, when the test lets it. */
static ChkSeenFunc never_seen_func;
static gpointer never_data;

static void never(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  never_seen_func = seen;
  never_data = user_data;
}

static const ChkKey options[] = {{"n", CHK_INT, "a number"}, {0}};
static const ChkKey values[] = {
    {"subject", CHK_TEXT, "the subject"}, {"n", CHK_INT, "the number"}, {0}};
static const ChkType type_sync = {"sync", "any", options, values, NULL, .sync = observe};
static const ChkType type_hang = {"hang", "any", options, values, NULL, .sync = hang};
static const ChkType type_slow = {"slow", "any", options, values, NULL, .sync = wait_for_end};
static const ChkType type_once = {"once", "any", options, values, NULL, .start = at_once};
static const ChkType type_never = {"never", "any", options, values, NULL, .start = never};

static void test_sync(void) {
  g_autofree char *seen = chk_look_once(&type_sync, "x", "{\"n\": 7}");
  g_autofree char *bare = chk_look_once(&type_sync, "y", NULL);

  g_assert_cmpstr(seen, ==, "{\"subject\":\"x\",\"n\":7}");
  g_assert_cmpstr(bare, ==, "{\"subject\":\"y\",\"n\":3}");
}

static void test_at_once(void) {
  g_autofree char *seen = chk_look_once(&type_once, "x", NULL);

  g_assert_cmpstr(seen, ==, "not-applicable: not here");
}

static void test_time(void) {
  g_auto(LookResult) never_seen = chk_look_once_with(NULL, &type_never, "x", NULL, 20000);
  g_auto(LookResult) slow = chk_look_once_with(NULL, &type_slow, "x", NULL, 20000);

  g_assert_cmpint(never_seen.known, ==, CHK_UNKNOWN);
  g_assert_cmpstr(never_seen.text, ==, "no answer within 20ms");
  g_assert_cmpstr(slow.text, ==, "saw the end");
  ChkSight late = {.known = CHK_UNKNOWN, .text = g_strdup("too late")};
  never_seen_func(&late, never_data);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(chk_looking_n_hung(), ==, 0);
}

typedef struct {
  gint n_refs;
} Kept;

static void kept_ref(gpointer keep) {
  g_atomic_int_inc(&((Kept *)keep)->n_refs);
}

static void kept_unref(gpointer keep) {
  g_atomic_int_add(&((Kept *)keep)->n_refs, -1);
}

static void never_seen(ChkSight *sight, gpointer user_data) {
  g_assert_not_reached();
}

static void count_seen(ChkSight *sight, gpointer user_data) {
  ++*(guint *)user_data;
}

static void until_back(gint n) {
  while (g_atomic_int_get(&n_workers_back) < n || chk_looking_n_hung() > 0)
    g_main_context_iteration(NULL, FALSE);
}

/* Worlds and lent objects outlive their owners; the late answer reaches nobody. */
static void test_hung(void) {
  Kept kept = {1};
  g_autoptr(ChkWorld) world = chk_world_new(TRUE, "/");
  ChkLookingOptions o = {.type = &type_hang,
                         .subject = "x",
                         .limit = 10000,
                         .keep = &kept,
                         .keep_ref = kept_ref,
                         .keep_unref = kept_unref};
  guint seen = 0;

  g_atomic_int_set(&n_workers_back, 0);
  g_mutex_lock(&gate);
  chk_looking_start(world, &o, count_seen, &seen);
  ChkLooking *forgotten = chk_looking_start(world, &o, never_seen, NULL);
  chk_looking_forget(forgotten);
  while (seen == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpuint(chk_looking_n_hung(), ==, 2);
  g_assert_cmpint(g_atomic_int_get(&kept.n_refs), ==, 3);
  g_clear_pointer(&world, chk_world_free);
  g_mutex_unlock(&gate);
  until_back(2);
  while (g_atomic_int_get(&kept.n_refs) > 1)
    g_main_context_iteration(NULL, FALSE);
  g_assert_cmpuint(seen, ==, 1);
}

/* Threads that hang are bounded: the 65th is refused with a reason. */
static void test_many_hung(void) {
  g_autoptr(ChkWorld) world = chk_world_new(TRUE, NULL);
  ChkLookingOptions o = {.type = &type_hang, .subject = "x", .limit = 1000};
  guint seen = 0;

  g_atomic_int_set(&n_workers_back, 0);
  g_mutex_lock(&gate);
  for (guint i = 0; i < 64; i++)
    chk_looking_start(world, &o, count_seen, &seen);
  while (seen < 64)
    g_main_context_iteration(NULL, TRUE);
  g_auto(LookResult) refused = chk_look_once_with(world, &type_hang, "x", NULL, 0);
  g_assert_cmpstr(refused.text, ==, "64 looks hang already; no further thread is started");
  g_mutex_unlock(&gate);
  until_back(64);
}

/* Classes that looks on several threads would else make beside each other, which may hang. */
static void test_classes_are_there_before_a_look(void) {
  static const char *const names[] = {"SoupSession", "SoupMessage", "GInetSocketAddress",
                                      "GTcpConnection"};
  g_autoptr(ChkWorld) world = chk_world_new(TRUE, NULL);

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    GType type = g_type_from_name(names[i]);
    g_assert_cmpuint(type, !=, 0);
    g_assert_nonnull(g_type_class_peek(type));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/looking/classes", test_classes_are_there_before_a_look);
  g_test_add_func("/looking/sync", test_sync);
  g_test_add_func("/looking/at-once", test_at_once);
  g_test_add_func("/looking/time", test_time);
  g_test_add_func("/looking/hung", test_hung);
  g_test_add_func("/looking/many-hung", test_many_hung);
  return g_test_run();
}

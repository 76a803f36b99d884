/* test-recover.c: the recovery at boot is the first to open a store that was damaged: what it has
 * to find out about the targets then, since the daemon after it opens a whole one. */
#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/layout.h"
#include "deployment/record-store.h"
#include "deployment/recover-offline.h"
#include "deployment/switch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASE "fedcba9876543210-20260102T000000Z"

typedef struct {
  char *dir, *root;
} Place;

static void set_up(Place *place, gconstpointer unused) {
  place->dir = g_dir_make_tmp("waggle-recover-XXXXXX", NULL);
  place->root = g_build_filename(place->dir, "shop", NULL);
}

static void tear_down(Place *place, gconstpointer unused) {
  char *argv[] = {(char *)"rm", (char *)"-rf", place->dir, NULL};

  g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(place->dir);
  g_free(place->root);
}

static DplStore *open_store(Place *place, DplLoaded *loaded) {
  WgSalvage salvage = {0};
  g_autoptr(GError) error = NULL;
  DplStore *store = dpl_store_open(place->dir, &salvage, &error);

  g_assert_no_error(error);
  g_assert_true(dpl_store_load(store, loaded, &error));
  wg_salvage_clear(&salvage);
  return store;
}

/* A release that the store calls good, which serves, and which is not whole. */
static void commit(Place *place) {
  static const DplState path[] = {DPL_STATE_VALIDATED, DPL_STATE_COMMITTED, DPL_STATE_DONE};
  g_auto(DplLoaded) loaded = {0};
  g_autoptr(GError) error = NULL;
  DplStore *store = open_store(place, &loaded);
  g_autoptr(DplRecord) r = g_new0(DplRecord, 1);

  *r = (DplRecord){.id = 1,
                   .job = 1,
                   .target = g_strdup("shop"),
                   .root = g_strdup(place->root),
                   .to = g_strdup(RELEASE),
                   .digest = g_strdup("d1")};
  for (guint i = 0; i < G_N_ELEMENTS(path); i++) {
    DplWrite write = {.record = r,
                      .from = path[i > 0 ? i - 1 : 0],
                      .is_new = i == 0,
                      .good = path[i] == DPL_STATE_COMMITTED};
    r->state = path[i];
    r->writes++;
    g_assert_true(dpl_store_put_now(store, &write, 1, &error));
  }
  wg_records_free(store);
  int root = dpl_layout_open(place->root, "shop", TRUE, &error);
  g_assert_no_error(error);
  g_assert_cmpint(mkdirat(root, DPL_DIR_RELEASES "/" RELEASE, 0755), ==, 0);
  g_assert_true(dpl_current_set(root, RELEASE, &error));
  close(root);
}

static const DplTarget *target_of(Place *place, DplLoaded *loaded) {
  DplStore *store = open_store(place, loaded);

  wg_records_free(store);
  return g_hash_table_lookup(loaded->targets, "shop");
}

static void damage(Place *place) {
  g_autofree char *path = g_build_filename(place->dir, "deployments.db", NULL);
  int fd = open(path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint(pwrite(fd, "no such database", 16, 0), ==, 16);
  close(fd);
}

static void recover(Place *place) {
  g_autoptr(GError) error = NULL;
  DplOffline done;

  g_assert_true(dpl_recover_offline(place->dir, place->dir, NULL, &done, &error));
  g_assert_no_error(error);
}

static void test_damaged(Place *place, gconstpointer unused) {
  g_auto(DplLoaded) before = {0}, after = {0};

  commit(place);
  recover(place); /* nothing is damaged: what the store says is believed */
  const DplTarget *target = target_of(place, &before);
  g_assert_cmpstr(target->good, ==, RELEASE);
  g_assert_cmpuint(target->frozen, ==, 0);
  damage(place);
  recover(place);
  target = target_of(place, &after);
  g_assert_false(after.rebuilt); /* the daemon would not look any more */
  g_assert_null(target->good);
  g_assert_cmpuint(target->frozen, !=, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/deployment/recover/damaged", Place, NULL, set_up, test_damaged, tear_down);
  return g_test_run();
}

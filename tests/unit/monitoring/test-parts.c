/* test-parts.c: what is counted of a unit by device and over IP: on the board, within a bound, and
 * as bytes in the store. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/unit-metrics-private.h"

#include "tree-fixture.h"

#include <string.h>

/* A unit whose group is a directory. */
typedef struct {
  Tree tree;
  MonUnitMetrics units;
  MonUnitEntry entry;
  MonCell cell;
  GHashTable *disks;
} World;

static void world_init(World *world) {
  *world = (World){0};
  tree_init(&world->tree);
  world->units.board = mon_board_new();
  world->disks = g_hash_table_new(g_int64_hash, g_int64_equal);
  world->cell.group = mon_cgroup_new(world->tree.fd, "a");
  world->entry.unit = (char *)"a.service";
  world->entry.cell = &world->cell;
  world->entry.labels = mon_labels_new("unit", "a.service", "type", "service", NULL);
  world->units.entries = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_insert(world->units.entries, world->entry.unit, &world->entry);
}

static void world_clear(World *world) {
  mon_unit_parts_drop(&world->units, &world->entry);
  g_assert_cmpuint(mon_board_n(world->units.board), ==, 0);
  g_clear_pointer(&world->entry.parts, g_ptr_array_unref);
  mon_labels_unref(world->entry.labels);
  g_assert_cmpuint(mon_labels_n_alive(), ==, 0);
  g_hash_table_unref(world->units.entries);
  g_hash_table_unref(world->disks);
  mon_cgroup_free(world->cell.group);
  mon_board_free(world->units.board);
  tree_clear(&world->tree);
}

/* The group says so, and `left` series fit; returns how many did not. */
static guint look(World *world, const char *io_stat, guint left) {
  MonUnitRoom room = {.left = left};

  tree_write(&world->tree, "a/io.stat", io_stat);
  mon_cgroup_free(world->cell.group); /* a new one reads all its files */
  world->cell.group = mon_cgroup_new(world->tree.fd, "a");
  g_assert_true(mon_cgroup_read(world->cell.group, &world->cell.sample));
  mon_unit_parts_devices(&world->entry, world->disks, 1000);
  mon_unit_parts_show(&world->units, &world->entry, &room);
  return room.dropped;
}

static double told(const World *world, const MonMetric *metric, const char *device) {
  g_autoptr(MonLabels) labels = mon_labels_with(world->entry.labels, "device", device);
  MonSeries *series = mon_board_find(world->units.board, metric->name, labels);

  return series ? mon_series_value(series) : -1;
}

static void test_devices(void) {
  gint64 sda = (gint64)8 << 32, loop = (gint64)7 << 32;
  World world;

  world_init(&world);
  g_hash_table_insert(world.disks, &sda, (gpointer) "sda");
  g_hash_table_insert(world.disks, &loop, (gpointer) "");
  g_assert_cmpuint(look(&world,
                        "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n7:0 rbytes=9 wbytes=9 rios=9 wios=9\n"
                        "9:1 rbytes=5 wbytes=0 rios=0 wios=0\n",
                        100),
                   ==, 0);
  g_assert_cmpuint(mon_board_n(world.units.board), ==, 8);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "sda"), ==, 1);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_WRITES), "sda"), ==, 4);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "9:1"), ==, 5);
  look(&world, "9:1 rbytes=6 wbytes=0 rios=0 wios=0\n", 100);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "sda"), ==, -1);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "9:1"), ==, 6);
  mon_unit_parts_devices(&world.entry, NULL, 1000); /* Devices=no */
  mon_unit_parts_show(&world.units, &world.entry, &(MonUnitRoom){.left = 100});
  g_assert_cmpuint(mon_board_n(world.units.board), ==, 0);
  world_clear(&world);
}

/* IP goes before devices, whichever was first. */
static void test_room(void) {
  static const double ip[] = {10, 20, 30, 40};
  World world;

  world_init(&world);
  look(&world, "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", 100);
  mon_unit_metrics_ip(&world.units, "a.service", 1, ip);
  g_assert_cmpuint(look(&world, "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", 5), ==, 3);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_IP_SENT_PACKETS), NULL), ==, 40);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "8:0"), ==, 1);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_WRITTEN), "8:0"), ==, -1);
  mon_unit_metrics_ip(&world.units, "a.service", 1, NULL);
  mon_unit_metrics_ip(&world.units, "b.service", 1, ip); /* it is not here */
  g_assert_cmpuint(look(&world, "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", 5), ==, 0);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_IP_SENT_PACKETS), NULL), ==, -1);
  world_clear(&world);
}

/* What was stored goes on; bytes that are cut are read no further than they are long. */
static void test_stored(void) {
  static const double ip[] = {10, 20, 30, 40}, less[] = {1, 2, 3, 4};
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  World world;

  world_init(&world);
  look(&world, "8:0 rbytes=100 wbytes=2 rios=3 wios=4\n", 100);
  mon_unit_metrics_ip(&world.units, "a.service", 7, ip);
  g_assert_cmpfloat(mon_unit_parts_sum(&world.entry), ==, 109 + 100);
  mon_unit_parts_pack(&world.entry, 1, bytes);
  for (guint n = 0; n <= bytes->len; n++) {
    mon_unit_parts_drop(&world.units, &world.entry);
    g_clear_pointer(&world.entry.parts, g_ptr_array_unref);
    g_autofree guint8 *cut = g_memdup2(bytes->data, n); /* sanitizers see a read beyond */
    mon_unit_parts_unpack(&world.entry, cut, n, 1);
  }
  look(&world, "8:0 rbytes=100 wbytes=2 rios=3 wios=4\n", 100);
  mon_unit_metrics_ip(&world.units, "a.service", 8, less);
  look(&world, "8:0 rbytes=101 wbytes=2 rios=3 wios=4\n", 100);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "8:0"), ==, 101);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_IP_RECEIVED), NULL), ==, 11);
  world_clear(&world);
}

/* Devices that were touched once and never again are forgotten in the end. */
static void test_old(void) {
  World world;

  world_init(&world);
  for (guint i = 0; i < 300; i++) {
    g_autofree char *text = g_strdup_printf("9:%u rbytes=1 wbytes=0 rios=0 wios=0\n", i);
    look(&world, text, 100);
    g_assert_cmpuint(mon_board_n(world.units.board), ==, 4);
  }
  g_assert_cmpuint(world.entry.parts->len, ==, 2 * MON_CG_DEVICES_MAX);
  g_assert_cmpfloat(told(&world, MON_METRIC(UNIT_DEVICE_READ), "9:299"), ==, 1);
  world_clear(&world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/parts/devices", test_devices);
  g_test_add_func("/parts/room", test_room);
  g_test_add_func("/parts/stored", test_stored);
  g_test_add_func("/parts/old", test_old);
  return g_test_run();
}

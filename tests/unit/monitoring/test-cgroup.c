/* test-cgroup.c: the numbers of control groups, on trees of plain files. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/cgroup.h"

#include "common/clock.h"

#include "tree-fixture.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

static void test_whole(void) {
  static const double want[MON_CG_N] = {
      6, 4,    2,    20, 2, 1, 8192, 16384, 4096, 2048, 0, NAN, 2 * 65536, 2,
      1, 2024, 4048, 4,  6, 3, 4915, 2,     1,    3,    2, 4,   3,
  };
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  tree_group(&tree, "system.slice/a.service", 2);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "/system.slice/a.service");
  g_assert_true(mon_cgroup_read(group, &got));
  for (guint i = 0; i < MON_CG_N; i++)
    if (isnan(want[i]))
      g_assert_true(isnan(got.value[i]));
    else
      g_assert_cmpfloat_with_epsilon(got.value[i], want[i], 1e-9);
  g_assert_cmpuint(got.files, ==, 14);
  g_assert_cmpuint(got.values, ==, MON_CG_N - 1);
  g_assert_cmpuint(mon_cgroup_id(group), !=, 0);
  tree_clear(&tree);
}

/* The descriptor is kept: what changes in the file is seen without opening it again. */
static void test_kept(void) {
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  tree_write(&tree, "a/memory.current", "100\n");
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  guint64 id = mon_cgroup_id(group);
  tree_write(&tree, "a/memory.current", "20\n");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat(got.value[MON_CG_MEMORY], ==, 20);
  g_assert_cmpuint(mon_cgroup_id(group), ==, id);
  tree_clear(&tree);
}

/* What the kernel does not offer, or says in a way that we do not know, is absent and never 0. */
static void test_absent(void) {
  static const struct {
    const char *file, *text;
  } rows[] = {
      {"a/cpu.stat", ""},
      {"a/memory.current", "\n"},
      {"a/memory.peak", "12 apples\n"},
      {"a/memory.stat", "anonymous 7\nfile\nfiles 9\n"},
      {"a/memory.events", "high x\noom_killer 3\n"},
      {"a/memory.max", "max\n"},
      {"a/pids.current", "-1\n"},
      {"a/cpu.pressure", "some avg10=0.00\nfull total\n"},
      {"a/io.pressure", "total=5\n total=5\nmost avg10=0.00 total=5\n"},
  };
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    tree_write(&tree, rows[i].file, rows[i].text);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  for (guint i = 0; i < MON_CG_N; i++)
    g_assert_true(isnan(got.value[i]));
  g_assert_cmpuint(got.values, ==, 0);
  tree_clear(&tree);
}

/* A group without devices did no I/O, which is a number. */
static void test_no_io(void) {
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  tree_write(&tree, "a/io.stat", "");
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat(got.value[MON_CG_IO_READ], ==, 0);
  g_assert_cmpfloat(got.value[MON_CG_IO_WRITES], ==, 0);
  tree_clear(&tree);
}

static void device_is(const MonCgroupSample *got, guint i, guint major, guint minor, double read,
                      double written) {
  const MonCgroupDevice *device = &g_array_index(got->devices, MonCgroupDevice, i);

  g_assert_cmpuint(i, <, got->devices->len);
  g_assert_cmpuint(device->major, ==, major);
  g_assert_cmpuint(device->minor, ==, minor);
  g_assert_cmpfloat(device->value[0], ==, read);
  g_assert_cmpfloat(device->value[1], ==, written);
}

/* A line a device; one without numbers, and one that is none, are left out. */
static void test_devices(void) {
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  tree_write(&tree, "a/io.stat",
             "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n253:0\n"
             "259:3 rbytes=10 wbytes=20\n8 rbytes=100\n:1 rbytes=100\n8:16rbytes=100\n");
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.devices->len, ==, 2);
  device_is(&got, 0, 8, 0, 1, 2);
  device_is(&got, 1, 259, 3, 10, 20);
  g_assert_cmpfloat(got.value[MON_CG_IO_WRITTEN], ==, 22);
  g_assert_cmpfloat(got.value[MON_CG_IO_WRITES], ==, 4);
  tree_remove(&tree, "a");
  g_assert_false(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.devices->len, ==, 0); /* none of a group that is gone */
  tree_clear(&tree);
}

/* More devices than we read: what is cut is a whole line, never a number. */
static void test_many_devices(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  Tree tree;
  MonCgroupSample got;

  for (guint i = 0; i < 500; i++)
    g_string_append_printf(text, "8:%u rbytes=1111111111111 wbytes=0 rios=0 wios=0\n", i);
  tree_init(&tree);
  tree_write(&tree, "a/io.stat", text->str);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.devices->len, ==, MON_CG_DEVICES_MAX);
  double lines = got.value[MON_CG_IO_READ] / 1111111111111;
  g_assert_cmpfloat(lines, ==, (guint)lines);
  g_assert_cmpfloat(lines, >, MON_CG_DEVICES_MAX);
  tree_clear(&tree);
}

static void test_gone_and_back(void) {
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_false(mon_cgroup_read(group, &got));
  tree_group(&tree, "a", 3);
  g_assert_true(mon_cgroup_read(group, &got));
  tree_remove(&tree, "a");
  g_assert_false(mon_cgroup_read(group, &got));
  g_assert_true(isnan(got.value[MON_CG_CPU]));
  g_assert_cmpuint(mon_cgroup_id(group), ==, 0);
  tree_group(&tree, "a", 5); /* the same name, another group */
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat_with_epsilon(got.value[MON_CG_CPU], 15, 1e-9);
  tree_remove(&tree, "a"); /* and one that was replaced between two looks */
  tree_group(&tree, "a", 7);
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat_with_epsilon(got.value[MON_CG_CPU], 21, 1e-9);
  tree_clear(&tree);
}

static void test_never_out_of_the_tree(void) {
  Tree tree;
  MonCgroupSample got;

  tree_init(&tree);
  tree_write(&tree, "inside/x", "");
  tree_write(&tree, "secret/memory.current", "5\n");
  int inside = openat(tree.fd, "inside", O_PATH | O_DIRECTORY | O_CLOEXEC);
  static const char *const paths[] = {"../secret", "x/../../secret", "/../secret"};
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
    g_autoptr(MonCgroup) group = mon_cgroup_new(inside, paths[i]);
    g_assert_false(mon_cgroup_read(group, &got));
  }
  g_assert_cmpint(symlinkat("../secret", tree.fd, "inside/link"), ==, 0);
  g_autoptr(MonCgroup) group = mon_cgroup_new(inside, "link");
  g_assert_false(mon_cgroup_read(group, &got));
  close(inside);
  tree_clear(&tree);
}

/* A long memory.stat is cut, its beginning counts. */
static void test_long(void) {
  Tree tree;
  MonCgroupSample got;
  g_autoptr(GString) text = g_string_new("anon 11\nfile 12\n");

  for (guint i = 0; i < 2000; i++)
    g_string_append_printf(text, "more_%u %u\n", i, i);
  tree_init(&tree);
  tree_write(&tree, "a/memory.stat", text->str);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat(got.value[MON_CG_MEMORY_ANON], ==, 11);
  g_assert_cmpfloat(got.value[MON_CG_MEMORY_FILE], ==, 12);
  tree_clear(&tree);
}

static void look(MonCgroup *group, guint files, double memory, double max) {
  MonCgroupSample got;

  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.files, ==, files);
  g_assert_cmpfloat(got.value[MON_CG_MEMORY], ==, memory);
  g_assert_cmpfloat(got.value[MON_CG_TASKS_MAX], ==, max);
}

/* Who used no processor time is read whole once a minute, and then shows what is; time spent
 * waiting is seen at once. */
static void test_rest(void) {
  WgClockFake fake = {.boot_id = "aa", .boottime = 1000 * MON_CGROUP_REST_USEC, .realtime = 1000};
  Tree tree;
  MonCgroupSample got;

  wg_clock_set_fake(&fake);
  tree_init(&tree);
  tree_group(&tree, "a", 2);
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  look(group, 14, 8192, 4915);
  tree_write(&tree, "a/memory.current", "7\n");
  tree_write(&tree, "a/pids.max", "max\n");
  tree_write(&tree, "a/io.pressure", "full avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n");
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.files, ==, 4);
  g_assert_cmpfloat(got.value[MON_CG_MEMORY], ==, 8192);
  g_assert_cmpfloat(got.value[MON_CG_PRESSURE + 5], ==, 9);
  g_assert_true(isnan(got.value[MON_CG_PRESSURE + 4]));
  tree_write(&tree, "a/cpu.stat", "usage_usec 6000001\n");
  look(group, 11, 7, 4915);
  look(group, 4, 7, 4915);
  tree_write(&tree, "a/memory.current", "8\n");
  fake.boottime += MON_CGROUP_REST_USEC;
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpuint(got.files, ==, 14);
  g_assert_cmpfloat(got.value[MON_CG_MEMORY], ==, 8);
  g_assert_true(isnan(got.value[MON_CG_TASKS_MAX]));
  g_assert_true(isnan(got.value[MON_CG_CPU_USER])); /* it is not told any more */
  wg_clock_set_fake(NULL);
  tree_clear(&tree);
}

/* A controller that is switched on while the unit runs. */
static void test_later(void) {
  WgClockFake fake = {.boot_id = "aa", .boottime = 1000 * MON_CGROUP_REST_USEC, .realtime = 1000};
  Tree tree;
  MonCgroupSample got;

  wg_clock_set_fake(&fake);
  tree_init(&tree);
  tree_write(&tree, "a/memory.current", "5\n");
  g_autoptr(MonCgroup) group = mon_cgroup_new(tree.fd, "a");
  g_assert_true(mon_cgroup_read(group, &got));
  tree_write(&tree, "a/pids.current", "7\n");
  fake.boottime += MON_CGROUP_REST_USEC;
  g_assert_true(mon_cgroup_read(group, &got));
  g_assert_cmpfloat(got.value[MON_CG_TASKS], ==, 7);
  g_assert_cmpfloat(got.value[MON_CG_MEMORY], ==, 5);
  wg_clock_set_fake(NULL);
  tree_clear(&tree);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cgroup/whole", test_whole);
  g_test_add_func("/cgroup/kept", test_kept);
  g_test_add_func("/cgroup/absent", test_absent);
  g_test_add_func("/cgroup/no-io", test_no_io);
  g_test_add_func("/cgroup/devices", test_devices);
  g_test_add_func("/cgroup/many-devices", test_many_devices);
  g_test_add_func("/cgroup/gone-and-back", test_gone_and_back);
  g_test_add_func("/cgroup/never-out-of-the-tree", test_never_out_of_the_tree);
  g_test_add_func("/cgroup/long", test_long);
  g_test_add_func("/cgroup/rest", test_rest);
  g_test_add_func("/cgroup/later", test_later);
  return g_test_run();
}

/* test-host.c: the numbers of the machine, from a directory made like /proc, and their way to the
 * board. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/host.h"

#include "tree-fixture.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static double value_of(const MonReadings *readings, MonMetricId id, const char *label) {
  for (guint i = 0; i < readings->all->len; i++) {
    const MonReading *r = &g_array_index(readings->all, MonReading, i);
    if (r->metric == id && (!label || g_strcmp0(r->label[0], label) == 0))
      return r->value;
  }
  return NAN;
}

static void test_files(void) {
  Tree tree;
  g_autoptr(MonReadings) got = mon_readings_new();
  double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);

  tree_init(&tree);
  tree_write(&tree, "loadavg", "0.50 1.25 2.00 1/100 4242\n");
  tree_write(
      &tree, "stat",
      "cpu  100 2 30 4000 5 6 7 8 0 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\nintr 5\nbtime 1700000000\n");
  tree_write(&tree, "meminfo",
             "MemTotal:        1000 kB\nMemFree:  10 kB\nMemAvailable: 500 kB\nSwapTotal: 0 kB\n");
  tree_write(&tree, "vmstat", "nr_free_pages 1\noom_kill 3\noom_killer 9\n");
  tree_write(&tree, "pressure/io",
             "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 "
             "avg300=0.00 total=1500000\n");
  tree_write(
      &tree, "diskstats",
      "   8       0 sda 10 0 200 5 20 0 400 6 0 1500 11 0 0 0 0 0 0\n"
      "   7       0 loop0 10 0 200 5 20 0 400 6 0 1500 11\n   8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n"
      "   8 32 short\n");
  tree_write(&tree, "net/dev",
             "Inter-|   Receive\n face |bytes\n  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"
             " bad: 1 2\n");
  mon_host_read(tree.fd, got);
  const struct {
    MonMetricId id;
    const char *label;
    double want;
  } rows[] = {
      {MON_M_HOST_LOAD5, NULL, 1.25},
      {MON_M_HOST_CPU, "iowait", 5 * tick},
      {MON_M_HOST_CPU, "steal", 8 * tick},
      {MON_M_HOST_CPUS, NULL, 2},
      {MON_M_HOST_BOOT_TIME, NULL, 1700000000},
      {MON_M_HOST_MEMORY_AVAILABLE, NULL, 500 * 1024},
      {MON_M_HOST_SWAP_TOTAL, NULL, 0},
      {MON_M_HOST_SWAP_FREE, NULL, NAN},
      {MON_M_HOST_OOM_KILLS, NULL, 3},
      {MON_M_HOST_PRESSURE_IO_WAITING, NULL, 2.5},
      {MON_M_HOST_PRESSURE_IO_STALLED, NULL, 1.5},
      {MON_M_HOST_PRESSURE_CPU_WAITING, NULL, NAN},
      {MON_M_HOST_DISK_READ, "sda", 200 * 512},
      {MON_M_HOST_DISK_BUSY, "sda", 1.5},
      {MON_M_HOST_DISK_READ, "loop0", NAN},
      {MON_M_HOST_DISK_READ, "sdb", NAN},
      {MON_M_HOST_NETWORK_RECEIVED, "eth0", 1000},
      {MON_M_HOST_NETWORK_SEND_ERRORS, "eth0", 7},
      {MON_M_HOST_NETWORK_SENT, "bad", NAN},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    double value = value_of(got, rows[i].id, rows[i].label);
    if (isnan(rows[i].want))
      g_assert_true(isnan(value));
    else
      g_assert_cmpfloat_with_epsilon(value, rows[i].want, 1e-9);
  }
  g_assert_cmpuint(got->files, ==, 7);
  tree_clear(&tree);
}

/* A device that is mounted twice is one file system; a network's is never asked. */
static void test_filesystems(void) {
  Tree tree;
  g_autoptr(MonReadings) got = mon_readings_new();
  guint sizes = 0;

  tree_init(&tree);
  tree_write(&tree, "place with blank/x", "");
  g_autofree char *table = g_strdup_printf(
      "20 1 8:1 / %s/place\\040with\\040blank rw - ext4 /dev/sda1 rw\n"
      "21 1 8:1 / %s/place\\040with\\040blank/very/deep rw - ext4 /dev/sda1 rw\n"
      "22 1 0:50 / %s rw shared:1 master:2 - nfs4 server:/x rw\n"
      "23 1 8:2 / %s ro shared:1 - xfs /dev/sda2 ro,noatime\n24 1 8:3 / - - -\nshort\n",
      tree.path, tree.path, tree.path, tree.path);
  tree_write(&tree, "1/mountinfo", table);
  mon_host_read_filesystems(tree.fd, got);
  for (guint i = 0; i < got->all->len; i++) {
    const MonReading *r = &g_array_index(got->all, MonReading, i);
    g_assert_true(strcmp(r->label[2], "ext4") == 0 || strcmp(r->label[2], "xfs") == 0);
    if (r->metric == MON_M_HOST_FILESYSTEM_SIZE) {
      g_assert_cmpfloat(r->value, >, 0);
      sizes++;
    }
    if (r->metric == MON_M_HOST_FILESYSTEM_READ_ONLY)
      g_assert_cmpfloat(r->value, ==, strcmp(r->label[2], "xfs") == 0);
    if (strcmp(r->label[2], "ext4") == 0)
      g_assert_true(g_str_has_suffix(r->label[0], "/place with blank"));
  }
  g_assert_cmpuint(sizes, ==, 2);
  tree_clear(&tree);
}

/* This machine's own. */
static void test_here(void) {
  g_autoptr(MonReadings) got = mon_readings_new();
  int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

  mon_host_read(proc, got);
  mon_host_read_filesystems(proc, got);
  close(proc);
  g_assert_cmpfloat(value_of(got, MON_M_HOST_MEMORY_TOTAL, NULL), >, 1e6);
  g_assert_cmpfloat(value_of(got, MON_M_HOST_CPU, "user"), >, 0);
  g_assert_cmpfloat(value_of(got, MON_M_HOST_CPUS, NULL), >=, 1);
}

/* What the next list does not have any more is dropped. */
static void test_source(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  MonSource *source = mon_source_new(board);
  g_autoptr(MonReadings) first = mon_readings_new();
  g_autoptr(MonReadings) second = mon_readings_new();
  g_autoptr(MonLabels) b = mon_labels_new("device", "b", NULL);
  const char *name = MON_METRIC(HOST_DISK_READ)->name;

  mon_readings_add(first, MON_M_HOST_DISK_READ, 1, "a", NULL, NULL);
  mon_readings_add(first, MON_M_HOST_DISK_READ, 2, "b", NULL, NULL);
  mon_readings_add(first, MON_M_HOST_LOAD1, NAN, NULL, NULL, NULL);
  mon_source_apply(source, first, 55);
  g_assert_cmpuint(mon_board_n(board), ==, 2);
  mon_readings_add(second, MON_M_HOST_DISK_READ, 3, "b", NULL, NULL);
  mon_source_apply(source, second, 55);
  g_assert_cmpuint(mon_board_n(board), ==, 1);
  MonSeries *series = mon_board_find(board, name, b);
  g_assert_cmpfloat(mon_series_value(series), ==, 3);
  g_assert_cmpint(mon_series_created(series), ==, 55);
  mon_source_free(source);
  g_assert_cmpuint(mon_board_n(board), ==, 0);
}

/* By the numbers of io.stat; what is made of files has no name there, and a line that is none is
 * left out. */
static void test_disks(void) {
  static const struct {
    guint major, minor;
    const char *want;
  } rows[] = {{8, 0, "sda"}, {8, 1, "sda1"}, {259, 0, "nvme0n1"},
              {7, 0, ""},    {1, 0, ""},     {9, 9, NULL}};
  Tree tree;
  g_autoptr(MonReadings) got = mon_readings_new();

  tree_init(&tree);
  tree_write(&tree, "diskstats",
             "   8       0 sda 10 0\n   8 1 sda1 1\n 259 0 nvme0n1 0 0 0\n 7 0 loop0 1\n"
             " 1 0 ram0 1\nnonsense\n 9 x md0 1\n");
  g_autoptr(GHashTable) disks = mon_host_disks(tree.fd, got);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    gint64 number = (gint64)rows[i].major << 32 | rows[i].minor;
    g_assert_cmpstr(g_hash_table_lookup(disks, &number), ==, rows[i].want);
  }
  tree_remove(&tree, "diskstats");
  g_autoptr(GHashTable) none = mon_host_disks(tree.fd, got);
  g_assert_cmpuint(g_hash_table_size(none), ==, 0);
  tree_clear(&tree);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/host/files", test_files);
  g_test_add_func("/host/filesystems", test_filesystems);
  g_test_add_func("/host/disks", test_disks);
  g_test_add_func("/host/here", test_here);
  g_test_add_func("/host/source", test_source);
  return g_test_run();
}

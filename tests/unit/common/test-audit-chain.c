/* test-audit-chain.c: a chain that was written is good; every change of one is found. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/audit-chain.h"

#include <string.h>

#define N 5

typedef struct {
  guint64 n;
  gint64 time;
  char what[16];
  guint8 hash[WG_AUDIT_HASH_SIZE];
} Entry;

static void make(Entry *entries) {
  const guint8 none[WG_AUDIT_HASH_SIZE] = {0};

  for (guint i = 0; i < N; i++) {
    entries[i] = (Entry){.n = i + 1, .time = 1000 + i};
    g_snprintf(entries[i].what, sizeof entries[i].what, "{\"n\": %u}", i);
    wg_audit_hash(i > 0 ? entries[i - 1].hash : none, entries[i].n, entries[i].time,
                  entries[i].what, entries[i].hash);
  }
}

/* How many entries are good. */
static guint64 walk(const Entry *entries, guint n) {
  WgAuditChain chain = {0};

  for (guint i = 0; i < n; i++) {
    g_autofree char *problem = NULL;
    if (!wg_audit_chain_take(&chain, entries[i].n, entries[i].time, entries[i].what,
                             entries[i].hash, WG_AUDIT_HASH_SIZE, &problem)) {
      g_assert_nonnull(problem);
      break;
    }
  }
  return chain.n;
}

static void test_good(void) {
  Entry e[N];

  make(e);
  g_assert_cmpuint(walk(e, N), ==, N);
}

static void test_changes(void) {
  Entry e[N];

  make(e);
  e[2].what[1] ^= 1;
  g_assert_cmpuint(walk(e, N), ==, 2);
  make(e);
  e[3].time++;
  g_assert_cmpuint(walk(e, N), ==, 3);
  make(e);
  e[4].hash[31] ^= 1;
  g_assert_cmpuint(walk(e, N), ==, 4);
  make(e);
  memmove(&e[1], &e[2], sizeof e[0] * 3); /* one is gone */
  g_assert_cmpuint(walk(e, N - 1), ==, 1);
  make(e);
  Entry swapped = e[1];
  e[1] = e[2];
  e[2] = swapped;
  g_assert_cmpuint(walk(e, N), ==, 1);
  make(e); /* changed, and its own hash made anew: the next one tells */
  strcpy(e[1].what, "{}");
  wg_audit_hash(e[0].hash, e[1].n, e[1].time, e[1].what, e[1].hash);
  g_assert_cmpuint(walk(e, N), ==, 2);
}

static void test_short_hash(void) {
  WgAuditChain chain = {0};
  g_autofree char *problem = NULL;
  Entry e[N];

  make(e);
  g_assert_false(wg_audit_chain_take(&chain, 1, e[0].time, e[0].what, e[0].hash, 31, &problem));
  g_assert_nonnull(strstr(problem, "entry 1 was changed"));
}

static void test_lines(void) {
  static const char *const wrong[] = {"", "1", "1 2 3", "1 2 xx {}", "0 1 2 3", "-1 1 2 3"};
  WgAuditChain chain = {0};
  Entry e[N];

  make(e);
  for (guint i = 0; i < N; i++) {
    g_autofree char *problem = NULL;
    g_autofree char *line = wg_audit_line(e[i].n, e[i].time, e[i].what, e[i].hash);
    g_assert_true(wg_audit_chain_take_line(&chain, line, &problem));
  }
  g_assert_cmpuint(chain.n, ==, N);
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autofree char *problem = NULL;
    g_assert_false(wg_audit_chain_take_line(&chain, wrong[i], &problem));
    g_assert_nonnull(strstr(problem, "after entry 5"));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/audit-chain/good", test_good);
  g_test_add_func("/audit-chain/changes", test_changes);
  g_test_add_func("/audit-chain/short-hash", test_short_hash);
  g_test_add_func("/audit-chain/lines", test_lines);
  return g_test_run();
}

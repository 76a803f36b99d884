/* cpu.c: see cpu.h. */
#include "cpu.h"

#include <string.h>
#include <time.h>

static char *read_file(const char *dir, const char *task, const char *file) {
  g_autofree char *path = g_build_filename(dir, task, file, NULL);
  char *text = NULL;

  g_file_get_contents(path, &text, NULL, NULL);
  return text;
}

GHashTable *cpu_by_thread(pid_t pid) {
  GHashTable *threads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *task;

  while (dir && (task = g_dir_read_name(dir)) != NULL) {
    g_autofree char *name = read_file(path, task, "comm");
    g_autofree char *stat = read_file(path, task, "schedstat");
    if (name == NULL || stat == NULL)
      continue;
    g_strchomp(name);
    const gint64 *old = g_hash_table_lookup(threads, name);
    gint64 *sum = g_new(gint64, 1);
    *sum = g_ascii_strtoll(stat, NULL, 10) + (old ? *old : 0);
    g_hash_table_replace(threads, g_strdup(name), sum);
  }
  return threads;
}

char *cpu_describe(GHashTable *before, GHashTable *after, guint64 n) {
  g_autoptr(GString) text = g_string_new(NULL);
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init(&iter, after);
  while (g_hash_table_iter_next(&iter, &name, &value)) {
    const gint64 *old = g_hash_table_lookup(before, name);
    double spent = *(gint64 *)value - (old ? *old : 0);
    g_string_append_printf(text, "%s%s %.2f us", text->len ? ", " : "", (char *)name,
                           spent / 1000 / MAX(n, 1));
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

gint64 cpu_total(GHashTable *threads) {
  GHashTableIter iter;
  gpointer value;
  gint64 sum = 0;

  g_hash_table_iter_init(&iter, threads);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    sum += *(gint64 *)value;
  return sum;
}

gint64 cpu_own(void) {
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * G_GINT64_CONSTANT(1000000000) + t.tv_nsec;
}

gint64 memory_kib(pid_t pid, const char *file, const char *key) {
  g_autofree char *dir = g_strdup_printf("/proc/%d", (int)pid);
  g_autofree char *text = read_file(dir, file, NULL);
  g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

  for (char **line = lines; *line; line++)
    if (g_str_has_prefix(*line, key))
      return g_ascii_strtoll(*line + strlen(key), NULL, 10);
  return -1;
}

/* test-client-table.c: tables on a terminal (a pty of our own) and in a pipe. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const CliColumn columns[] = {
    {"NUMBER", TRUE}, {"NAME", FALSE, 1}, {"TEXT", FALSE, 3}, {NULL}};

static CliTable *example(void) {
  CliTable *table = cli_table_new(columns);

  cli_table_add(table, "1", CLI_STYLE_NONE);
  cli_table_add(table, "short", CLI_STYLE_BAD);
  cli_table_add(table, "日本語テキスト日本語テキスト日本語テキスト", CLI_STYLE_NONE);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%d", 1234);
  cli_table_add(table, "a-name-that-is-rather-long-for-a-column", CLI_STYLE_NONE);
  cli_table_add(table, "two\nlines\033[31m", CLI_STYLE_NONE);
  cli_table_add(table, "3", CLI_STYLE_NONE);
  cli_table_add(table, NULL, CLI_STYLE_NONE);
  cli_table_add(table, "", CLI_STYLE_NONE);
  return table;
}

/* What cli_table_print() writes while `fd` (taken) is stdout; `from`: where to read it. */
static char *printed(int fd, int from, gboolean no_legend) {
  g_autoptr(CliTable) table = example();
  Cli cli = {.no_legend = no_legend};
  char buffer[8192];
  int saved = dup(STDOUT_FILENO);

  fflush(stdout);
  g_assert_cmpint(dup2(fd, STDOUT_FILENO), >=, 0);
  cli_table_print(table, &cli);
  fflush(stdout);
  g_assert_cmpint(dup2(saved, STDOUT_FILENO), >=, 0);
  close(saved);
  close(fd); /* the last of the writer's */
  ssize_t n = 0, some;
  do { /* a terminal gives it in pieces */
    some = read(from, buffer + n, sizeof buffer - (gsize)n);
    n += MAX(some, 0);
  } while (some > 0);
  close(from);
  g_assert_cmpint(n, >, 0);
  return g_strndup(buffer, (gsize)n);
}

static char *on_terminal(guint width) {
  g_autofree char *text = g_strdup_printf("%u", width);
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

  g_assert_cmpint(master, >=, 0);
  g_assert_cmpint(grantpt(master), ==, 0);
  g_assert_cmpint(unlockpt(master), ==, 0);
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint(slave, >=, 0);
  g_setenv("COLUMNS", text, TRUE);
  return printed(slave, master, FALSE);
}

/* Whatever the width, no line is wider, as long as the columns that are never cut have room. */
static void test_fits(void) {
  g_setenv("SYSTEMD_COLORS", "0", TRUE);
  for (guint width = 24; width < 110; width++) {
    g_autofree char *text = on_terminal(width);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 5); /* heading, three rows, the end */
    for (guint i = 0; lines[i]; i++)
      g_assert_cmpuint(cli_text_width(lines[i]), <=, width);
    g_assert_true(g_str_has_prefix(lines[1], "     1 short"));
  }
}

static void test_colours(void) {
  g_setenv("SYSTEMD_COLORS", "1", TRUE);
  g_autofree char *text = on_terminal(80);

  g_assert_nonnull(strstr(text, "\033[1;31mshort\033[0m"));
  g_assert_nonnull(strstr(text, "two lines [31m")); /* the message's own sequence is harmless */
}

static void test_pipe(void) {
  int fds[2];

  g_unsetenv("SYSTEMD_COLORS");
  g_setenv("COLUMNS", "10", TRUE);
  g_assert_cmpint(pipe(fds), ==, 0);
  g_autofree char *text = printed(fds[1], fds[0], TRUE);
  g_assert_cmpstr(
      text, ==,
      "   1 short                                   日本語テキスト日本語テキスト日本語テキスト\n"
      "1234 a-name-that-is-rather-long-for-a-column two lines [31m\n"
      "   3 -                                       -\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/client/table/fits", test_fits);
  g_test_add_func("/client/table/colours", test_colours);
  g_test_add_func("/client/table/pipe", test_pipe);
  return g_test_run();
}

/* run-hand.c: a command in letters that nobody reads anything into.
 *
 * systemd writes a transient unit into a file and reads that again at each daemon-reload, whoever
 * asks for it. Version 252 does not read back what it wrote: "$" becomes "\$", which it does not
 * know. When the reload comes before the start, another command would be run than the one that was
 * asked for. So a command with anything but plain characters is started by this program itself: its
 * arguments are the command's in hexadecimal digits, and it becomes the command. */
#include "common/run-private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODE "--run-command"
#define EXEC_FAILED 203 /* as systemd says it */

static char *own; /* this program; NULL: it has no such mode */

static char *encode(const char *text) {
  GString *digits = g_string_new("x"); /* an empty argument is one, too */

  for (const char *p = text; *p != 0; p++)
    g_string_append_printf(digits, "%02x", (guint8)*p);
  return g_string_free(digits, FALSE);
}

/* NULL: it was not made by encode(). */
static char *decode(const char *digits) {
  gsize n = strlen(digits);

  if (*digits != 'x' || n % 2 == 0)
    return NULL;
  g_autofree char *text = g_new0(char, n / 2 + 1);
  for (gsize i = 0; i < n / 2; i++) {
    int high = g_ascii_xdigit_value(digits[1 + 2 * i]),
        low = g_ascii_xdigit_value(digits[2 + 2 * i]);
    if (high < 0 || low < 0 || high + low == 0)
      return NULL;
    text[i] = (char)(high << 4 | low);
  }
  return g_steal_pointer(&text);
}

G_NORETURN static void become(char **digits) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();

  for (; *digits != NULL; digits++) {
    g_ptr_array_add(argv, decode(*digits));
    if (argv->pdata[argv->len - 1] == NULL)
      _exit(EXEC_FAILED);
  }
  g_ptr_array_add(argv, NULL);
  execv(argv->pdata[0], (char **)argv->pdata + 1);
  fprintf(stderr, "%s cannot be started: %m\n", (const char *)argv->pdata[0]);
  _exit(EXEC_FAILED);
}

void wg_run_hand(int argc, char **argv) {
  if (argc > 3 && strcmp(argv[1], MODE) == 0)
    become(argv + 2);
  g_free(own);
  own = g_file_read_link("/proc/self/exe", NULL);
}

static gboolean is_plain(const char *text) {
  const char *p = text;

  while (g_ascii_isalnum(*p) || (*p != 0 && strchr(" _-./:=,+@", *p) != NULL))
    p++;
  return *text != 0 && *p == 0;
}

char **wg_run_hand_argv(const WgRun *run) {
  gboolean plain = is_plain(run->program);

  for (guint i = 0; run->argv[i] != NULL; i++)
    plain = plain && is_plain(run->argv[i]);
  if (plain || own == NULL)
    return NULL;
  GPtrArray *argv = g_ptr_array_new();
  g_ptr_array_add(argv, g_strdup(own));
  g_ptr_array_add(argv, g_strdup(MODE));
  g_ptr_array_add(argv, encode(run->program));
  for (guint i = 0; run->argv[i] != NULL; i++)
    g_ptr_array_add(argv, encode(run->argv[i]));
  g_ptr_array_add(argv, NULL);
  return (char **)g_ptr_array_free(argv, FALSE);
}

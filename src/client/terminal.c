/* terminal.c: see terminal.h. Text that others wrote must never reach a terminal unfiltered: an
 * escape sequence in a message could retitle windows or fake output. */
#include "client/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int kept_terminal = -1;

gboolean cli_is_terminal(void) {
  if (kept_terminal >= 0)
    return kept_terminal;
  return isatty(STDOUT_FILENO);
}

void cli_terminal_keep(void) {
  kept_terminal = isatty(STDOUT_FILENO);
}

guint cli_columns(void) {
  const char *columns = g_getenv("COLUMNS");
  struct winsize size;
  guint64 n;

  if (columns && g_ascii_string_to_unsigned(columns, 10, 1, 10000, &n, NULL))
    return (guint)n;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  /* behind the pager stdout is a pipe, but stderr usually still is the terminal */
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

static gboolean want_colour(void) {
  const char *systemd = g_getenv("SYSTEMD_COLORS"), *no = g_getenv("NO_COLOR");

  if (systemd && *systemd)
    return !g_str_equal(systemd, "0") && g_ascii_strcasecmp(systemd, "no") != 0 &&
           g_ascii_strcasecmp(systemd, "false") != 0 && g_ascii_strcasecmp(systemd, "off") != 0;
  if (no && *no)
    return FALSE;
  return cli_is_terminal() && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

const char *cli_style(CliStyle style) {
  static const char *const sequences[] = {
      [CLI_STYLE_NONE] = "",
      [CLI_STYLE_BOLD] = "\033[1m",
      [CLI_STYLE_DIM] = "\033[2m",
      [CLI_STYLE_GOOD] = "\033[32m",
      [CLI_STYLE_WARNING] = "\033[33m",
      [CLI_STYLE_BAD] = "\033[1;31m",
  };
  return want_colour() ? sequences[style] : "";
}

const char *cli_style_end(CliStyle style) {
  return style != CLI_STYLE_NONE && want_colour() ? "\033[0m" : "";
}

CliStyle cli_state_style(const char *state) {
  static const struct {
    const char *state;
    CliStyle style;
  } styles[] = {
      {"acked", CLI_STYLE_GOOD},    {"replied", CLI_STYLE_GOOD},
      {"leased", CLI_STYLE_BOLD},   {"dead", CLI_STYLE_BAD},
      {"expired", CLI_STYLE_BAD},   {"canceled", CLI_STYLE_DIM},
      {"held", CLI_STYLE_WARNING},  {"nacked", CLI_STYLE_WARNING},
      {"scheduled", CLI_STYLE_DIM}, {"attempt-failed", CLI_STYLE_WARNING},
  };

  for (guint i = 0; i < G_N_ELEMENTS(styles); i++)
    if (g_strcmp0(state, styles[i].state) == 0)
      return styles[i].style;
  return CLI_STYLE_NONE;
}

static guint char_width(gunichar c) {
  return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

guint cli_text_width(const char *text) {
  guint width = 0;

  for (const char *p = text; *p; p = g_utf8_next_char(p))
    width += char_width(g_utf8_get_char(p));
  return width;
}

/* Characters that move the cursor, change direction or are no characters at all. */
static gboolean steers(gunichar c) {
  switch (g_unichar_type(c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_SURROGATE:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
    return TRUE;
  default:
    /* embeddings, overrides and isolates of bidirectional text */
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  }
}

static char *filter(const char *text, gssize len, gboolean lines) {
  g_autofree char *valid = g_utf8_make_valid(text, len);
  GString *s = g_string_sized_new(strlen(valid));

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (lines && (c == '\n' || c == '\t'))
      g_string_append_c(s, (char)c);
    else if (lines && c == '\r' && p[1] == '\n')
      continue;
    else if (steers(c))
      g_string_append(s, lines ? "\xef\xbf\xbd" : " ");
    else
      g_string_append_unichar(s, c);
  }
  return g_string_free(s, FALSE);
}

char *cli_text_one_line(const char *text) {
  return filter(text, -1, FALSE);
}

char *cli_text_block(const char *text, gssize len) {
  return filter(text, len, TRUE);
}

char *cli_text_ellipsize(const char *text, guint width) {
  if (cli_text_width(text) <= width)
    return g_strdup(text);
  guint used = 0;
  const char *p = text;
  for (; *p; p = g_utf8_next_char(p)) {
    guint w = char_width(g_utf8_get_char(p));
    if (used + w + 1 > width)
      break;
    used += w;
  }
  return g_strdup_printf("%.*s%s", (int)(p - text), text, width ? "…" : "");
}

/* terminal.h: what stdout is, and text that is safe and fits there. */
#pragma once

#include <glib.h>

typedef enum {
  CLI_STYLE_NONE,
  CLI_STYLE_BOLD,
  CLI_STYLE_DIM,
  CLI_STYLE_GOOD,    /* green */
  CLI_STYLE_WARNING, /* yellow */
  CLI_STYLE_BAD,     /* red */
} CliStyle;

/* Whether stdout is (or, behind our pager, was) a terminal. */
gboolean cli_is_terminal(void);
/* Remembers that stdout is about to be given to the pager. */
void cli_terminal_keep(void);

/* Columns: $COLUMNS, the terminal's width, else 80. */
guint cli_columns(void);

/* The escape sequence that starts or ends a style; "" where colour is not wanted
 * ($SYSTEMD_COLORS, $NO_COLOR, no terminal, TERM=dumb). Static storage. */
const char *cli_style(CliStyle style);
const char *cli_style_end(CliStyle style);

/* The style that fits a message's state. */
CliStyle cli_state_style(const char *state);

/* Columns that `text` takes. */
guint cli_text_width(const char *text);

/* `text` without anything that could steer a terminal: control characters become spaces (newlines
 * too), invalid UTF-8 becomes U+FFFD. (transfer full) */
char *cli_text_one_line(const char *text);

/* The same for text of several lines: newlines and tabs stay. `len` < 0: up to the NUL.
 * (transfer full) */
char *cli_text_block(const char *text, gssize len);

/* Cut to `width` columns with "…" at the end if it is wider. (transfer full) */
char *cli_text_ellipsize(const char *text, guint width);

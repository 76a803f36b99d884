/* fields.c: see fields.h. */
#include "client/fields.h"

#include "client/times.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS 14

void cli_field_styled(const char *name, const char *value, CliStyle style) {
  if (!value || !*value)
    return;
  g_autofree char *safe = cli_text_one_line(value);
  printf("%*s: %s%s%s\n", NAME_COLUMNS, name, cli_style(style), safe, cli_style_end(style));
}

void cli_field(const char *name, const char *value) {
  cli_field_styled(name, value, CLI_STYLE_NONE);
}

void cli_field_printf(const char *name, const char *format, ...) {
  va_list list;

  va_start(list, format);
  g_autofree char *value = g_strdup_vprintf(format, list);
  va_end(list);
  cli_field(name, value);
}

void cli_field_time(const char *name, guint64 usec) {
  if (usec == 0)
    return;
  g_autofree char *full = cli_time_full(usec);
  g_autofree char *relative = cli_time_relative(usec, (guint64)g_get_real_time());
  /* from some weeks on the relative form is a date too */
  if (g_ascii_isdigit(*relative) && strchr(relative, '-'))
    cli_field(name, full);
  else
    cli_field_printf(name, "%s; %s", full, relative);
}

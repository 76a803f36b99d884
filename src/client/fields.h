/* fields.h: "Name: value" lines, right-aligned like systemctl show's elder brother, status. */
#pragma once

#include "client/terminal.h"

#include <glib.h>

/* Each prints one line; a NULL or empty value prints nothing. Values are made safe for the
 * terminal. */
void cli_field(const char *name, const char *value);
void cli_field_styled(const char *name, const char *value, CliStyle style);
void cli_field_printf(const char *name, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "2026-11-21 10:41:37 CET; 3s ago"; nothing for 0. */
void cli_field_time(const char *name, guint64 usec);

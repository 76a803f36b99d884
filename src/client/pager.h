/* pager.h: long output through less, as systemctl does. */
#pragma once

#include "client/cli.h"

/* Starts the pager where stdout is a terminal and neither --no-pager, JSON mode nor the environment
 * ($SYSTEMD_PAGER, $PAGER empty or "cat") forbids it. From here on stdout goes to it. */
void cli_pager_open(const Cli *cli);

/* Whether a pager takes the output; then an early end of it is no failure. */
gboolean cli_pager_is_open(void);

/* Flushes, closes stdout and waits for the pager to end; does nothing without one. */
void cli_pager_close(void);

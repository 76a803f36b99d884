/* body.h: message bodies: from the command line, a file or stdin, and as sealed memory. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

/* What the words from `first` on, "-" or --file say; refuses to guess when there is nothing.
 * `args` must know the option "file". (transfer full) */
GBytes *cli_body_read(const CliArgs *args, guint first, GError **error);

/* Puts a body into a call: up to 256 KiB it is the returned `ay` (floating), larger ones go into a
 * sealed memfd, "body-fd" of `options`; that descriptor is closed with cli->fds. */
GVariant *cli_body_attach(Cli *cli, GBytes *body, GVariantDict *options, GError **error);

/* The body that came with `fields`: inline, or out of its "body-fd", which is closed by that.
 * (transfer full) */
GBytes *cli_body_of(Cli *cli, GVariant *fields, GVariant *inline_body, GError **error);

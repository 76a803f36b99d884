/* config-private.h: what the files of config share: config.c judges keys and values,
 * config-files.c finds and reads files, config-parse.c parses single values. */
#pragma once

#include "common/config.h"

/* "64K", "5s"...: one value of `type` other than STRING and USEC_LIST. */
gboolean wg_config_parse_number(WgConfigType type, const char *text, guint64 *ret, GError **error);

/* file-content.h: what a regular file contains: digests, text, structured text. Blocks. */
#pragma once

#include "checks/check.h"

#include <sys/stat.h>

/* Observes those of the content's keys that are wanted of look->subject, whose state is `st`. FALSE
 * with a sentence when one of them cannot be: too large, unreadable, no JSON. */
gboolean chk_file_content(const ChkLook *look, const struct stat *st, JsonObject *values,
                          GError **error);

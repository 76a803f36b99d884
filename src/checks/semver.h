/* semver.h: versions (semver.org 2.0.0, tolerant of "v1" and "1.2") and ranges of them.
 *
 * A range is alternatives ("||") of comparators that must all hold (blank or comma between):
 * =, !=, <, <=, >, >=, ^1.2 (same left-most number that is not 0), ~1.2 (same minor), 1.x, 1.2.*,
 * and "1.2 - 2". Pre-releases are ordered, never left out; build metadata says nothing. Pure. */
#pragma once

#include <glib.h>

typedef struct ChkRange ChkRange;

ChkRange *chk_range_new(const char *text, GError **error);
void chk_range_free(ChkRange *range);
/* FALSE with `error` when `version` is no version. */
gboolean chk_range_holds(const ChkRange *range, const char *version, gboolean *ret_holds,
                         GError **error);
/* <0, 0, >0; FALSE when one of them is no version. */
gboolean chk_version_compare(const char *a, const char *b, int *ret);

/* conninfo.h: where a PostgreSQL server is, as libpq takes it: postgresql://USER@HOST:PORT/DATABASE
 * or "host=... dbname=...". Judged without libpq, for who reads checks and never looks. Pure. */
#pragma once

#include <glib.h>

/* Keywords of libpq, NULL-terminated; a test compares them with libpq's own. */
extern const char *const chk_conninfo_keywords[];

/* Refuses what libpq could not read, a port that is none, and a password. */
gboolean chk_conninfo_is_good(const char *text, GError **error);

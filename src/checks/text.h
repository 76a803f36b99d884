/* text.h: values as a person reads them. Pure. Every text is freed with g_free(). */
#pragma once

#include "checks/check.h"

/* "312ms", "1.5s", "2min": at most four digits, never rounded to nothing. */
char *chk_usec_text(guint64 usec);
/* "16M", "1.5K", "312B" */
char *chk_bytes_text(guint64 bytes);
/* A value of `kind`, cut at `max` bytes (0: not); NULL and JSON null are "(absent)". Texts are in
 * quotation marks, control characters escaped. */
char *chk_value_text(JsonNode *value, ChkKind kind, gsize max);
const char *chk_kind_name(ChkKind kind);          /* "text", "time", ... */
const char *chk_verdict_name(ChkVerdict verdict); /* "pass" ... */
/* RFC 3339, UTC, microseconds. */
char *chk_time_text(gint64 realtime_usec);

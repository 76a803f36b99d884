/* trace-context.h: W3C Trace Context, level 1: the one line `traceparent` by which work is told in
 * whose trace it is done.
 *
 * VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal, neither id all zeros; of a version to come
 * what stands behind that may be anything. What was given is checked and never repaired; what is
 * handed on has version 00, a span id of its own, and of the flags the one that level 1 knows
 * (sampled). Ids are random, from the kernel. `tracestate` is not taken: nothing here would write
 * it. */
#pragma once

#include "common/names.h"

#include <glib.h>

gboolean wg_traceparent_ok(const char *text);
/* INVALID_ARGUMENT unless it is one, or NULL: for the option `traceparent` of a call. */
gboolean wg_traceparent_check(const char *text, GError **error);
/* A span of our own: in the trace of `parent`, which is checked; NULL: the first of a new trace,
 * and sampled, since we do write it down. Free with g_free(). */
char *wg_traceparent_child(const char *parent);

/* The same span, as it is handed on by whoever adds none: of bounded length. NULL: there is none.
 * Free with g_free(). */
char *wg_traceparent_same(const char *traceparent);

/* As text, each with its NUL; both empty: there is none. */
typedef struct {
  char trace[32 + 1], span[16 + 1];
} WgTraceIds;
/* NULL and what is no traceparent have none. */
WgTraceIds wg_trace_ids(const char *traceparent);
/* The last of WG_FIELDS(): TRACE_ID and SPAN_ID of a WgTraceIds, or nothing. */
#define WG_TRACE_FIELDS(ids)                                                                       \
  (ids).trace[0] != '\0' ? WG_FIELD_TRACE_ID : NULL, (ids).trace, WG_FIELD_SPAN_ID, (ids).span

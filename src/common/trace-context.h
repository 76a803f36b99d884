/* trace-context.h: the form of a traceparent (W3C Trace Context, level 1). */
#pragma once

#include <glib.h>

/* VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal, neither id all zeros; of a version to come
 * what stands behind that may be anything. */
gboolean wg_traceparent_ok(const char *text);

/* trace-context.c: see trace-context.h. */
#include "common/trace-context.h"

#include "common/error.h"

#include <string.h>
#include <sys/random.h>

#define LENGTH 55 /* 2 + 1 + 32 + 1 + 16 + 1 + 2 */
#define TRACE_AT 3
#define TRACE_DIGITS 32
#define SPAN_AT 36
#define SPAN_DIGITS 16
#define FLAGS_AT 53
#define SAMPLED 1

G_STATIC_ASSERT(sizeof((WgTraceIds){0}.trace) == TRACE_DIGITS + 1);
G_STATIC_ASSERT(sizeof((WgTraceIds){0}.span) == SPAN_DIGITS + 1);

static gboolean is_hex(const char *p, guint n) {
  for (guint i = 0; i < n; i++)
    if (!g_ascii_isdigit(p[i]) && !(p[i] >= 'a' && p[i] <= 'f'))
      return FALSE;
  return TRUE;
}

/* An id of all zeros stands for none. */
static gboolean is_id(const char *p, guint n) {
  return is_hex(p, n) && strspn(p, "0") < n;
}

gboolean wg_traceparent_ok(const char *text) {
  gsize n = strlen(text);

  if (n < LENGTH || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return FALSE;
  if (!is_hex(text, 2) || g_str_has_prefix(text, "ff") || !is_id(text + TRACE_AT, TRACE_DIGITS) ||
      !is_id(text + SPAN_AT, SPAN_DIGITS) || !is_hex(text + FLAGS_AT, 2))
    return FALSE;
  return n == LENGTH || (!g_str_has_prefix(text, "00") && text[LENGTH] == '-');
}

gboolean wg_traceparent_check(const char *text, GError **error) {
  if (text == NULL || wg_traceparent_ok(text))
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                      "option 'traceparent' is no W3C trace context: it is "
                      "VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal, like 00-4bf92f3"
                      "577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  return FALSE;
}

/* `n` digits of chance and a NUL. Sixteen bytes come whole and are never waited for once the system
 * has started. */
static void make_id(char *ret, guint n) {
  guint8 bytes[TRACE_DIGITS / 2];

  do {
    if (getrandom(bytes, n / 2, 0) != (ssize_t)(n / 2))
      g_error("the kernel has no random bytes");
    for (guint i = 0; i < n / 2; i++)
      g_snprintf(ret + (gsize)2 * i, 3, "%02x", bytes[i]);
  } while (!is_id(ret, n));
}

static char *text_of(const WgTraceIds *ids, int flags) {
  return g_strdup_printf("00-%s-%s-%02x", ids->trace, ids->span, (guint)flags);
}

/* Of one that is right. */
static int flags_of(const char *traceparent) {
  return g_ascii_xdigit_value(traceparent[FLAGS_AT + 1]) & SAMPLED;
}

char *wg_traceparent_child(const char *parent) {
  WgTraceIds ids = wg_trace_ids(parent);
  gboolean is_new = ids.trace[0] == '\0';

  if (is_new)
    make_id(ids.trace, TRACE_DIGITS);
  make_id(ids.span, SPAN_DIGITS);
  return text_of(&ids, is_new ? SAMPLED : flags_of(parent));
}

char *wg_traceparent_same(const char *traceparent) {
  WgTraceIds ids = wg_trace_ids(traceparent);

  return ids.trace[0] != '\0' ? text_of(&ids, flags_of(traceparent)) : NULL;
}

WgTraceIds wg_trace_ids(const char *traceparent) {
  WgTraceIds ids = {0};

  if (traceparent != NULL && wg_traceparent_ok(traceparent)) {
    memcpy(ids.trace, traceparent + TRACE_AT, TRACE_DIGITS);
    memcpy(ids.span, traceparent + SPAN_AT, SPAN_DIGITS);
  }
  return ids;
}

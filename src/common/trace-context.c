/* trace-context.c: see trace-context.h. */
#include "common/trace-context.h"

#include <string.h>

#define LENGTH 55 /* 2 + 1 + 32 + 1 + 16 + 1 + 2 */

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
  if (!is_hex(text, 2) || g_str_has_prefix(text, "ff") || !is_id(text + 3, 32) ||
      !is_id(text + 36, 16) || !is_hex(text + 53, 2))
    return FALSE;
  return n == LENGTH || (!g_str_has_prefix(text, "00") && text[LENGTH] == '-');
}

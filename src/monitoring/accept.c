/* accept.c: what a scraper asks for by its headers, see exposition.h. RFC 9110, as far as two
 * answers need it: the type with the greater weight; the older format where both weigh the same
 * and neither is named, since anything can read it. */
#include "monitoring/exposition.h"

#include <string.h>

/* The weight in the parameters of an element, 1 without. */
static double weight_of(char *const *params) {
  for (guint i = 1; params[i]; i++) {
    const char *param = g_strstrip(params[i]);
    if (g_str_has_prefix(param, "q="))
      return CLAMP(g_ascii_strtod(param + 2, NULL), 0, 1);
  }
  return 1;
}

gboolean mon_accepts_openmetrics(const char *accept) {
  g_auto(GStrv) elements = g_strsplit(accept ? accept : "", ",", 64);
  double openmetrics = 0, text = 0;

  for (guint i = 0; elements[i]; i++) {
    g_auto(GStrv) params = g_strsplit(elements[i], ";", 16);
    if (!params[0])
      continue;
    const char *type = g_strstrip(params[0]);
    double weight = weight_of(params);
    if (g_ascii_strcasecmp(type, "application/openmetrics-text") == 0)
      openmetrics = MAX(openmetrics, weight);
    else if (g_ascii_strcasecmp(type, "text/plain") == 0)
      text = MAX(text, weight);
  }
  return openmetrics > 0 && openmetrics >= text;
}

gboolean mon_accepts_gzip(const char *accept_encoding) {
  g_auto(GStrv) elements = g_strsplit(accept_encoding ? accept_encoding : "", ",", 64);

  for (guint i = 0; elements[i]; i++) {
    g_auto(GStrv) params = g_strsplit(elements[i], ";", 16);
    if (params[0] && g_ascii_strcasecmp(g_strstrip(params[0]), "gzip") == 0)
      return weight_of(params) > 0;
  }
  return FALSE;
}

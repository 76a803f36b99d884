/* humanize.c: numbers for people, as Prometheus' templates write them. */
#include "monitoring/template.h"

#include <math.h>

static char *plain(double value) {
  if (isnan(value))
    return g_strdup("NaN");
  if (isinf(value))
    return g_strdup(value > 0 ? "+Inf" : "-Inf");
  return g_strdup_printf("%.4g", value);
}

char *mon_humanize(double value) {
  static const char *const large[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  static const char *const small[] = {"", "m", "u", "n", "p", "f", "a", "z", "y"};
  guint i = 0;

  if (value == 0 || !isfinite(value))
    return plain(value);
  if (fabs(value) >= 1) {
    for (; fabs(value) >= 1000 && i + 1 < G_N_ELEMENTS(large); i++)
      value /= 1000;
    return g_strdup_printf("%.4g%s", value, large[i]);
  }
  for (; fabs(value) < 1 && i + 1 < G_N_ELEMENTS(small); i++)
    value *= 1000;
  return g_strdup_printf("%.4g%s", value, small[i]);
}

char *mon_humanize_1024(double value) {
  static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
  guint i = 0;

  if (fabs(value) <= 1 || !isfinite(value))
    return plain(value);
  for (; fabs(value) >= 1024 && i + 1 < G_N_ELEMENTS(units); i++)
    value /= 1024;
  return g_strdup_printf("%.4g%s", value, units[i]);
}

char *mon_humanize_span(double seconds) {
  const char *sign = seconds < 0 ? "-" : "";

  if (!isfinite(seconds) || fabs(seconds) > 1e15)
    return plain(seconds);
  if (seconds == 0)
    return g_strdup("0s");
  if (fabs(seconds) < 1) {
    g_autofree char *small = mon_humanize(seconds);
    return g_strconcat(small, "s", NULL);
  }
  seconds = fabs(seconds);
  gint64 whole = (gint64)seconds;
  gint64 days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  double rest = fmod(seconds, 60);
  if (days > 0)
    return g_strdup_printf("%s%dd %dh %dm %ds", sign, (int)days, (int)hours, (int)minutes,
                           (int)rest);
  if (hours > 0)
    return g_strdup_printf("%s%dh %dm %ds", sign, (int)hours, (int)minutes, (int)rest);
  if (minutes > 0)
    return g_strdup_printf("%s%dm %ds", sign, (int)minutes, (int)rest);
  return g_strdup_printf("%s%.4gs", sign, rest);
}

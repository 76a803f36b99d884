/* perfdata.h: what a monitoring plugin writes: its text and its performance data, after the
 * Monitoring Plugins Development Guidelines. Pure; for any bytes.
 *
 *   TEXT | 'label'=value[UOM];[warn];[crit];[min];[max] label=value ...
 *   LONG TEXT, lines of it | more performance data
 *   still more of it, to the end */
#pragma once

#include <glib.h>

/* [@][start:]end. A value outside alerts; with '@' one inside. "~" is minus infinity, an end that
 * is left out plus infinity, a start that is left out 0. */
typedef struct {
  gboolean set, inside;
  double start, end;
} ChkRange;

typedef struct {
  char *label, *uom;
  gboolean unknown; /* "U": could not be measured; value is 0 then */
  double value;
  ChkRange warn, critical;
  char *warn_text, *critical_text; /* as written; NULL: not there */
  gboolean has_min, has_max;
  double min, max;
} ChkPerf;

typedef struct {
  char *text;      /* the first line, without its data */
  char *long_text; /* the lines after it; "" when there are none */
  GPtrArray *perf; /* (element-type ChkPerf) */
  guint bad;       /* parts of the data that cannot be read */
  char *first_bad; /* the first of them, or NULL */
} ChkPlugin;

gboolean chk_range_parse(const char *text, ChkRange *ret);
gboolean chk_range_alerts(const ChkRange *range, double value);
/* `output` is UTF-8. Free with chk_plugin_free(). */
ChkPlugin *chk_plugin_parse(const char *output);
void chk_plugin_free(ChkPlugin *plugin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkPlugin, chk_plugin_free)

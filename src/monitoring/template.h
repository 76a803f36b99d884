/* template.h: the texts of rules with {{ }} in them, as Prometheus' rules write them.
 *
 * {{ $labels.NAME }}, {{ $value }} (also .Labels.NAME and .Value), texts, numbers, "|" pipes, and
 * the functions printf, humanize, humanize1024, humanizeDuration, humanizePercentage,
 * humanizeTimestamp, toUpper, toLower, title, trim. Nothing else: no files, no queries, no
 * loops. What is not there is an error when the rule is read. Pure. */
#pragma once

#include "monitoring/labels.h"

#define MON_TEMPLATE_MAX                                                                           \
  65536 /* bytes of a text that is made; the rest is cut with an ellipsis                          \
         */

/* (transfer full); NULL: WG_ERROR_INVALID_ARGUMENT. */
char *mon_template_expand(const char *text, const MonLabels *labels, double value, GError **error);
/* Whether it can be expanded at all. */
gboolean mon_template_check(const char *text, GError **error);
/* The functions, for the manual; ends with NULL. */
const char *const *mon_template_functions(void);

/* "1.5k", "1.5Ki", "1h 2m 3s", "12.5%": as the functions of these names write them.
 * Free with g_free(). */
char *mon_humanize(double value);
char *mon_humanize_1024(double value);
char *mon_humanize_span(double seconds);

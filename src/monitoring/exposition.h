/* exposition.h: the board as text: Prometheus 0.0.4 and OpenMetrics 1.0.
 *
 * Every family is one block with its HELP and TYPE, in the order of the list of metrics, whatever
 * order series came in; a histogram's lines stand together and its buckets rise. Values are the
 * board's: nothing is read here. */
#pragma once

#include "monitoring/metrics-list.h"

typedef enum {
  MON_EXPOSE_OPENMETRICS = 1 << 0,
  MON_EXPOSE_COMPAT = 1 << 1,  /* also under the names of node_exporter and systemd_exporter */
  MON_EXPOSE_CREATED = 1 << 2, /* OpenMetrics: when each counter began */
} MonExposeFlags;

#define MON_TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define MON_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Free with g_string_free(). */
GString *mon_exposition(MonBoard *board, MonExposeFlags flags);

/* A value as both formats write it: the shortest text that reads back as the same number. */
void mon_exposition_number(GString *out, double value);
/* The value of a label, or a HELP text (where '"' stays), without the quotes. */
void mon_exposition_escape(GString *out, const char *text, gboolean is_label);

/* exposition-compat.c: the blocks of other programs' names. */
void mon_exposition_compat(MonBoard *board, MonExposeFlags flags, GString *out);
/* For both files: HELP, TYPE, UNIT. `name` whole, with _total. */
void mon_exposition_head(GString *out, const char *name, const char *unit, const char *help,
                         MonMetricType type, MonExposeFlags flags);

/* accept.c: what a client asked for by Accept: TRUE: OpenMetrics. NULL: nothing was said. */
gboolean mon_accepts_openmetrics(const char *accept);
/* By Accept-Encoding: TRUE: gzip. */
gboolean mon_accepts_gzip(const char *accept_encoding);

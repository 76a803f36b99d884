/* output.h: a report in each of the formats. Every one tells final results only; attempts are
 * properties of them. Pure; texts are freed with g_free(). */
#pragma once

#include "checks/result.h"

typedef enum {
  CHK_FORMAT_HUMAN,
  CHK_FORMAT_JSON,
  CHK_FORMAT_JUNIT,
  CHK_FORMAT_TAP,
  CHK_FORMAT_NAGIOS,
  CHK_FORMAT_OPENMETRICS,
} ChkFormat;

extern const char *const chk_format_names[]; /* NULL-terminated, in the order of ChkFormat */

typedef struct {
  gboolean strict, colours;
  guint width; /* columns; 0: 80 */
  const char *const
      *journal; /* of an explanation: what the check's unit wrote last; NULL: nothing */
} ChkOutputOptions;

char *chk_output(const ChkReport *report, ChkFormat format, const ChkOutputOptions *options);
/* The status of the process: the exit contract, or a plugin's with CHK_FORMAT_NAGIOS. */
int chk_output_exit(const ChkReport *report, ChkFormat format, gboolean strict);
/* Everything that is known of one check, for people. */
char *chk_output_explain(const ChkReport *report, const char *name,
                         const ChkOutputOptions *options);

/* Of results.schema.json. */
JsonNode *chk_report_json(const ChkReport *report, gboolean strict);
JsonNode *chk_result_json(const ChkResult *result);

typedef struct {
  ChkPriority priority;
  const char *name; /* of a check or group; borrowed */
  char *text;
} ChkRecommendation;

/* What to do, critical first. (element-type ChkRecommendation) */
GPtrArray *chk_recommendations(const ChkReport *report);

/* output-*.c */
char *chk_output_human(const ChkReport *report, const ChkOutputOptions *options);
char *chk_output_junit(const ChkReport *report);
char *chk_output_tap(const ChkReport *report);
char *chk_output_nagios(const ChkReport *report);
char *chk_output_openmetrics(const ChkReport *report, gboolean strict);

/* What the formats share. */
extern const char *const chk_priority_names[];
/* "12 checks in 1.2s: 10 passed, 2 failed" */
char *chk_summary_text(const ChkReport *report);
/* "4 of 5 passed, at least 80% are needed" */
char *chk_group_text(const ChkGroupResult *group);
/* The group that answers for a result that failed; NULL: it answers for itself. */
const ChkGroup *chk_result_group(const ChkReport *report, const ChkResult *result);

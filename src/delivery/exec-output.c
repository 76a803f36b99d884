/* exec-output.c: what a command writes, into the journal line by line.
 *
 * A command may write without end: lines are cut, and after so many of them the rest is thrown
 * away, and said so once. */
#include "delivery/exec.h"

#include "common/log.h"
#include "common/trace-context.h"

#include <string.h>

#define LINE_MAX_BYTES 1024
#define LINES_MAX 500

void dlv_exec_output(DlvExecRun *run, const char *line, gboolean is_error) {
  g_autofree char *text =
      dlv_exec_line(line, (gssize)strnlen(line, LINE_MAX_BYTES), LINE_MAX_BYTES);
  g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, run->message->number);
  const char *agent = run->exec->agent;
  WgTraceIds ids = wg_trace_ids(run->message->trace);
  int level = is_error ? LOG_NOTICE : LOG_INFO;

  if (*text == '\0')
    return;
  guint n = run->n_lines[is_error]++;
  if (n < LINES_MAX)
    wg_log(level, WG_MSG_EXEC_OUTPUT,
           WG_FIELDS(WG_FIELD_AGENT, agent, WG_FIELD_MESSAGE, number, WG_TRACE_FIELDS(ids)),
           "%s #%s: %s", agent, number, text);
  else if (n == LINES_MAX)
    wg_log(level, WG_MSG_EXEC_OUTPUT,
           WG_FIELDS(WG_FIELD_AGENT, agent, WG_FIELD_MESSAGE, number, WG_TRACE_FIELDS(ids)),
           "%s #%s: what else it writes is left out", agent, number);
  if (is_error) {
    g_free(run->last_line);
    run->last_line = g_steal_pointer(&text);
  }
}

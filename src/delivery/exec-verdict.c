/* exec-verdict.c: what it means how a command ended. Pure.
 *
 * The status decides: 0 acks, 75 (EX_TEMPFAIL) gives the message back, anything else is a failure
 * of the message. A crash and a lack of memory are worse: the message may kill each of its
 * handlers. Who was asked to end (SIGTERM: systemctl stop, a shutdown) says nothing of the message.
 * What ended before the command ran is a failure of the way, not of the message. */
#include "delivery/exec.h"

#include "common/amounts.h"

#include <signal.h>
#include <string.h>
#include <sysexits.h>

#define LAST_LINE_MAX 200 /* characters of it in a cause */

char *dlv_exec_line(const char *text, gssize length, guint max) {
  g_autofree char *valid = g_utf8_make_valid(text, length);
  GString *line = g_string_new(NULL);
  guint n = 0;

  for (const char *p = valid; *p && n < max; p = g_utf8_next_char(p), n++) {
    gunichar c = g_utf8_get_char(p);
    g_string_append_unichar(line, g_unichar_isprint(c) ? c : ' ');
  }
  return g_strstrip(g_string_free(line, FALSE));
}

static char *with_last_line(char *cause, const DlvExecEnd *end) {
  g_autofree char *own = cause;
  g_autofree char *line = dlv_exec_line(end->last_line ? end->last_line : "", -1, LAST_LINE_MAX);

  return *line ? g_strdup_printf("%s: %s", own, line) : g_steal_pointer(&own);
}

static char *timeout_text(guint64 usec, const char *format) {
  g_autofree char *span = wg_span_text(usec);

  return g_strdup_printf("%s %s", format, span);
}

static char *oom_text(const DlvExec *exec) {
  if (exec->memory_max == 0)
    return g_strdup("killed for memory (OOM)");
  g_autofree char *limit = wg_size_text(exec->memory_max);
  return g_strdup_printf("killed for memory (OOM), limit %s", limit);
}

static char *signal_text(int number) {
  const char *name = sigabbrev_np(number);

  return name ? g_strdup_printf("killed by signal %d (%s)", number, name)
              : g_strdup_printf("killed by signal %d", number);
}

/* The signals of a program's own faults; the others come from outside. */
static DlvResult signal_means(int number) {
  switch (number) {
  case SIGTERM:
    return DLV_LATER;
  case SIGSEGV:
  case SIGABRT:
  case SIGBUS:
  case SIGILL:
  case SIGFPE:
  case SIGSYS:
  case SIGTRAP:
    return DLV_CRASHED;
  default:
    return DLV_REFUSED;
  }
}

DlvResult dlv_exec_verdict(const DlvExec *exec, const DlvExecEnd *end, char **ret_cause) {
  *ret_cause = NULL;
  switch (end->how) {
  case DLV_END_EXITED:
    if (end->code == EX_OK)
      return DLV_ACKED;
    *ret_cause = with_last_line(g_strdup_printf("exit status %d", end->code), end);
    return end->code == EX_TEMPFAIL ? DLV_LATER : DLV_REFUSED;
  case DLV_END_SIGNALED:
    *ret_cause = with_last_line(signal_text(end->code), end);
    return signal_means(end->code);
  case DLV_END_TIMEOUT:
    *ret_cause = with_last_line(timeout_text(exec->timeout, "ran longer than"), end);
    return DLV_REFUSED;
  case DLV_END_WATCHDOG:
    *ret_cause = timeout_text(exec->watchdog, "ended by its watchdog: no sign of life within");
    return DLV_REFUSED;
  case DLV_END_OOM:
    *ret_cause = oom_text(exec);
    return DLV_CRASHED;
  case DLV_END_NOT_STARTED:
    *ret_cause = g_strdup(end->text);
    return DLV_FAILED;
  case DLV_END_HELD:
    *ret_cause = g_strdup(end->text);
    return DLV_HELD;
  case DLV_END_LOST:
  default:
    *ret_cause = g_strdup(end->text);
    return DLV_LATER;
  }
}

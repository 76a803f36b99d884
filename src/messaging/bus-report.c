/* bus-report.c: ReportAttempt and ReportAttempts, read from the message without a GVariant between:
 * one comes for each message that a courier delivers. Texts stay in the message. */
#include "messaging/bus-call.h"

static gboolean refuse_unreadable(GError **error) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                      "the message cannot be read: it is malformed");
  return FALSE;
}

/* The order of msg_options_report. */
enum { OPTION_CAUSE, OPTION_BACKEND, OPTION_RETRY_AFTER, OPTION_STEP, OPTION_CONTINUE };

static int read_value(sd_bus_message *m, guint option, MsgReport *report) {
  int r, flag = 0;

  switch (option) {
  case OPTION_CAUSE:
    return sd_bus_message_read_basic(m, 's', &report->cause);
  case OPTION_BACKEND:
    return sd_bus_message_read_basic(m, 's', &report->backend);
  case OPTION_RETRY_AFTER:
    return sd_bus_message_read_basic(m, 't', &report->retry_after);
  case OPTION_STEP:
    report->has_step = TRUE;
    return sd_bus_message_read_basic(m, 'u', &report->step);
  default:
    r = sd_bus_message_read_basic(m, 'b', &flag);
    report->continues = flag != 0;
    return r;
  }
}

/* "tsa{sv}" */
static gboolean read_report(sd_bus_message *m, MsgReport *report, GError **error) {
  guint64 seen = 0;
  guint option;
  int r;

  if (sd_bus_message_read_basic(m, 't', &report->token) <= 0 ||
      sd_bus_message_read_basic(m, 's', &report->result) <= 0 ||
      sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return refuse_unreadable(error);
  while ((r = wg_options_next(m, msg_options_report, &seen, &option, error)) > 0)
    if (read_value(m, option, report) <= 0)
      return refuse_unreadable(error);
    else if (!wg_options_leave(m, error))
      return FALSE;
  return r == 0 && (sd_bus_message_exit_container(m) >= 0 || refuse_unreadable(error));
}

static gboolean read_many(sd_bus_message *m, GArray *into, GError **error) {
  int r;

  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(tsa{sv})") < 0)
    return refuse_unreadable(error);
  while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_STRUCT, "tsa{sv}")) > 0) {
    MsgReport report = {0};
    if (!read_report(m, &report, error)) {
      g_prefix_error(error, "report %u: ", into->len);
      return FALSE;
    }
    g_array_append_val(into, report);
    if (sd_bus_message_exit_container(m) < 0)
      return refuse_unreadable(error);
  }
  return r == 0 || refuse_unreadable(error);
}

gboolean msg_reports_read(sd_bus_message *m, MsgCallJob *job, GError **error) {
  MsgReport one = {0};

  job->reports = g_array_new(FALSE, FALSE, sizeof(MsgReport));
  if (job->kind == MSG_CALL_REPORT_ATTEMPTS)
    return read_many(m, job->reports, error);
  if (!read_report(m, &one, error))
    return FALSE;
  g_array_append_val(job->reports, one);
  return TRUE;
}

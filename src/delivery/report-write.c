/* report-write.c: reports into ReportAttempts, without a GVariant between: there is one for each
 * message that is delivered. */
#include "delivery/report.h"

static const char *result_name(DlvResult result) {
  static const char *const names[] = {
      [DLV_ANNOUNCED] = "announced",
      [DLV_HELD] = "held",
      [DLV_FAILED] = "failed",
      [DLV_PARTIAL] = "partial",
  };
  return names[result];
}

static int append_option(sd_bus_message *m, const char *key, const char *type, const void *value) {
  int r = sd_bus_message_open_container(m, 'e', "sv");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, 's', key);
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'v', type);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, type[0], value);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_options(sd_bus_message *m, const DlvNotice *n) {
  int r = sd_bus_message_open_container(m, 'a', "{sv}");

  if (r >= 0 && n->cause != NULL)
    r = append_option(m, "cause", "s", n->cause);
  if (r >= 0 && n->retry != 0)
    r = append_option(m, "retry-after", "t", &n->retry);
  if (r >= 0 && n->step >= 0)
    r = append_option(m, "step", "u", &(guint32){(guint32)n->step});
  if (r >= 0 && n->goes_on)
    r = append_option(m, "continue", "b", &(int){1});
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_report(sd_bus_message *m, const DlvNotice *n) {
  int r = sd_bus_message_open_container(m, 'r', "tsa{sv}");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, 't', &n->attempt);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, 's', result_name(n->result));
  if (r >= 0)
    r = append_options(m, n);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int dlv_reports_append(sd_bus_message *m, gconstpointer batch) {
  const GArray *reports = batch;
  int r = sd_bus_message_open_container(m, 'a', "(tsa{sv})");

  for (guint i = 0; r >= 0 && i < reports->len; i++)
    r = append_report(m, &g_array_index(reports, DlvNotice, i));
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

/* link-report.c: see report.h. */
#include "delivery/report.h"

#include "delivery/agent.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#define BATCH_MAX 4096
/* While messaged's store takes nothing: told again after so long. */
#define AGAIN_MSEC 1000

typedef struct {
  DlvAgent *agent;
  guint64 number, lease;
  char *cause;
} DlvDone;

/* Nack or Terminate of a lease. */
typedef struct {
  const char *member;
  GVariant *args;
} DlvEnd;

static void report_clear(gpointer data) {
  g_free(((DlvNotice *)data)->cause);
}

static void done_clear(gpointer data) {
  g_free(((DlvDone *)data)->cause);
}

static void end_clear(gpointer data) {
  g_variant_unref(((DlvEnd *)data)->args);
}

static GArray *reports_new(void) {
  GArray *array = g_array_new(FALSE, FALSE, sizeof(DlvNotice));

  g_array_set_clear_func(array, report_clear);
  return array;
}

static GArray *acks_new(void) {
  GArray *array = g_array_new(FALSE, FALSE, sizeof(DlvDone));

  g_array_set_clear_func(array, done_clear);
  return array;
}

void dlv_link_reports_init(DlvLink *link) {
  link->reports = reports_new();
  link->acks = acks_new();
  link->ends = g_array_new(FALSE, FALSE, sizeof(DlvEnd));
  g_array_set_clear_func(link->ends, end_clear);
}

void dlv_link_reports_clear(DlvLink *link) {
  g_clear_handle_id(&link->flush, g_source_remove);
  g_clear_pointer(&link->reports, g_array_unref);
  g_clear_pointer(&link->acks, g_array_unref);
  g_clear_pointer(&link->ends, g_array_unref);
}

static void remember_reports(GArray *reports) {
  for (guint i = 0; i < reports->len; i++) {
    const DlvNotice *r = &g_array_index(reports, DlvNotice, i);
    if (r->result == DLV_ANNOUNCED || r->result == DLV_PARTIAL)
      dlv_agent_remember(r);
  }
}

static void remember_ack(DlvAgent *agent, guint64 number, char *cause) {
  const DlvNotice notice = {
      .agent = agent, .number = number, .result = DLV_ACKED, .cause = cause, .step = -1};

  dlv_agent_remember(&notice);
}

static void remember_acks(GArray *acks) {
  for (guint i = 0; i < acks->len; i++) {
    const DlvDone *d = &g_array_index(acks, DlvDone, i);
    remember_ack(d->agent, d->number, d->cause);
  }
}

void dlv_link_forget_reports(DlvLink *link) {
  remember_reports(link->reports);
  remember_acks(link->acks);
  g_array_set_size(link->reports, 0);
  g_array_set_size(link->acks, 0);
  g_array_set_size(link->ends, 0); /* these leases end with the connection */
}

static gboolean on_flush(gpointer data);

/* Refused ones ran out of time, or somebody received the mail meanwhile. */
static void log_refused(guint64 token, const char *text) {
  wg_log(LOG_DEBUG, NULL, NULL, "Result of %" G_GUINT64_FORMAT " not taken: %s", token, text);
}

/* The store is full or cannot be written: that passes, and the mail would stay with us meanwhile.
 */
static gboolean passes(const GError *error) {
  return g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL) ||
         g_error_matches(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
}

static void flush_later(DlvLink *link) {
  if (link->flush == 0)
    link->flush = g_timeout_add(AGAIN_MSEC, on_flush, link);
}

static void tell_again(DlvLink *link, GArray *list, GArray *batch) {
  g_array_prepend_vals(list, batch->data, batch->len); /* moved: the order stays */
  g_array_set_clear_func(batch, NULL);
  flush_later(link);
}

/* Nothing of the batch was taken. */
static void refused(DlvLink *link, const GError *error, GArray *list, GArray *batch,
                    void (*remember)(GArray *)) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 5};
  gboolean ready = link->state == DLV_LINK_READY;
  guint n = batch->len, suppressed;

  if (ready && passes(error) && list->len + n <= BATCH_MAX)
    tell_again(link, list, batch);
  else
    remember(batch); /* told when the mail is offered again */
  if (ready && !g_error_matches(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN) &&
      wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_WARNING, WG_MSG_REPORT_REFUSED, WG_FIELDS(WG_FIELD_ERROR, error->message),
           "The results of %u messages were refused by %s: %s", n, link->shown, error->message);
}

static void on_reported(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autoptr(GArray) batch = data;
  guint64 token;
  const char *name, *text;

  if (reply == NULL)
    refused(link, error, link->reports, batch, remember_reports);
  else if (sd_bus_message_enter_container(reply, 'a', "(tss)") > 0)
    while (sd_bus_message_read(reply, "(tss)", &token, &name, &text) > 0)
      log_refused(token, text);
  dlv_courier_work_done(link->courier);
}

/* Messaged has them, so nothing needs to be known of them any more. */
static void forget_acks(const GArray *batch) {
  for (guint i = 0; i < batch->len; i++) {
    const DlvDone *d = &g_array_index(batch, DlvDone, i);
    const DlvLetter *letter = dlv_agent_letter(d->agent, d->number, FALSE);
    if (letter != NULL && letter->known.agent != NULL && letter->known.result == DLV_ACKED)
      dlv_agent_forget(d->agent, d->number);
  }
}

/* Its lease ran out while we were held up: it is not handled twice for that. */
static void remember_done(const GArray *batch, guint64 lease) {
  for (guint i = 0; i < batch->len; i++) {
    const DlvDone *d = &g_array_index(batch, DlvDone, i);
    if (d->lease == lease)
      remember_ack(d->agent, d->number, d->cause);
  }
}

static void on_acked(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autoptr(GArray) batch = data;
  guint64 lease;
  const char *name, *text;

  if (reply == NULL)
    refused(link, error, link->acks, batch, remember_acks);
  else
    forget_acks(batch);
  if (reply != NULL && sd_bus_message_enter_container(reply, 'a', "(tss)") > 0)
    while (sd_bus_message_read(reply, "(tss)", &lease, &name, &text) > 0) {
      log_refused(lease, text);
      remember_done(batch, lease);
    }
  dlv_courier_work_done(link->courier);
}

static void send_reports(DlvLink *link) {
  if (link->reports->len == 0)
    return;
  GArray *batch = g_steal_pointer(&link->reports);
  link->reports = reports_new();
  dlv_link_call_filled(link, WG_IFACE_COURIER, "ReportAttempts", dlv_reports_append, batch,
                       on_reported, batch);
}

/* Those of one cause go together; mostly all have the same. */
static void send_acks_like_first(DlvLink *link, GArray *acks) {
  GArray *batch = acks_new();
  g_autofree char *cause = g_strdup(g_array_index(acks, DlvDone, 0).cause);
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  GVariantBuilder tokens;
  guint kept = 0;

  g_variant_builder_init(&tokens, G_VARIANT_TYPE("at"));
  for (guint i = 0; i < acks->len; i++) {
    DlvDone *d = &g_array_index(acks, DlvDone, i);
    if (g_strcmp0(d->cause, cause) != 0) {
      g_array_index(acks, DlvDone, kept++) = *d;
      continue;
    }
    g_variant_builder_add(&tokens, "t", d->lease);
    g_array_append_val(batch, *d);
  }
  g_array_set_clear_func(acks, NULL); /* what was moved is not ours to free */
  g_array_set_size(acks, kept);
  g_array_set_clear_func(acks, done_clear);
  if (cause != NULL)
    g_variant_dict_insert(&options, "cause", "s", cause);
  dlv_link_call(link, WG_IFACE_MESSAGING, "AckMany",
                g_variant_new("(at@a{sv})", &tokens, g_variant_dict_end(&options)), on_acked,
                batch);
}

static void on_ended(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autofree DlvEnd *end = data;
  g_autoptr(GVariant) args = end->args;

  if (reply == NULL && link->state == DLV_LINK_READY && passes(error)) {
    g_variant_ref(args);
    g_array_append_val(link->ends, *end);
    flush_later(link);
  } else if (reply == NULL) { /* the lease ends by itself */
    wg_log(LOG_DEBUG, NULL, NULL, "%s not taken by %s: %s", end->member, link->shown,
           error->message);
  }
  dlv_courier_work_done(link->courier);
}

/* `args` is taken, also a floating one. */
static void send_end(DlvLink *link, const char *member, GVariant *args) {
  DlvEnd *end = g_new(DlvEnd, 1);

  *end = (DlvEnd){member, g_variant_ref_sink(args)};
  dlv_link_call(link, WG_IFACE_MESSAGING, member, end->args, on_ended, end);
}

static void send_ends(DlvLink *link) {
  g_autoptr(GArray) ends = g_steal_pointer(&link->ends);

  link->ends = g_array_new(FALSE, FALSE, sizeof(DlvEnd));
  g_array_set_clear_func(link->ends, end_clear);
  for (guint i = 0; i < ends->len; i++) {
    const DlvEnd *end = &g_array_index(ends, DlvEnd, i);
    send_end(link, end->member, end->args);
  }
}

static gboolean on_flush(gpointer data) {
  DlvLink *link = data;

  link->flush = 0;
  send_ends(link);
  send_reports(link);
  if (link->acks->len > 0) {
    g_autoptr(GArray) acks = g_steal_pointer(&link->acks);
    link->acks = acks_new();
    while (acks->len > 0)
      send_acks_like_first(link, acks);
  }
  return G_SOURCE_REMOVE;
}

/* After everything that this turn of the loop brings, before it sleeps. */
static void flush_soon(DlvLink *link, guint n) {
  if (n >= BATCH_MAX) {
    g_clear_handle_id(&link->flush, g_source_remove);
    on_flush(link);
  } else if (link->flush == 0) {
    link->flush = g_idle_add_full(G_PRIORITY_DEFAULT, on_flush, link, NULL);
  }
}

void dlv_link_report(DlvLink *link, const DlvNotice *report) {
  if (link->state != DLV_LINK_READY || report->attempt == 0) {
    if (report->result == DLV_ANNOUNCED || report->result == DLV_PARTIAL)
      dlv_agent_remember(report);
    g_free(report->cause);
    return;
  }
  g_array_append_val(link->reports, *report);
  flush_soon(link, link->reports->len);
}

void dlv_link_ack(DlvLink *link, DlvAgent *agent, guint64 number, guint64 lease,
                  const char *cause) {
  const DlvDone done = {agent, number, lease, g_strdup(cause)};

  remember_ack(agent, number, done.cause); /* it may be offered again before the answer comes */
  if (link->state != DLV_LINK_READY || lease == 0) {
    g_free(done.cause);
    return;
  }
  g_array_append_val(link->acks, done);
  flush_soon(link, link->acks->len);
}

/* The lease ends by itself when this cannot be told. */
static void on_told(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  if (error != NULL)
    wg_log(LOG_DEBUG, NULL, NULL, "Not taken by %s: %s", link->shown, error->message);
  dlv_courier_work_done(link->courier);
}

void dlv_link_nack(DlvLink *link, guint64 lease, const char *mode, guint64 delay, guint step,
                   const char *reason) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);

  if (link->state != DLV_LINK_READY || lease == 0)
    return;
  g_variant_dict_insert(&options, "mode", "s", mode);
  g_variant_dict_insert(&options, "step", "u", (guint32)step);
  if (delay != 0)
    g_variant_dict_insert(&options, "delay", "t", delay);
  if (reason != NULL)
    g_variant_dict_insert(&options, "reason", "s", reason);
  send_end(link, "Nack", g_variant_new("(t@a{sv})", lease, g_variant_dict_end(&options)));
}

void dlv_link_terminate(DlvLink *link, guint64 lease, const char *reason) {
  if (link->state != DLV_LINK_READY || lease == 0)
    return;
  send_end(link, "Terminate",
           g_variant_new("(ts@a{sv})", lease, reason,
                         g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)));
}

void dlv_link_touch(DlvLink *link, guint64 lease, guint64 usec) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);

  if (link->state != DLV_LINK_READY || lease == 0)
    return;
  g_variant_dict_insert(&options, "lease", "t", usec);
  dlv_link_call(link, WG_IFACE_MESSAGING, "Touch",
                g_variant_new("(t@a{sv})", lease, g_variant_dict_end(&options)), on_told, NULL);
}

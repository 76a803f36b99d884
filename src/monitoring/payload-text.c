/* payload-text.c: alerts as people and agents read them (notice.h). Every text that came from
 * outside keeps to its lines: control characters become spaces. */
#include "monitoring/notice.h"

#include "common/amounts.h"

/* Bytes; then the rest is counted. What a message carries by itself is more. */
#define TEXT_MAX (96 * 1024)

#define SUPPRESSED                                                                                 \
  "%u notifications were suppressed by the rate_limit of this receiver; this is what they said:"
#define MORE "and %u more; waggle alerts list has them all\n"
#define NAMES_MAX 50 /* in one line */

/* In an order of importance: what tells one alert of a name from another. */
static const char *const telling[] = {"unit",  "service", "probe",      "instance",
                                      "agent", "device",  "mountpoint", NULL};

static void append_clean(GString *text, const char *value) {
  for (const char *p = value; *p; p++)
    g_string_append_c(text, (guchar)*p < 0x20 || *p == 0x7f ? ' ' : *p);
}

static const char *name_of(const MonTransition *alert) {
  const char *name = mon_labels_get(alert->labels, "alertname");

  return name ? name : "alert";
}

static void append_subject_of(GString *text, const MonTransition *alert) {
  append_clean(text, name_of(alert));
  for (guint i = 0; telling[i]; i++) {
    const char *value = mon_labels_get(alert->labels, telling[i]);
    if (value == NULL)
      continue;
    g_string_append_c(text, ' ');
    append_clean(text, value);
    break;
  }
}

char *mon_payload_subject(const MonNotice *notice) {
  const MonTransition *first = g_ptr_array_index(notice->alerts, 0);
  guint n = notice->n_firing > 0 ? notice->n_firing : notice->alerts->len;
  GString *text = g_string_new(mon_notice_is_drill(notice) ? "[DRILL] " : "");

  if (notice->escalation > 0 && notice->n_firing > 0)
    g_string_append(text, "[ESCALATED] ");
  if (notice->suppressed > 0)
    g_string_append_printf(text, "[SUMMARY of %u suppressed] ", notice->suppressed);
  if (n > 1)
    g_string_append_printf(text, "[%s:%u] ", notice->n_firing > 0 ? "FIRING" : "RESOLVED", n);
  else
    g_string_append(text, notice->n_firing > 0 ? "[FIRING] " : "[RESOLVED] ");
  append_subject_of(text, first);
  if (n > 1)
    g_string_append_printf(text, " and %u more", n - 1);
  if (first->severity && *first->severity && notice->n_firing > 0) {
    g_string_append(text, " (");
    append_clean(text, first->severity);
    g_string_append_c(text, ')');
  }
  return g_string_free(text, FALSE);
}

static const char *note(const MonTransition *alert, const char *name) {
  return mon_labels_get(alert->annotations, name);
}

static void append_line(GString *text, const char *before, const char *value) {
  if (value == NULL || *value == '\0')
    return;
  g_string_append(text, before);
  append_clean(text, value);
  g_string_append_c(text, '\n');
}

static const char *word(const MonTransition *alert) {
  if (alert->resolved_at != 0)
    return "RESOLVED";
  if (alert->unknown_at != 0)
    return "UNKNOWN";
  return alert->flapping ? "FLAPPING" : "FIRING";
}

const char *mon_payload_unknown(const MonTransition *alert) {
  return alert->unknown_at != 0 ? "there is no data to judge it by any more: it fired, and nobody "
                                  "knows whether it is over"
                                : NULL;
}

char *mon_payload_line(const MonTransition *alert) {
  GString *text = g_string_new(alert->is_drill ? "[DRILL] " : "");
  const char *summary = note(alert, "summary");

  g_string_append_printf(text, "%s ", word(alert));
  append_subject_of(text, alert);
  if (summary) {
    g_string_append(text, ": ");
    append_clean(text, summary);
  }
  return g_string_free(text, FALSE);
}

char *mon_payload_suppressed(const MonNotice *notice) {
  GString *text = g_string_new(NULL);
  guint n = MIN(notice->alerts->len, NAMES_MAX);

  g_string_append_printf(text, SUPPRESSED, notice->suppressed);
  for (guint i = 0; i < n; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    g_string_append_printf(text, "%s %s ", i > 0 ? "," : "", word(alert));
    append_subject_of(text, alert);
  }
  if (notice->alerts->len > n)
    g_string_append_printf(text, " and %u more; waggle alerts list has them all",
                           notice->alerts->len - n);
  return g_string_free(text, FALSE);
}

static void append_times(GString *text, const MonTransition *alert) {
  g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(alert->fired_at / G_USEC_PER_SEC);
  g_autofree char *since = t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S %z") : NULL;

  append_line(text, "  since: ", since);
  if (alert->resolved_at > alert->fired_at) {
    g_autofree char *span = wg_span_text((guint64)(alert->resolved_at - alert->fired_at));
    append_line(text, "  lasted: ", span);
  }
}

static void append_alert(GString *text, const MonNotice *notice, const MonTransition *alert) {
  const GPtrArray *names = g_hash_table_lookup(notice->dependants, alert->fingerprint);
  g_autofree char *line = mon_payload_line(alert);
  g_autofree char *labels = mon_labels_text(alert->labels);

  append_line(text, "", line);
  append_line(text, "  ", note(alert, "description"));
  append_times(text, alert);
  if (alert->resolved_at == 0) {
    append_line(text, "  ", mon_payload_unknown(alert));
    append_line(text, "  what to do: ", note(alert, "what_to_do"));
    append_line(text, "  see: ", note(alert, "runbook_url"));
  }
  append_line(text, "  because: ", alert->reason);
  append_line(text, "  release: ", alert->release);
  append_line(text, "  labels: ", labels);
  for (guint i = 0; names && i < names->len; i++)
    append_line(text, "  follows from it: ", g_ptr_array_index(names, i));
}

char *mon_payload_text(const MonNotice *notice) {
  GString *text = g_string_new(NULL);

  if (notice->suppressed > 0)
    g_string_append_printf(text, SUPPRESSED "\n\n", notice->suppressed);
  if (notice->escalation > 0 && notice->n_firing > 0)
    g_string_append(text, "Nobody has acknowledged this so far, so it has come to you, too.\n\n");
  for (guint i = 0; i < notice->alerts->len; i++) {
    if (text->len > TEXT_MAX) {
      g_string_append_printf(text, "\n" MORE, notice->alerts->len - i);
      break;
    }
    if (i > 0)
      g_string_append_c(text, '\n');
    append_alert(text, notice, g_ptr_array_index(notice->alerts, i));
  }
  return g_string_free(text, FALSE);
}

static void append_brief(GString *text, const MonTransition *alert) {
  g_autofree char *line = mon_payload_line(alert);

  append_line(text, "", line);
  append_line(text, "  ", note(alert, "description"));
  if (alert->resolved_at == 0)
    append_line(text, "  what to do: ", note(alert, "what_to_do"));
}

char *mon_payload_brief(const MonNotice *notice, gsize max) {
  GString *text = g_string_new(NULL);
  gsize room = max - MIN(max, sizeof MORE + 20);

  if (notice->suppressed > 0)
    g_string_append_printf(text, SUPPRESSED "\n", notice->suppressed);
  for (guint i = 0; i < notice->alerts->len; i++) {
    gsize before = text->len;
    append_brief(text, g_ptr_array_index(notice->alerts, i));
    if (text->len <= room)
      continue;
    if (i == 0) { /* a part of it says more than none */
      const char *cut = g_utf8_find_prev_char(text->str, text->str + room);
      g_string_truncate(text, cut ? (gsize)(cut - text->str) : 0);
      g_string_append(text, "...\n");
      continue;
    }
    g_string_truncate(text, before);
    g_string_append_printf(text, MORE, notice->alerts->len - i);
    break;
  }
  return g_string_free(text, FALSE);
}

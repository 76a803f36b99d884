/* receive-ntfy.c: a push notification as ntfy takes it: POST of a text to the topic's address, with
 * what is shown around it in headers. What a header cannot hold is encoded (ntfy decodes RFC 2047
 * in Title and Tags), and the text is short enough that ntfy does not make a file of it. */
#include "monitoring/receive-private.h"

#include <string.h>

#define MESSAGE_MAX 3800 /* bytes; ntfy's own bound is 4096 */

static const struct {
  const char *severity;
  int priority;
  const char *tag;
} levels[] = {
    {"critical", 5, "rotating_light"},
    {"warning", 4, "warning"},
    {"info", 2, "information_source"},
};
static const struct {
  int priority;
  const char *tag;
} other = {3, "warning"}, resolved = {3, "white_check_mark"};

static void set_header(SoupMessage *message, const char *name, const char *value) {
  soup_message_headers_replace(soup_message_get_request_headers(message), name, value);
}

static void set_encoded(SoupMessage *message, const char *name, const char *value) {
  g_autoptr(GString) text = g_string_new(NULL);

  mon_append_encoded(text, value, " ");
  set_header(message, name, text->str);
}

/* Of the worst that fires. */
static int level_of(const MonNotice *notice, const char **ret_tag) {
  int priority = 0;

  *ret_tag = resolved.tag;
  for (guint i = 0; i < notice->n_firing; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    int own = other.priority;
    const char *tag = other.tag;
    for (guint k = 0; k < G_N_ELEMENTS(levels); k++)
      if (g_strcmp0(alert->severity, levels[k].severity) == 0) {
        own = levels[k].priority;
        tag = levels[k].tag;
      }
    if (own > priority) {
      priority = own;
      *ret_tag = tag;
    }
  }
  return priority == 0 ? resolved.priority : priority;
}

/* The end of an alert is never louder than its beginning. */
static int priority_of(const MonIntegration *integration, const MonNotice *notice, int by_level) {
  if (integration->priority < 0)
    return by_level;
  return notice->n_firing > 0 ? integration->priority
                              : MIN(integration->priority, resolved.priority);
}

static void set_tags(SoupMessage *message, const MonIntegration *integration,
                     const MonNotice *notice, const char *first) {
  g_autoptr(GString) tags = g_string_new(first);

  if (mon_notice_is_drill(notice))
    g_string_append(tags, ",test_tube");
  for (guint i = 0; integration->tags[i]; i++)
    g_string_append_printf(tags, ",%s", integration->tags[i]);
  set_encoded(message, "Tags", tags->str);
}

/* What comes from a rule may be no address. */
static gboolean is_link(const char *url) {
  const char *scheme = url ? g_uri_peek_scheme(url) : NULL;

  for (const char *p = url; p && *p; p++)
    if ((guchar)*p <= 0x20 || (guchar)*p >= 0x7f)
      return FALSE;
  return scheme && (g_str_equal(scheme, "http") || g_str_equal(scheme, "https"));
}

static const char *click_of(const MonIntegration *integration, const MonNotice *notice) {
  if (integration->click)
    return integration->click;
  for (guint i = 0; i < notice->n_firing; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    const char *url = mon_labels_get(alert->annotations, "runbook_url");
    if (is_link(url))
      return url;
  }
  return NULL;
}

SoupMessage *mon_ntfy_request(const MonIntegration *integration, const MonNotice *notice) {
  SoupMessage *message = soup_message_new("POST", integration->url);
  g_autofree char *subject = mon_payload_subject(notice);
  char *text = mon_payload_brief(notice, MESSAGE_MAX);
  g_autoptr(GBytes) body = g_bytes_new_take(text, strlen(text));
  const char *tag, *click = click_of(integration, notice);
  int level = level_of(notice, &tag);
  g_autofree char *priority = g_strdup_printf("%d", priority_of(integration, notice, level));

  if (message == NULL)
    return NULL;
  soup_message_set_request_body_from_bytes(message, "text/plain; charset=utf-8", body);
  set_encoded(message, "Title", subject);
  set_header(message, "Priority", priority);
  set_tags(message, integration, notice, tag);
  if (click)
    set_header(message, "Click", click);
  return message;
}

/* receive-mail.c: e-mail by the system's sendmail.
 *
 * What comes from outside (labels, texts) never ends a header line, and every line of a mail is as
 * short as SMTP wants it, whatever the texts of rules are. */
#include "monitoring/receive-private.h"

#include <string.h>

#define LINE_MAX_ASCII                                                                             \
  76 /* RFC 5322: should; what is longer is encoded, so that nobody refuses it */

void mon_append_encoded(GString *into, const char *value, const char *between) {
  const char *p = value;

  if (g_str_is_ascii(value)) {
    g_string_append(into, value);
    return;
  }
  while (*p) {
    const char *end = p;
    while (*end && g_utf8_next_char(end) - p <= 42) /* 56 bytes of base64 */
      end = g_utf8_next_char(end);
    g_autofree char *word = g_base64_encode((const guchar *)p, (gsize)(end - p));
    g_string_append_printf(into, "%s=?UTF-8?B?%s?=", p == value ? "" : between, word);
    p = end;
  }
}

static void append_text(GString *mail, const char *value) {
  mon_append_encoded(mail, value, "\n ");
}

static void append_header(GString *mail, const char *name, const char *value) {
  g_string_append_printf(mail, "%s: ", name);
  append_text(mail, value);
  g_string_append_c(mail, '\n');
}

/* The name of "Name <address>" is text, the address is not. */
static void append_mailbox(GString *mail, const char *name, const char *mailbox) {
  const char *address = strrchr(mailbox, '<');
  g_autofree char *who =
      address ? g_strchomp(g_strndup(mailbox, (gsize)(address - mailbox))) : g_strdup("");

  g_string_append_printf(mail, "%s: ", name);
  append_text(mail, who);
  g_string_append_printf(mail, "%s%s\n", *who ? " " : "", address ? address : mailbox);
}

static gboolean is_plain(const char *text) {
  gsize run = 0;

  for (const char *p = text; *p; p++) {
    run = *p == '\n' ? 0 : run + 1;
    if ((guchar)*p >= 0x80 || run > LINE_MAX_ASCII)
      return FALSE;
  }
  return TRUE;
}

static void append_body(GString *mail, const char *text) {
  g_string_append(mail, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n");
  if (is_plain(text)) {
    g_string_append_printf(mail, "Content-Transfer-Encoding: 7bit\n\n%s", text);
    return;
  }
  g_autofree char *code = g_base64_encode((const guchar *)text, strlen(text));
  gsize size = strlen(code);

  g_string_append(mail, "Content-Transfer-Encoding: base64\n\n");
  for (gsize i = 0; i < size; i += LINE_MAX_ASCII) {
    g_string_append_len(mail, code + i, (gssize)MIN(size - i, LINE_MAX_ASCII));
    g_string_append_c(mail, '\n');
  }
}

/* RFC 5322, whatever the locale. Of the notification, so that it is the same whenever it is sent.
 */
static char *date_of(const MonNotice *notice) {
  static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(notice->time / G_USEC_PER_SEC);
  g_autofree char *clock = g_date_time_format(time, "%Y %H:%M:%S +0000");

  return g_strdup_printf("%s, %d %s %s", days[g_date_time_get_day_of_week(time) - 1],
                         g_date_time_get_day_of_month(time),
                         months[g_date_time_get_month(time) - 1], clock);
}

char *mon_mail_text(const MonIntegration *integration, const MonNotice *notice) {
  g_autofree char *subject = mon_payload_subject(notice);
  g_autofree char *to = g_strjoinv(", ", integration->to);
  g_autofree char *text = mon_payload_text(notice);
  g_autofree char *id = g_strdup_printf("<%s@waggle>", notice->dedup);
  g_autofree char *date = date_of(notice);
  GString *mail = g_string_new(NULL);

  append_header(mail, "Date", date);
  append_header(mail, "To", to);
  if (integration->from)
    append_mailbox(mail, "From", integration->from);
  append_header(mail, "Subject", subject);
  append_header(mail, "Message-ID", id);
  append_header(mail, "Auto-Submitted", "auto-generated");
  append_header(mail, "X-Waggle-Receiver", notice->receiver);
  append_body(mail, text);
  return g_string_free(mail, FALSE);
}

char *mon_mail_address(const char *mailbox) {
  const char *open = strrchr(mailbox, '<'), *close = open ? strchr(open, '>') : NULL;
  g_autofree char *address =
      close ? g_strndup(open + 1, (gsize)(close - open - 1)) : g_strdup(mailbox);

  g_strstrip(address);
  if (*address == '\0' || *address == '-' || strpbrk(address, " \t<>,;"))
    return NULL;
  return g_steal_pointer(&address);
}

void mon_receive_email(MonReceivers *receivers, const MonIntegration *integration,
                       const MonNotice *notice, MonAttempt *attempt) {
  g_autofree char *mail = mon_mail_text(integration, notice);
  g_autofree char *from = integration->from ? mon_mail_address(integration->from) : NULL;
  const char *program = receivers->daemon->settings.sendmail;
  g_autoptr(GPtrArray) argv = g_ptr_array_new();

  g_ptr_array_add(argv, (gpointer)program);
  g_ptr_array_add(argv, (gpointer) "-i"); /* a line with a dot alone is no end */
  if (from) {                             /* who is told that it could not be delivered */
    g_ptr_array_add(argv, (gpointer) "-f");
    g_ptr_array_add(argv, from);
  }
  g_ptr_array_add(argv, (gpointer) "--");
  for (guint i = 0; integration->to[i]; i++)
    g_ptr_array_add(argv, integration->to[i]);
  g_ptr_array_add(argv, NULL);
  mon_receive_run(receivers, integration, (const char *const *)argv->pdata, NULL, mail, "sendmail",
                  attempt);
}

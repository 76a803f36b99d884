/* digest.c: see digest.h. */
#include "delivery/digest.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

typedef enum { WAITING, URGENT, AGENT, FROM, SUBJECT, N_PLACEHOLDERS } Placeholder;

static const char *const placeholders[N_PLACEHOLDERS + 1] = {"waiting", "urgent",  "agent",
                                                             "from",    "subject", NULL};

/* Copies up to the next placeholder. Returns it, `*p` behind it; -1 at the end; -2 when it is not
 * one, `*p` at its brace. `out` may be NULL. */
static int next_placeholder(const char **p, GString *out) {
  for (; **p; (*p)++) {
    char c = **p;
    if ((c == '{' || c == '}') && (*p)[1] == c)
      (*p)++;
    else if (c == '{') {
      for (int i = 0; i < N_PLACEHOLDERS; i++) {
        gsize n = strlen(placeholders[i]);
        if (strncmp(*p + 1, placeholders[i], n) == 0 && (*p)[n + 1] == '}') {
          *p += n + 2;
          return i;
        }
      }
      return -2;
    } else if (c == '}')
      return -2;
    if (out)
      g_string_append_c(out, c);
  }
  return -1;
}

gboolean dlv_digest_check(const char *text, GError **error) {
  const char *p = text, *end;
  int found;

  do
    found = next_placeholder(&p, NULL);
  while (found >= 0);
  if (found == -1)
    return TRUE;
  if (*p == '}' || !(end = strchr(p, '}'))) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "a lone '%c'; a brace itself is written twice", *p);
    return FALSE;
  }
  g_autofree char *name = g_strndup(p + 1, (gsize)(end - p - 1));
  g_autofree char *hint = wg_nearest_hint(name, placeholders);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no placeholder '{%.40s}'; %s", name,
              hint ?: "there are {waiting}, {urgent}, {agent}, {from} and {subject}");
  return FALSE;
}

/* What a line could hide, or hide itself in: formatting that turns the order of what follows, and
 * characters that have no shape but are read by a program (tags, variation selectors of the upper
 * planes). Joiners and the selectors that emoji need stay. */
static gboolean is_hidden(gunichar c) {
  static const struct {
    gunichar first, last;
  } hidden[] = {
      {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f},
      {0x202a, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe01ef},
  };

  for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
    if (c >= hidden[i].first && c <= hidden[i].last)
      return TRUE;
  return FALSE;
}

static gboolean is_blank(gunichar c) {
  return g_unichar_iscntrl(c) || g_unichar_isspace(c) || c == 0x2028 || c == 0x2029;
}

/* At most `max` characters in one line: blanks and what is in `unwanted` become one space. */
static char *one_line(const char *text, glong max, const char *unwanted) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *line = g_string_new(NULL);
  glong n = 0;
  gboolean gap = FALSE;

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (is_hidden(c))
      continue;
    if (is_blank(c) || (c < 0x80 && strchr(unwanted, (int)c))) {
      gap = n > 0;
      continue;
    }
    if (n + gap >= max) {
      /* The last one gives way to the sign that something is missing. */
      g_string_truncate(line, (gsize)(g_utf8_prev_char(line->str + line->len) - line->str));
      g_string_append(line, "…");
      break;
    }
    if (gap)
      g_string_append_c(line, ' ');
    g_string_append_unichar(line, c);
    n += 1 + gap;
    gap = FALSE;
  }
  return g_string_free(line, FALSE);
}

static const DlvMessage *most_urgent(const DlvMessage *messages, guint n) {
  const DlvMessage *best = NULL;

  for (guint i = 0; i < n; i++)
    if (!best || messages[i].priority > best->priority ||
        (messages[i].priority == best->priority && messages[i].time < best->time))
      best = &messages[i];
  return best;
}

static char *from_text(const DlvMessage *best, const DlvMessage *messages, guint n) {
  gboolean others = FALSE;

  if (!best || !best->from)
    return g_strdup("");
  for (guint i = 0; i < n; i++)
    others = others || g_strcmp0(messages[i].from, best->from) != 0;
  g_autofree char *from = one_line(best->from, DLV_DIGEST_SUBJECT_MAX, "`$\\;&|<>");
  return g_strconcat(from, others ? " and others" : "", NULL);
}

static char *default_text(const char *agent, guint waiting, guint urgent) {
  GString *text = g_string_new(NULL);

  g_string_printf(text, "%u message%s waiting", waiting, waiting == 1 ? "" : "s");
  if (urgent)
    g_string_append_printf(text, ", %u urgent", urgent);
  g_string_append_printf(text, ": run waggle receive %s", agent);
  return g_string_free(text, FALSE);
}

static void append_value(GString *text, int placeholder, const char *agent, guint waiting,
                         guint urgent, const DlvMessage *messages, guint n) {
  const DlvMessage *best = most_urgent(messages, n);
  g_autofree char *value = NULL;

  switch ((Placeholder)placeholder) {
  case WAITING:
    value = g_strdup_printf("%u", waiting);
    break;
  case URGENT:
    value = g_strdup_printf("%u", urgent);
    break;
  case AGENT:
    value = g_strdup(agent);
    break;
  case FROM:
    value = from_text(best, messages, n);
    break;
  case SUBJECT:
    value =
        one_line(best && best->subject ? best->subject : "", DLV_DIGEST_SUBJECT_MAX, "`$\\;&|<>");
    break;
  case N_PLACEHOLDERS:
    break;
  }
  g_string_append(text, value ?: "");
}

char *dlv_digest_text(const DlvPolicy *policy, const char *agent, guint waiting, guint urgent,
                      const DlvMessage *messages, guint n_messages) {
  guint told = 0;

  /* What is at hand waits, whatever a count that was taken earlier says. */
  for (guint i = 0; i < n_messages; i++)
    told += messages[i].priority >= DLV_URGENT;
  waiting = MAX(waiting, n_messages);
  urgent = MIN(MAX(urgent, told), waiting);
  g_autofree char *text = NULL;
  if (policy->digest_text) {
    g_autoptr(GString) filled = g_string_new(NULL);
    const char *p = policy->digest_text;
    for (int found; (found = next_placeholder(&p, filled)) >= 0;)
      append_value(filled, found, agent, waiting, urgent, messages, n_messages);
    text = g_strdup(filled->str);
  } else
    text = default_text(agent, waiting, urgent);
  return one_line(text, DLV_DIGEST_LENGTH_MAX, "");
}

/* hand-doctor.c: proves which characters survive, by typing samples into a window of our own (a
 * process of its own, so that it reads its keys when a client would) and comparing what arrived.
 * The same code as for every text; nothing is told to the samples. */
#include "typing/hand.h"

#include "common/error.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WITHIN 3000 /* ms */
#define LINE_MAX_BYTES 16384

static const struct {
  const char *name, *text;
} samples[] = {
    {"ascii", "The quick brown fox, 0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
    {"latin", "àéîõüçñßøåæœÿ ÀÉÎÕÜÇÑẞØÅÆŒŸ ąćęłńśźż ĄĆĘŁŃŚŹŻ řšťů ŘŠŤŮ ğış ĞİŞ"},
    {"cyrillic", "Съешь ещё этих мягких булок ЪЁЖ їєґ ЇЄҐ"},
    {"greek", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία ΆΈΉΌΏ"},
    {"cjk", "漢字かなカナ한글中文測試，。「」"},
    {"rtl", "שלום עולם العربية ١٢٣"},
    {"combining", "e\xcc\x81 n\xcc\x83 a\xcc\x8a\xcc\x81 นี้ दे"},
    {"emoji", "😀🐝🚀❤️👍🏽🇪🇺"},
    {"symbols", "€£¥©®™§¶†‡•…–—‘’“”«»≤≥≠∞√∑→←⇒☃✓"},
};

typedef struct {
  GPid pid;
  int in, out; /* its standard input and output */
  GString *buffer;
} Sink;

static void sink_close(Sink *sink) {
  if (sink->pid) {
    close(sink->in);
    close(sink->out);
    g_spawn_close_pid(sink->pid);
  }
  if (sink->buffer)
    g_string_free(sink->buffer, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sink, sink_close)

static gboolean sink_open(Sink *sink, GError **error) {
  const char *argv[] = {"/proc/self/exe", "--scratch", NULL};

  sink->buffer = g_string_new(NULL);
  return g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                                  &sink->pid, &sink->in, &sink->out, NULL, error);
}

/* The next line without its end; NULL after a while. */
static char *sink_line(Sink *sink) {
  for (;;) {
    char *end = memchr(sink->buffer->str, '\n', sink->buffer->len);
    if (end) {
      char *line = g_strndup(sink->buffer->str, (gsize)(end - sink->buffer->str));
      g_string_erase(sink->buffer, 0, end - sink->buffer->str + 1);
      return line;
    }
    struct pollfd fd = {sink->out, POLLIN, 0};
    char bytes[1024];
    ssize_t n = poll(&fd, 1, ANSWER_WITHIN) > 0 ? read(sink->out, bytes, sizeof bytes) : 0;
    if (n <= 0 || sink->buffer->len > LINE_MAX_BYTES)
      return NULL;
    g_string_append_len(sink->buffer, bytes, n);
  }
}

/* Characters by which the one has to be changed to become the other. */
static guint distance(const gunichar *a, guint n, const gunichar *b, guint m) {
  g_autofree guint *row = g_new(guint, m + 1);

  for (guint j = 0; j <= m; j++)
    row[j] = j;
  for (guint i = 1; i <= n; i++) {
    guint diagonal = row[0];
    row[0] = i;
    for (guint j = 1; j <= m; j++) {
      guint same = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = MIN(same, MIN(row[j], row[j - 1]) + 1);
    }
  }
  return row[m];
}

static gunichar *parse_line(const char *line, guint *ret_n) {
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  gunichar *text = g_new0(gunichar, g_strv_length(words) + 1);

  *ret_n = 0;
  for (guint i = 0; words[i]; i++)
    if (*words[i])
      text[(*ret_n)++] = (gunichar)g_ascii_strtoull(words[i], NULL, 16);
  return text;
}

/* What came in place of what, for people. */
static char *explain(const gunichar *got, guint n, guint wrong) {
  if (wrong == 0)
    return g_strdup("");
  g_autofree char *text = g_ucs4_to_utf8(got, n, NULL, NULL, NULL);
  return g_strdup_printf("arrived as \"%s\"", text ? text : "no text");
}

/* Returns FALSE when the window is of no use any more. */
static gboolean try_sample(Hand *hand, Sink *sink, const HandWindow *window,
                           const HandTarget *target, HandJob *job, guint which,
                           GVariantBuilder *list, guint *wrong) {
  glong n = 0;
  HandOutcome outcome;
  GVariantDict dict;
  guint m = 0;

  g_clear_pointer(&job->text, g_free);
  job->text = g_utf8_to_ucs4_fast(samples[which].text, -1, &n);
  job->n = (guint)n;
  hand_type(hand, job, window, target, &outcome);
  gboolean typed = outcome.submitted;
  g_autofree char *line = typed ? sink_line(sink) : NULL;
  g_autofree gunichar *got = parse_line(line ? line : "", &m);
  guint differ = distance(job->text, job->n, got, m);
  g_autofree char *what = typed ? explain(got, m, differ) : g_strdup(hand->stop.text);
  *wrong += differ;
  g_variant_dict_init(&dict, NULL);
  g_variant_dict_insert(&dict, "sample", "s", samples[which].name);
  g_variant_dict_insert(&dict, "sent", "u", job->n);
  g_variant_dict_insert(&dict, "wrong", "u", differ);
  g_variant_dict_insert(&dict, "what", "s", what ? what : "");
  g_variant_builder_add_value(list, g_variant_dict_end(&dict));
  return typed;
}

static GVariant *report(Hand *hand, GVariantBuilder *list, guint tried, guint wrong) {
  g_autofree char *layout = hand_state_layout(hand);
  gboolean all = tried == G_N_ELEMENTS(samples);
  GVariantDict reply;

  g_variant_dict_init(&reply, NULL);
  g_variant_dict_insert(&reply, "layout", "s", layout);
  g_variant_dict_insert(&reply, "spare-keycodes", "u", hand_map_spares(hand));
  g_variant_dict_insert(&reply, "exact", "b", all && wrong == 0);
  g_variant_dict_insert(&reply, "verdict", "s",
                        !all         ? (hand->stop.text ? hand->stop.text : "It was stopped")
                        : wrong == 0 ? "Every character arrives as sent"
                                     : "Some characters do not arrive as sent");
  g_variant_dict_insert_value(&reply, "characters", g_variant_builder_end(list));
  return g_variant_dict_end(&reply);
}

/* The window is managed and listed a moment after it was made. */
static HandWindow *find(Hand *hand, Window id, gint64 until) {
  while (g_get_monotonic_time() < until) {
    g_autoptr(GPtrArray) list = hand_windows_list(hand);
    for (guint i = 0; i < list->len; i++)
      if (((HandWindow *)list->pdata[i])->id == id)
        return g_ptr_array_steal_index(list, i);
    if (!hand_wait(hand, 20 * G_TIME_SPAN_MILLISECOND))
      break;
  }
  return NULL;
}

GVariant *hand_request_doctor(Hand *hand, GVariant *args, GError **error) {
  static const HandKey keys[] = {{"settle", "t"}, {"key-delay", "t"}, {NULL, NULL}};
  g_auto(Sink) sink = {0};
  g_auto(HandJob) job = {0};
  GVariantBuilder list;
  guint tried = 0, wrong = 0;

  if (!hand_args_check(args, keys, error) || !hand_job_parse(hand, args, &job, error) ||
      !hand_stroke_parse(hand, "Return", &job.submit, error) || !sink_open(&sink, error))
    return NULL;
  job.has_submit = job.ignore_draft = TRUE;
  job.idle = 0; /* nobody can have typed in a window that is new */
  g_autofree char *number = sink_line(&sink);
  g_autoptr(HandTarget) target = hand_target_new(args, error);
  g_autoptr(HandWindow) window =
      number ? find(hand, (Window)g_ascii_strtoull(number, NULL, 10),
                    g_get_monotonic_time() + ANSWER_WITHIN * G_TIME_SPAN_MILLISECOND)
             : NULL;
  if (!window || !target) {
    if (target)
      g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "The scratch window did not appear");
    return NULL;
  }
  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < G_N_ELEMENTS(samples); i++, tried++)
    if (!try_sample(hand, &sink, window, target, &job, i, &list, &wrong))
      break;
  return report(hand, &list, tried, wrong);
}

/* log.c: see log.h.
 *
 * A line is an array of GLogField from the start, so that our own lines and those of GLib
 * take one road: the journal's native socket, or one write() on stderr. If the native
 * socket cannot be reached although stderr is the journal's, the line goes to stderr with
 * its level in front ("<4>"), which journald reads. It must never fail, never block on
 * anything but journald's own socket, and never log about itself. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our fixed fields and the pairs that a caller may add. */
#define FIELDS_FIXED 7
#define FIELDS_MAX (FIELDS_FIXED + 24)

typedef enum { TARGET_AUTO, TARGET_JOURNAL, TARGET_CONSOLE, TARGET_NULL, _TARGET_MAX } Target;
static const char *const target_names[] = {"auto", "journal", "console", "null"};
G_STATIC_ASSERT(G_N_ELEMENTS(target_names) == _TARGET_MAX);

static const char *log_identifier = "waggle";
static gint log_target = TARGET_AUTO;
static gint log_level_max = LOG_INFO;
static gboolean stderr_is_journal;
static GLogLevelFlags fatal_mask; /* G_DEBUG=fatal-warnings and the like */

/* $JOURNAL_STREAM is "device:inode" of the stream that systemd gave us; a stderr that was
 * redirected since is another inode. */
static gboolean is_journal_stream(int fd) {
  const char *text = g_getenv("JOURNAL_STREAM");
  char *end = NULL;
  struct stat st;

  if (g_log_writer_is_journald(fd))
    return TRUE;
  if (!text || fstat(fd, &st) < 0)
    return FALSE;
  guint64 device = g_ascii_strtoull(text, &end, 10);
  if (*end != ':')
    return FALSE;
  return st.st_dev == device && st.st_ino == g_ascii_strtoull(end + 1, NULL, 10);
}

static gboolean debug_asked_for(void) {
  const char *domains = g_getenv("G_MESSAGES_DEBUG");
  g_auto(GStrv) words = g_strsplit(domains ? domains : "", " ", -1);

  return g_strv_contains((const char *const *)words, "all") ||
         g_strv_contains((const char *const *)words, G_LOG_DOMAIN);
}

static Target target_now(void) {
  Target target = g_atomic_int_get(&log_target);

  if (target == TARGET_AUTO)
    return stderr_is_journal ? TARGET_JOURNAL : TARGET_CONSOLE;
  return target;
}

static void write_stderr(int level, const char *message) {
  g_autofree char *prefix =
      stderr_is_journal ? g_strdup_printf("<%i>", level) : g_strdup_printf("%s: ", log_identifier);
  g_auto(GStrv) lines = g_strsplit(message, "\n", -1);
  g_autofree char *between = g_strconcat("\n", prefix, NULL);
  g_autofree char *joined = g_strjoinv(between, lines);
  g_autofree char *text = g_strconcat(prefix, joined, "\n", NULL);
  gsize left = strlen(text);

  for (const char *p = text; left > 0;) {
    ssize_t n = write(STDERR_FILENO, p, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; /* nowhere to complain */
    p += n;
    left -= n;
  }
}

static int level_of_glib(GLogLevelFlags flags) {
  if (flags & G_LOG_LEVEL_ERROR)
    return LOG_ERR;
  if (flags & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
    return LOG_WARNING;
  if (flags & G_LOG_LEVEL_MESSAGE)
    return LOG_NOTICE;
  return flags & G_LOG_LEVEL_INFO ? LOG_INFO : LOG_DEBUG;
}

static const char *field_of(const GLogField *fields, gsize n, const char *key) {
  for (gsize i = 0; i < n; i++)
    if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0)
      return fields[i].value;
  return NULL;
}

/* What GLib and libraries on it say. On the console GLib's own writer stays in charge; in
 * every case it sees fatal messages last, since only it knows how to abort. */
static GLogWriterOutput write_glib(GLogLevelFlags flags, const GLogField *fields, gsize n,
                                   gpointer user_data) {
  gboolean fatal = (flags & (G_LOG_FLAG_FATAL | fatal_mask)) != 0;
  Target target = target_now();
  GLogField all[FIELDS_MAX];

  if (target == TARGET_CONSOLE || fatal)
    return g_log_writer_default(flags, fields, n, user_data);
  const char *message = field_of(fields, n, "MESSAGE");
  if (target == TARGET_NULL ||
      g_log_writer_default_would_drop(flags, field_of(fields, n, "GLIB_DOMAIN")))
    return G_LOG_WRITER_HANDLED;
  n = MIN(n, FIELDS_MAX - 1);
  memcpy(all, fields, n * sizeof *all);
  all[n++] = (GLogField){"SYSLOG_IDENTIFIER", log_identifier, -1};
  if (g_log_writer_journald(flags, all, n, NULL) == G_LOG_WRITER_UNHANDLED)
    write_stderr(level_of_glib(flags), message ? message : "");
  return G_LOG_WRITER_HANDLED;
}

void wg_log_init(const char *identifier) {
  /* GLib aborts on a second g_log_set_writer_func(). */
  static gsize once;

  log_identifier = g_intern_string(identifier);
  stderr_is_journal = is_journal_stream(STDERR_FILENO);
  if (debug_asked_for())
    wg_log_set_max_level(LOG_DEBUG);
  if (!g_once_init_enter(&once))
    return;
  /* There is no getter; setting returns what was set. */
  fatal_mask = g_log_set_always_fatal(G_LOG_FATAL_MASK);
  g_log_set_always_fatal(fatal_mask);
  g_log_set_writer_func(write_glib, NULL, NULL);
  g_log_writer_default_set_use_stderr(TRUE); /* stdout belongs to the program */
  g_once_init_leave(&once, 1);
}

void wg_log_set_max_level(int level) {
  level = CLAMP(level, LOG_EMERG, LOG_DEBUG);
  g_atomic_int_set(&log_level_max, level);
  g_log_set_debug_enabled(level == LOG_DEBUG);
}

int wg_log_max_level(void) {
  return g_atomic_int_get(&log_level_max);
}

gboolean wg_log_set_target(const char *target) {
  for (guint i = 0; i < _TARGET_MAX; i++)
    if (g_strcmp0(target, target_names[i]) == 0) {
      g_atomic_int_set(&log_target, i);
      return TRUE;
    }
  return FALSE;
}

const char *wg_log_target(void) {
  return target_names[g_atomic_int_get(&log_target)];
}

void wg_log_full(int level, const char *id, const char *const *fields, const char *file,
                 const char *line, const char *func, const char *format, ...) {
  Target target = target_now();
  GLogField all[FIELDS_MAX];
  gsize n = 0;
  va_list args;

  if (level > wg_log_max_level() || target == TARGET_NULL)
    return;
  int saved_errno = errno;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);

  const char priority[] = {(char)('0' + CLAMP(level, LOG_EMERG, LOG_DEBUG)), '\0'};
  all[n++] = (GLogField){"MESSAGE", message, -1};
  all[n++] = (GLogField){"PRIORITY", priority, -1};
  all[n++] = (GLogField){"SYSLOG_IDENTIFIER", log_identifier, -1};
  all[n++] = (GLogField){"CODE_FILE", file, -1};
  all[n++] = (GLogField){"CODE_LINE", line, -1};
  all[n++] = (GLogField){"CODE_FUNC", func, -1};
  if (id)
    all[n++] = (GLogField){"MESSAGE_ID", id, -1};
  for (guint i = 0; fields && fields[i] && fields[i + 1] && n < FIELDS_MAX; i += 2)
    all[n++] = (GLogField){fields[i], fields[i + 1], -1};

  if (target == TARGET_CONSOLE ||
      g_log_writer_journald(G_LOG_LEVEL_MESSAGE, all, n, NULL) == G_LOG_WRITER_UNHANDLED)
    write_stderr(level, message);
  errno = saved_errno;
}

gboolean wg_log_rate_ok(WgLogRate *rate, guint *ret_suppressed) {
  gint64 now = g_get_monotonic_time();
  gboolean ok = FALSE;

  g_mutex_lock(&rate->lock);
  if (rate->begin == 0 || now - rate->begin >= rate->interval_usec) {
    rate->begin = now;
    rate->n = 0;
  }
  if (rate->n < rate->burst) {
    rate->n++;
    ok = TRUE;
    if (ret_suppressed)
      *ret_suppressed = rate->suppressed;
    rate->suppressed = 0;
  } else {
    rate->suppressed++;
  }
  g_mutex_unlock(&rate->lock);
  return ok;
}

/* log.h: the journal, with fields.
 *
 * Every line that an administrator may see has a MESSAGE_ID from message-ids.h, whose
 * catalog entry says what to do. Libraries return errors and do not log; the function
 * at the top logs once. Rate-limited lines carry how many were left out. */
#pragma once

#include "common/message-ids.h"
#include "common/names.h"

#include <glib.h>
#include <syslog.h>

/* Call once, first thing in main: journal when stderr is the journal or $JOURNAL_STREAM
 * says so, else human text on stderr. `G_MESSAGES_DEBUG` and fatal levels go on working. */
void wg_log_init(const char *identifier);
void wg_log_set_max_level(int level); /* LOG_ERR ... LOG_DEBUG; LogControl1 sets it */
int wg_log_max_level(void);
gboolean wg_log_set_target(const char *target); /* "auto", "journal", "console", "null" */
const char *wg_log_target(void);

/* One line. `id`: a MESSAGE_ID or NULL (only for LOG_DEBUG and LOG_INFO that no catalog needs).
 * `fields`: NULL or pairs name, value, ..., NULL. Thread-safe. Returns nothing, never fails. */
#define wg_log(level, id, fields, ...)                                                             \
  wg_log_full((level), (id), (fields), __FILE__, G_STRINGIFY(__LINE__), G_STRFUNC, __VA_ARGS__)
#define WG_FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})
void wg_log_full(int level, const char *id, const char *const *fields, const char *file,
                 const char *line, const char *func, const char *format, ...) G_GNUC_PRINTF(7, 8);

/* At most `burst` lines each `interval_usec` a place; TRUE: log now. `*ret_suppressed` says how
 * many were left out since the last one. State is static at the call's place. */
typedef struct {
  gint64 interval_usec, begin;
  guint burst, n, suppressed;
  GMutex lock;
} WgLogRate;
gboolean wg_log_rate_ok(WgLogRate *rate, guint *ret_suppressed);

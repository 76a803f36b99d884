/* scrub.c: Check with "from": the records are verified in the background, a slice a call.
 *
 * Rot that nobody has read yet is found while there may still be another copy of what it hit. The
 * service keeps nothing between two slices: where it stands is told to the caller, who waits as
 * long as it likes and hands it back. So a slice is short, the pace is the caller's, a restart in
 * between costs nothing, and other work never waits for more than one slice. What is damaged goes
 * the way of fsck's, and is told once: it is mended, or in quarantine, when it is met again. */
#include "messaging/check.h"

#include <stdio.h>

#define ROWS 500
#define BYTES (2 * 1024 * 1024)

/* "STAGE:AFTER:RECORDS:DAMAGED:REPAIRED"; "" is the beginning. */
static gboolean place_read(MsgCheck *c, const char *from, GError **error) {
  guint stage, n = 0;

  c->after = -1;
  c->stage = MSG_CHECK_MESSAGES;
  if (*from == '\0')
    return TRUE;
  if (sscanf(from,
             "%u:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT
             ":%" G_GUINT64_FORMAT "%n",
             &stage, &c->after, &c->records, &c->damaged, &c->repaired, &n) != 5 ||
      from[n] != '\0' || stage < MSG_CHECK_MESSAGES || stage > MSG_CHECK_DONE) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.60s' is no place in a scrub; begin with an empty one", from);
    return FALSE;
  }
  c->stage = (MsgCheckStage)stage;
  return TRUE;
}

static char *place_text(const MsgCheck *c) {
  return g_strdup_printf("%u:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT
                         ":%" G_GUINT64_FORMAT,
                         (guint)c->stage, c->after, c->records, c->damaged, c->repaired);
}

/* Degraded from the first damage on, until a whole scrub finds none. */
static void tell_damage(MsgEngine *e, const MsgCheck *c) {
  g_autofree char *more = c->n > 1 ? g_strdup_printf("; and %u more", c->n - 1) : g_strdup("");

  msg_log(e, LOG_ERR, WG_MSG_SCRUB_DAMAGE, NULL, 0, "The scrub found damage: %s%s",
          (const char *)c->findings->pdata[0], more);
  msg_note_add(e, MSG_NOTE_RECORDS)->cause =
      g_strdup_printf("the scrub found %" G_GUINT64_FORMAT
                      " damaged record%s; the disk or the memory may be failing",
                      c->damaged, c->damaged == 1 ? "" : "s");
}

static void tell_end(MsgEngine *e, const MsgCheck *c) {
  msg_log(e, c->damaged ? LOG_ERR : LOG_INFO, WG_MSG_STORE_CHECKED, NULL, 0,
          "Scrubbed %" G_GUINT64_FORMAT " records: %" G_GUINT64_FORMAT
          " findings, %" G_GUINT64_FORMAT " mended",
          c->records, c->damaged, c->repaired);
  if (c->damaged == 0)
    msg_note_add(e, MSG_NOTE_RECORDS);
}

WgJobResult msg_scrub(MsgEngine *e, MsgCallJob *job, const char *from, gboolean dry_run) {
  g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
  MsgCheck c = {.dry_run = dry_run,
                .scrub = TRUE,
                .rows_max = ROWS,
                .bytes_max = BYTES,
                .findings = findings};

  if (!place_read(&c, from, &job->base.job.error))
    return WG_JOB_DONE;
  if (msg_check_records(e, &c))
    msg_check_next(&c);
  if (e->failed)
    return WG_JOB_DONE;
  g_autofree char *next = c.stage <= MSG_CHECK_DONE ? place_text(&c) : NULL;
  if (c.n > 0)
    tell_damage(e, &c);
  if (next == NULL)
    tell_end(e, &c);
  msg_check_result(job, &c, next);
  return WG_JOB_DONE;
}

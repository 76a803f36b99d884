/* hours.h: hours of the day and days of the week, as a wall clock shows them.
 *
 * A range holds while the wall clock of the zone reads a time within it: 08:00-19:00 holds from
 * 08:00:00 until just before 19:00:00. One that ends before it begins runs over midnight and
 * belongs to the day on which it begins: "Fri 22:00-07:00" ends on Saturday. When the clock is put
 * forward, a boundary in the gap is reached when the gap is; when it is put back, the repeated hour
 * is judged twice, by what the clock shows. Pure: no clock of its own. */
#pragma once

#include <glib.h>

typedef struct DlvHours DlvHours;

#define DLV_ALL_DAYS 0x7f /* bit 0: Monday */

/* Without a range: holds never. */
DlvHours *dlv_hours_new(void);
void dlv_hours_free(DlvHours *hours);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DlvHours, dlv_hours_free)

/* "Mon..Fri", "Sat,Sun", "Fri..Mon,Wed"; English names, short or long. */
gboolean dlv_days_parse(const char *text, guint8 *ret_days, GError **error);
/* Adds "[DAYS ]HH:MM-HH:MM". `days`: for a text without days of its own (0: every day); both is an
 * error. NULL as text: the whole of `days`. */
gboolean dlv_hours_add(DlvHours *hours, const char *text, guint8 days, GError **error);

/* `real`: CLOCK_REALTIME, us. */
gboolean dlv_hours_holds(const DlvHours *hours, gint64 real, GTimeZone *zone);
/* The first instant after `real` at which the answer is another one, us; 0: it stays as it is (as
 * far as can be seen: three weeks). */
gint64 dlv_hours_next(const DlvHours *hours, gint64 real, GTimeZone *zone);

/* "Mon..Fri 08:00-19:00, Sat 10:00-12:00", as they were written; free with g_free(). */
char *dlv_hours_text(const DlvHours *hours);

/* mem-pressure.h: is memory short? Pressure stall information of the kernel, as systemd hands it
 * on.
 *
 * $MEMORY_PRESSURE_WATCH names what to watch: a file of PSI, a FIFO or a socket;
 * $MEMORY_PRESSURE_WRITE is what to write there first, in base64 (systemd.io/PRESSURE). Without
 * them it is our own control group's memory.pressure, or else the machine's, where we may. The
 * kernel tells of pressure while it lasts and never of its end: it is over when nothing was told
 * for a while. Loop's thread only; nothing here blocks, and who has no pressure to watch goes on
 * without. */
#pragma once

#include <glib.h>

typedef struct WgMemPressure WgMemPressure;

/* When it begins and when it is over. */
typedef void (*WgMemPressureFunc)(gboolean is_short, gpointer user_data);

/* NULL: there is nothing to watch; the journal's debug level says why. */
WgMemPressure *wg_mem_pressure_new(WgMemPressureFunc func, gpointer user_data);
void wg_mem_pressure_free(WgMemPressure *pressure);

/* fake-types.h: types of checks for tests of the engine, whose looks do what their subject says,
 * and write down that they looked.
 *
 * "fake" is asynchronous. Its subject is a list of words, one a look, the last one for all others:
 *   pass fail error skip never  and with "N:" before it: after N ms
 * It observes {"ok": true|false, "n": the number of the look from 1, "text", "texts", "time",
 * "json", "mode", "peer"}. "hung" hangs in a worker thread until fake_types_release(). */
#pragma once

#include "checks/plan.h"

void fake_types_install(void);
/* The names of subjects in the order of their looks, so far, with blanks between; emptied. */
char *fake_types_log(void);
/* The largest number of looks that were under way at once since the last call. */
guint fake_types_most(void);
void fake_types_release(void); /* lets hung threads go on, and those answer that never would */

/* A plan from JSON text; fails the test when it is refused. */
ChkPlan *fake_plan(const char *json);

/* program.h: a program of the system, run to its end by a look on a worker thread.
 *
 * For questions that only a program answers (rpm). argv only; LC_ALL=C; no input; ended when the
 * look is over. What users ask to be run goes through common/run.h instead. */
#pragma once

#include "checks/check.h"

/* Its exit status, or -1 with an error: it could not be started, was killed, wrote no text. What it
 * wrote is NULL or to be freed with g_free() in any case. When the look is cancelled it is killed
 * with all that it started. */
int chk_program(const ChkLook *look, const char *const *argv, char **ret_out, char **ret_err,
                GError **error);

/* program.h: a program of the system, run to its end by a look on a worker thread.
 *
 * For questions that only a program answers (rpm). argv only; LC_ALL=C; no input; ended when the
 * look is over. What users ask to be run goes through common/run.h instead. */
#pragma once

#include "checks/check.h"

/* Its exit status with what it wrote to stdout, or -1 with an error: it could not be started, was
 * killed, wrote no text. Stderr is dropped. */
int chk_program(const ChkLook *look, const char *const *argv, char **ret_out, GError **error);

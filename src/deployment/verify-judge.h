/* verify-judge.h: what the end of waggle-verify means. Pure. */
#pragma once

#include "deployment/verify-run.h"

/* `results`: its last word, JSON; NULL: it had none. Status and results have to agree, or nobody
 * knows. `ret_text`: one line; (transfer full). */
DplVerdict dpl_verify_judge(const WgRunEnd *run, const char *results, gboolean canceled,
                            char **ret_text);
/* Replaces *text. */
void dpl_verify_say(char **text, const char *format, ...) G_GNUC_PRINTF(2, 3);

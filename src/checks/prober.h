/* prober.h: waggle-prober: looks at what waggle-monitord asks for, in a process of its own.
 *
 * Libraries of protocols may crash, leak or hang; here that costs a verdict and never the daemon.
 * It keeps nothing between two requests and decides nothing but the verdict of one look. Both sides
 * talk in lines (common/lines.h), each a JSON object:
 *
 *   {"id": 7, "check": {"http": "http://127.0.0.1/", "expect": {...}}, "timeout": US}
 *   {"cancel": 7}
 *
 * and each id that was not cancelled is answered once, in the order of their ends:
 *
 *   {"id": 7, "verdict": "pass|warn|fail|error|skip", "text": "why", "values": {...},
 *    "duration": US, "hung": N, "refused": true}
 *
 * "values" has numbers, truths and short texts only. "hung": worker threads that were left behind.
 * "refused": the check can never be looked at as it is. The loop's thread. */
#pragma once

#include "checks/world.h"

#define CHK_PROBER_LINE_MAX (1024 * 1024)
#define CHK_PROBER_QUEUE_MAX (16 * 1024 * 1024)

typedef struct ChkProber ChkProber;

/* Takes `fd`. `ended` is called once, from the loop, when the other side is gone or talks
 * nonsense. */
ChkProber *chk_prober_new(int fd, ChkWorld *world, void (*ended)(gpointer user_data),
                          gpointer user_data);
void chk_prober_free(ChkProber *prober);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkProber, chk_prober_free)

/* prober-program.c: the whole program; it talks on its standard input. */
int chk_prober_main(int argc, char **argv);

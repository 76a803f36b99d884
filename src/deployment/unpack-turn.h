/* unpack-turn.h: how many artifacts are decompressed at once, in the whole process.
 *
 * A decoder of xz or zstd holds what its artifact's maker asks for, up to its bound (xz-read.h; of
 * zstd libzstd's own, 128 MiB), and there may be as many deployments and plans as are configured.
 * So each artifact takes a turn before its first decoder holds any memory, waits for it in order,
 * and gives it back when its last one is gone. Nobody waits who holds one. */
#pragma once

#include "deployment/work.h"

/* At 128 MiB each 512 MiB: a quarter of the unit's MemoryMax=. */
#define DPL_UNPACK_TURNS 4

/* Blocks a worker thread until there is one. FALSE: cancelled, none was taken. */
gboolean dpl_unpack_turn_take(const DplWork *work, GError **error);
void dpl_unpack_turn_give(void);
/* How many are taken and how many wait. */
void dpl_unpack_turns(guint *ret_taken, guint *ret_waiting);

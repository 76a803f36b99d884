/* parallel.h: the same work on many things, on as many threads as there are processors (two at
 * least, since one waits for the disk while the other computes; eight at most). */
#pragma once

#include "deployment/work.h"

/* Calls each(i) for 0..n-1, in about that order, from several threads (the caller's is one); stops
 * at the first error or when cancelled. */
gboolean dpl_parallel(guint n, gboolean (*each)(guint i, gpointer user_data, GError **error),
                      gpointer user_data, const DplWork *work, GError **error);
guint dpl_parallel_threads(void);

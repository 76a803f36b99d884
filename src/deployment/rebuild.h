/* rebuild.h: what is known of targets after the store was damaged.
 *
 * The link says what is current, the tree file whether that is whole, and the audit chain what was
 * committed. A release that no unbroken entry calls committed is unknown, and an unknown release is
 * never treated as good: its target is left as it is and takes no new deployment before somebody
 * has looked (force). Blocks: for a start. */
#pragma once

#include "deployment/record-store.h"
#include "deployment/targets.h"

/* Before wg_records_begin(), with what dpl_store_load() gave when `loaded->rebuilt` is set; writes
 * what it found. `sites` (NULL: none) adds targets that the store no longer knows. */
gboolean dpl_rebuild(DplStore *store, DplLoaded *loaded, const DplSites *sites, GError **error);

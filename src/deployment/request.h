/* request.h: what is asked for becomes the records that the engine takes (txn.h). */
#pragma once

#include "deployment/manifest.h"
#include "deployment/record.h"

/* `manifest` was made for `site`; `base`: where its relative paths stand. */
DplRecord *dpl_request_record(const DplManifest *manifest, const DplSite *site, const char *base);
/* Back to the release that `committed` took there: its manifest, its checks, no sources. */
DplRecord *dpl_request_rollback(const DplRecord *committed);

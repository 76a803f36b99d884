/* sources.h: what a manifest's release is made from, opened: artifacts, signatures and templates.
 *
 * Blocks: worker threads. A relative path of the manifest stands against the base that its caller
 * gave. What is opened stays the same file however long it takes. */
#pragma once

#include "deployment/manifest.h"
#include "deployment/stage.h"

#define DPL_TEMPLATE_MAX (1024 * 1024) /* bytes */

typedef struct DplSources DplSources;

/* `manifest`: made for `site`; both are held. INVALID_ARGUMENT names the file and what is wrong. */
DplSources *dpl_sources_open(const DplManifest *manifest, const DplSite *site, const char *base,
                             GError **error);
void dpl_sources_free(DplSources *sources);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSources, dpl_sources_free)

/* Fills everything of `ret` that the manifest says; transaction, keys, time and `dry` are the
 * caller's. Borrowed from `sources`, which must live as long as the staging. */
void dpl_sources_stage(DplSources *sources, DplStageOptions *ret);
/* Bytes that the artifacts have as files; archives are larger once they are unpacked. */
guint64 dpl_sources_bytes(const DplSources *sources);
/* After a dry staging: what the release would have at a path of its unit files; NULL: not there (a
 * link, a directory, larger than DPL_TEMPLATE_MAX). Borrowed. */
GBytes *dpl_sources_content(DplSources *sources, const char *path);

/* targets.h: the targets of a machine, one file each: targets.d/NAME.conf (waggle-target(5)).
 *
 * A target is a root directory with a name; it is deployed to by name, by domain or by labels. No
 * two targets share a root, nor lies one in the other: those that do are all refused. A file that
 * is wrong costs its own target only. */
#pragma once

#include "common/config.h"
#include "common/error.h"

typedef struct {
  gatomicrefcount refs;
  char *name, *root;
  char *domain, *instance, *owner; /* "" where there is none */
  GHashTable *labels, *vars;       /* text -> text */
} DplSite;
DplSite *dpl_site_ref(DplSite *site);
void dpl_site_unref(DplSite *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSite, dpl_site_unref)
/* Copies name and root; the rest is empty and may be filled before it is shared. INVALID_ARGUMENT:
 * no name of a target, or no root. */
DplSite *dpl_site_new(const char *name, const char *root, GError **error);

/* Names, when there are any; else all of the domain that have all the labels. */
typedef struct {
  char **names;       /* NULL: none */
  char *domain;       /* NULL: any */
  GHashTable *labels; /* text -> text; NULL: any */
} DplSelection;
void dpl_selection_clear(DplSelection *selection);
gboolean dpl_selection_is_empty(const DplSelection *selection);

typedef struct DplSites DplSites;
extern const WgConfigKey dpl_target_keys[];

/* `dirs`: configuration directories, weakest first (wg_config_dirs()); targets.d below each. What
 * is wrong is told in `problems` ("PATH: ...", char *, may be NULL). Blocks. */
DplSites *dpl_sites_load(const char *const *dirs, GPtrArray *problems);
void dpl_sites_free(DplSites *sites);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSites, dpl_sites_free)
guint dpl_sites_n(const DplSites *sites);
DplSite *dpl_sites_at(const DplSites *sites, guint i);            /* borrowed; sorted by name */
DplSite *dpl_sites_find(const DplSites *sites, const char *name); /* borrowed or NULL */
/* Names of targets whose files are refused: borrowed and sorted; the array is the caller's. Why one
 * is: NULL when it is not. */
GPtrArray *dpl_sites_refused(const DplSites *sites);
const char *dpl_sites_refusal(const DplSites *sites, const char *name);
/* A target that a manifest describes itself: whether it may be beside these. One of the same name
 * has to be the same target (the same root). INVALID_STATE. */
gboolean dpl_sites_may_add(const DplSites *sites, const DplSite *site, GError **error);
/* DplSite, each a reference; never an empty list: INVALID_ARGUMENT says what there is,
 * CONFIGURATION why a target that was asked for is refused. */
GPtrArray *dpl_sites_select(const DplSites *sites, const DplSelection *selection, GError **error);

/* "key=value key='v w'": into a table. INVALID_ARGUMENT. */
GHashTable *dpl_pairs_parse(const char *text, GError **error);
/* A name of a target or of a manifest: letters, digits, '.', '_', '-', '@', not first '.' or '-';
 * at most 64. */
gboolean dpl_name_valid(const char *name);
/* Of a variable or a label: letters, digits, '_', '-', not first a digit or '-'. */
gboolean dpl_key_valid(const char *name);

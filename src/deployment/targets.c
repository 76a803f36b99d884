/* targets.c: the set of targets: files read, roots compared, selections made; see targets.h. One
 * target by itself is in target-site.c. */
#include "deployment/targets.h"

#include "common/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct DplSites {
  GPtrArray *sites;    /* DplSite, sorted by name */
  GHashTable *refused; /* name -> why */
};

const WgConfigKey dpl_target_keys[] = {
    {"Target", "Root", WG_CONFIG_STRING, "", 0, 0,
     "the directory that releases, shared files and the link to the current release lie in"},
    {"Target", "Domain", WG_CONFIG_STRING, "", 0, 0,
     "a name that several targets share, to deploy to all of them"},
    {"Target", "Labels", WG_CONFIG_STRING, "", 0, 0, "KEY=VALUE..., to choose targets by"},
    {"Target", "Instance", WG_CONFIG_STRING, "", 0, 0,
     "what ${target.instance} stands for, as the instance of a template unit"},
    {"Target", "Vars", WG_CONFIG_STRING, "", 0, 0,
     "KEY=VALUE..., variables that take the place of the manifest's"},
    {"Target", "Owner", WG_CONFIG_STRING, "", 0, 0,
     "who answers for it; shown in lists, gives no right"},
    {NULL},
};

/* Takes `why`. */
static void refuse(DplSites *sites, GPtrArray *problems, const char *name, char *why) {
  if (problems)
    g_ptr_array_add(problems, g_strdup_printf("target '%s': %s", name, why));
  g_hash_table_replace(sites->refused, g_strdup(name), why);
}

/* ---- files ---- */
static const char *value_of(const WgConfig *config, const char *key) {
  return wg_config_string(config, "Target", key);
}

/* A file that is empty, or a link to nothing, masks one of the same name. */
static gboolean is_masked(const WgConfig *config) {
  for (const WgConfigKey *key = dpl_target_keys; key->section; key++)
    if (*value_of(config, key->key))
      return FALSE;
  return TRUE;
}

static gboolean take_pairs(const WgConfig *config, const char *key, GHashTable **into,
                           GError **error) {
  GHashTable *pairs = dpl_pairs_parse(value_of(config, key), error);

  if (!pairs) {
    g_prefix_error(error, "%s=: ", key);
    return FALSE;
  }
  g_hash_table_unref(*into);
  *into = pairs;
  return TRUE;
}

static void take_text(const WgConfig *config, const char *key, char **into) {
  g_free(*into);
  *into = g_strdup(value_of(config, key));
}

static DplSite *site_of(const char *name, const WgConfig *config, GError **error) {
  g_autoptr(DplSite) site = dpl_site_new(name, value_of(config, "Root"), error);

  if (!site || !take_pairs(config, "Labels", &site->labels, error) ||
      !take_pairs(config, "Vars", &site->vars, error))
    return NULL;
  take_text(config, "Domain", &site->domain);
  take_text(config, "Instance", &site->instance);
  take_text(config, "Owner", &site->owner);
  return g_steal_pointer(&site);
}

static void load_one(DplSites *sites, const char *const *dirs, const char *name,
                     GPtrArray *problems) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgConfig) config = wg_config_load_from(dirs, name, dpl_target_keys, &error);

  if (config && is_masked(config))
    return;
  DplSite *site = config ? site_of(name, config, &error) : NULL;
  if (site)
    g_ptr_array_add(sites->sites, site);
  else
    refuse(sites, problems, name, g_strdup(error->message));
}

static void find_names(const char *dir, GHashTable *names, GPtrArray *problems) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) d = g_dir_open(dir, 0, &error);
  const char *entry;

  if (problems && !d && !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
      !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
    g_ptr_array_add(problems, g_strdup(error->message));
  while (d && (entry = g_dir_read_name(d)))
    if (*entry != '.' && g_str_has_suffix(entry, ".conf"))
      g_hash_table_add(names, g_strndup(entry, strlen(entry) - strlen(".conf")));
}

/* ---- roots ---- */
/* The root with its links followed as far as it exists, and a slash at the end. */
static char *real_root(const char *root) {
  g_autofree char *head = g_strdup(root), *rest = g_strdup("");

  for (;;) {
    char *real = realpath(head, NULL);
    if (real) {
      char *whole = g_strconcat(strcmp(real, "/") ? real : "", rest, "/", NULL);
      free(real);
      return whole;
    }
    char *slash = strrchr(head, '/');
    if (!slash || slash == head)
      return g_strconcat(root, "/", NULL);
    char *longer = g_strconcat(slash, rest, NULL);
    g_free(rest);
    rest = longer;
    *slash = '\0';
  }
}

static gboolean overlap(const char *a, const char *b) {
  return g_str_has_prefix(a, b) || g_str_has_prefix(b, a);
}

typedef struct {
  DplSite *site;
  char *real;
  gboolean refused;
} Root;

static void root_clear(gpointer data) {
  g_free(((Root *)data)->real);
}

static int by_root(gconstpointer a, gconstpointer b) {
  return strcmp(((const Root *)a)->real, ((const Root *)b)->real);
}

static void refuse_overlap(DplSites *sites, GPtrArray *problems, const DplSite *site,
                           const DplSite *other) {
  refuse(sites, problems, site->name,
         g_strdup_printf("its root %s and %s of target '%s' lie in one another, so neither is used",
                         site->root, other->root, other->name));
}

/* Sorted, what lies in a root comes right after it. */
static void refuse_overlaps(DplSites *sites, GPtrArray *problems) {
  g_autoptr(GArray) roots = g_array_new(FALSE, TRUE, sizeof(Root));

  g_array_set_clear_func(roots, root_clear);
  for (guint i = 0; i < sites->sites->len; i++) {
    Root root = {.site = sites->sites->pdata[i]};
    root.real = real_root(root.site->root);
    g_array_append_val(roots, root);
  }
  g_array_sort(roots, by_root);
  for (guint i = 1, outer = 0; i < roots->len; i++) {
    Root *a = &g_array_index(roots, Root, outer), *b = &g_array_index(roots, Root, i);
    if (!overlap(a->real, b->real)) {
      outer = i;
      continue;
    }
    refuse_overlap(sites, problems, a->site, b->site);
    refuse_overlap(sites, problems, b->site, a->site);
    a->refused = b->refused = TRUE;
  }
  for (guint i = 0; i < roots->len; i++)
    if (g_array_index(roots, Root, i).refused)
      g_ptr_array_remove(sites->sites, g_array_index(roots, Root, i).site);
}

/* ---- the set ---- */
static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp((*(DplSite *const *)a)->name, (*(DplSite *const *)b)->name);
}

DplSites *dpl_sites_load(const char *const *dirs, GPtrArray *problems) {
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  DplSites *sites = g_new0(DplSites, 1);

  sites->sites = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_site_unref);
  sites->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *dir = g_build_filename(dirs[i], "targets.d", NULL);
    g_strv_builder_add(builder, dir);
    find_names(dir, names, problems);
  }
  g_auto(GStrv) places = g_strv_builder_end(builder);
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
  for (GList *l = sorted; l; l = l->next)
    load_one(sites, (const char *const *)places, l->data, problems);
  refuse_overlaps(sites, problems);
  g_ptr_array_sort(sites->sites, by_name);
  return sites;
}

void dpl_sites_free(DplSites *sites) {
  if (!sites)
    return;
  g_ptr_array_unref(sites->sites);
  g_hash_table_unref(sites->refused);
  g_free(sites);
}

guint dpl_sites_n(const DplSites *sites) {
  return sites->sites->len;
}

DplSite *dpl_sites_at(const DplSites *sites, guint i) {
  return sites->sites->pdata[i];
}

DplSite *dpl_sites_find(const DplSites *sites, const char *name) {
  for (guint i = 0; i < sites->sites->len; i++)
    if (strcmp(dpl_sites_at(sites, i)->name, name) == 0)
      return dpl_sites_at(sites, i);
  return NULL;
}

static gint by_pointed(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *dpl_sites_refused(const DplSites *sites) {
  GPtrArray *names = g_ptr_array_new();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init(&iter, sites->refused);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    g_ptr_array_add(names, name);
  g_ptr_array_sort(names, by_pointed);
  return names;
}

const char *dpl_sites_refusal(const DplSites *sites, const char *name) {
  return g_hash_table_lookup(sites->refused, name);
}

gboolean dpl_sites_may_add(const DplSites *sites, const DplSite *site, GError **error) {
  g_autofree char *own = real_root(site->root);

  for (guint i = 0; i < sites->sites->len; i++) {
    const DplSite *other = dpl_sites_at(sites, i);
    g_autofree char *root = real_root(other->root);
    gboolean same = strcmp(other->name, site->name) == 0;
    if (same ? strcmp(root, own) == 0 : !overlap(root, own))
      continue;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                same ? "target '%s' is there with another root, %s"
                     : "target '%s' has the root %s, and one lies in the other",
                other->name, other->root);
    return FALSE;
  }
  return TRUE;
}

/* ---- selecting ---- */
static gboolean has_labels(const DplSite *site, GHashTable *labels) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, labels);
  while (g_hash_table_iter_next(&iter, &key, &value))
    if (g_strcmp0(g_hash_table_lookup(site->labels, key), value) != 0)
      return FALSE;
  return TRUE;
}

static gboolean is_selected(const DplSite *site, const DplSelection *selection) {
  return (!selection->domain || strcmp(site->domain, selection->domain) == 0) &&
         (!selection->labels || has_labels(site, selection->labels));
}

static gboolean add_named(const DplSites *sites, const char *name, GPtrArray *list,
                          GError **error) {
  DplSite *site = dpl_sites_find(sites, name);

  if (site) {
    if (!g_ptr_array_find(list, site, NULL))
      g_ptr_array_add(list, dpl_site_ref(site));
    return TRUE;
  }
  const char *why = dpl_sites_refusal(sites, name);
  if (why) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "target '%s' is refused: %s", name, why);
    return FALSE;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < sites->sites->len; i++)
    g_ptr_array_add(names, dpl_sites_at(sites, i)->name);
  g_ptr_array_add(names, NULL);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)names->pdata);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no target '%.80s'; %s", name,
              hint ?: "targets.d has a file for each, see waggle-target(5)");
  return FALSE;
}

GPtrArray *dpl_sites_select(const DplSites *sites, const DplSelection *selection, GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_site_unref);

  for (guint i = 0; selection->names && selection->names[i]; i++)
    if (!add_named(sites, selection->names[i], list, error))
      return NULL;
  for (guint i = 0; !selection->names && i < sites->sites->len; i++)
    if (is_selected(dpl_sites_at(sites, i), selection))
      g_ptr_array_add(list, dpl_site_ref(dpl_sites_at(sites, i)));
  g_ptr_array_sort(list, by_name);
  if (list->len > 0)
    return g_steal_pointer(&list);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "no target%s%s%s; there are %u in all, see waggle-target(5)",
              selection->domain ? " of the domain " : "", selection->domain ?: "",
              selection->labels ? " with these labels" : "", sites->sites->len);
  return NULL;
}

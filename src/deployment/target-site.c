/* target-site.c: one target by itself: its name, its root, its pairs; see targets.h. */
#include "deployment/targets.h"

#include <string.h>

#define NAME_MAX_LENGTH 64

gboolean dpl_name_valid(const char *name) {
  return *name && strlen(name) <= NAME_MAX_LENGTH && *name != '.' && *name != '-' &&
         strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-@") == strlen(name);
}

gboolean dpl_key_valid(const char *name) {
  return *name && strlen(name) <= NAME_MAX_LENGTH && *name != '-' && !g_ascii_isdigit(*name) &&
         strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-") == strlen(name);
}

/* Absolute and as short as it can be said: what is compared and handed to others. */
static gboolean root_valid(const char *root) {
  g_autofree char *clean = NULL;

  if (!g_path_is_absolute(root) || strchr(root, '\n'))
    return FALSE;
  clean = g_canonicalize_filename(root, "/");
  return strcmp(clean, root) == 0 && strcmp(root, "/") != 0;
}

static GHashTable *pairs_new(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

DplSite *dpl_site_new(const char *name, const char *root, GError **error) {
  if (!dpl_name_valid(name)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.80s' is no name of a target: letters, digits, '.', '_', '-' and '@', at most "
                "%d, not first '.' or '-'",
                name, NAME_MAX_LENGTH);
    return NULL;
  }
  if (!root_valid(root)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.200s' is no root: an absolute path without '..', '//' and a slash at the end, "
                "and not / itself",
                root);
    return NULL;
  }
  DplSite *site = g_new0(DplSite, 1);
  g_atomic_ref_count_init(&site->refs);
  site->name = g_strdup(name);
  site->root = g_strdup(root);
  site->domain = g_strdup("");
  site->instance = g_strdup("");
  site->owner = g_strdup("");
  site->labels = pairs_new();
  site->vars = pairs_new();
  return site;
}

DplSite *dpl_site_ref(DplSite *site) {
  g_atomic_ref_count_inc(&site->refs);
  return site;
}

void dpl_site_unref(DplSite *site) {
  if (!site || !g_atomic_ref_count_dec(&site->refs))
    return;
  g_free(site->name);
  g_free(site->root);
  g_free(site->domain);
  g_free(site->instance);
  g_free(site->owner);
  g_hash_table_unref(site->labels);
  g_hash_table_unref(site->vars);
  g_free(site);
}

void dpl_selection_clear(DplSelection *selection) {
  g_clear_pointer(&selection->names, g_strfreev);
  g_clear_pointer(&selection->domain, g_free);
  g_clear_pointer(&selection->labels, g_hash_table_unref);
}

gboolean dpl_selection_is_empty(const DplSelection *selection) {
  return !selection->names && !selection->domain && !selection->labels;
}

static gboolean add_pair(GHashTable *pairs, const char *pair, GError **error) {
  const char *sign = strchr(pair, '=');
  g_autofree char *key = g_strndup(pair, sign ? (gsize)(sign - pair) : strlen(pair));

  if (!sign || !dpl_key_valid(key))
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.80s' is no KEY=VALUE; a key has letters, digits, '_' and '-'", pair);
  else if (g_hash_table_contains(pairs, key))
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is here twice; which one counts?",
                key);
  else
    return g_hash_table_replace(pairs, g_steal_pointer(&key), g_strdup(sign + 1));
  return FALSE;
}

GHashTable *dpl_pairs_parse(const char *text, GError **error) {
  g_autoptr(GHashTable) pairs = pairs_new();
  g_autoptr(GError) local = NULL;
  g_auto(GStrv) words = NULL;

  if (!g_shell_parse_argv(text, NULL, &words, &local) &&
      !g_error_matches(local, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s", local->message);
    return NULL;
  }
  for (guint i = 0; words && words[i]; i++)
    if (!add_pair(pairs, words[i], error))
      return NULL;
  return g_steal_pointer(&pairs);
}

/* profiles.c: see profiles.h. Finds the profiles' names in the directories; what a file says is
 * profile-keys.c's. A set is immutable: a reload makes a new one. */
#include "typing/profiles.h"

#include "common/error.h"
#include "common/nearest.h"
#include "typing/profile-keys.h"

#include <string.h>
#include <sys/stat.h>

#define DIRECTORY "profiles.d"
#define SUFFIX ".conf"
#define DEFAULT "default"
#define PROFILES_MAX 1000

struct TypProfiles {
  grefcount refs;
  GPtrArray *list; /* TypProfile, in the order in which they are tried; the last is "default" */
};

static gboolean name_is_valid(const char *name, gsize len) {
  return len > 0 && len <= 64 && g_ascii_isalnum(*name) &&
         strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") >= len;
}

/* Puts the names of `dir`'s profiles into `names` (a set). */
static gboolean find_names(const char *dir, GHashTable *names, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(GDir) d = g_dir_open(dir, 0, &local);
  const char *entry;

  if (d == NULL) {
    if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
        g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
      return TRUE;
    g_set_error_literal(error, WG_ERROR, WG_ERROR_CONFIGURATION, local->message);
    return FALSE;
  }
  while ((entry = g_dir_read_name(d)) != NULL) {
    if (*entry == '.' || !g_str_has_suffix(entry, SUFFIX))
      continue;
    gsize len = strlen(entry) - strlen(SUFFIX);
    if (!name_is_valid(entry, len) || g_hash_table_size(names) >= PROFILES_MAX) {
      g_set_error(
          error, WG_ERROR, WG_ERROR_CONFIGURATION,
          "%s/%s: a profile's name has letters, digits, dot, dash and underscore, and there "
          "are at most %d",
          dir, entry, PROFILES_MAX);
      return FALSE;
    }
    g_hash_table_add(names, g_strndup(entry, len));
  }
  return TRUE;
}

/* The strongest file of the name is empty or a device: the profile was taken away. */
static gboolean is_masked(const char *const *dirs, const char *name) {
  gboolean masked = FALSE;

  for (guint i = 0; dirs[i] != NULL; i++) {
    g_autofree char *path = g_strconcat(dirs[i], "/", name, SUFFIX, NULL);
    struct stat st;
    if (stat(path, &st) == 0)
      masked = S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0);
  }
  return masked;
}

static gint compare_profiles(gconstpointer a, gconstpointer b) {
  const TypProfile *x = *(const TypProfile *const *)a, *y = *(const TypProfile *const *)b;
  gboolean x_last = strcmp(x->name, DEFAULT) == 0, y_last = strcmp(y->name, DEFAULT) == 0;

  if (x_last != y_last)
    return x_last ? 1 : -1;
  if (x->priority != y->priority)
    return x->priority > y->priority ? -1 : 1;
  return strcmp(x->name, y->name);
}

static gboolean add_profile(TypProfiles *profiles, const char *const *dirs, const char *name,
                            GError **error) {
  g_autoptr(WgConfig) config = wg_config_load_from(dirs, name, typ_profile_keys, error);
  TypProfile *profile = config != NULL ? typ_profile_new(name, config, error) : NULL;

  if (profile == NULL) {
    g_prefix_error(error, "profile %s: ", name);
    return FALSE;
  }
  g_ptr_array_add(profiles->list, profile);
  return TRUE;
}

TypProfiles *typ_profiles_load(const char *const *dirs, GError **error) {
  g_autoptr(TypProfiles) profiles = g_new0(TypProfiles, 1);
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  GHashTableIter iter;
  gpointer name;

  g_ref_count_init(&profiles->refs);
  profiles->list = g_ptr_array_new_with_free_func((GDestroyNotify)typ_profile_free);
  for (guint i = 0; dirs[i] != NULL; i++) {
    g_autofree char *dir = g_build_filename(dirs[i], DIRECTORY, NULL);
    if (!find_names(dir, names, error))
      return NULL;
    g_strv_builder_add(builder, dir);
  }
  g_auto(GStrv) own_dirs = g_strv_builder_end(builder);
  g_hash_table_add(names, g_strdup(DEFAULT));
  g_hash_table_iter_init(&iter, names);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    gboolean is_default = strcmp(name, DEFAULT) == 0;
    if ((is_default || !is_masked((const char *const *)own_dirs, name)) &&
        !add_profile(profiles, (const char *const *)own_dirs, name, error))
      return NULL;
  }
  g_ptr_array_sort(profiles->list, compare_profiles);
  return g_steal_pointer(&profiles);
}

TypProfiles *typ_profiles_ref(TypProfiles *profiles) {
  g_ref_count_inc(&profiles->refs);
  return profiles;
}

void typ_profiles_unref(TypProfiles *profiles) {
  if (profiles == NULL || !g_ref_count_dec(&profiles->refs))
    return;
  g_clear_pointer(&profiles->list, g_ptr_array_unref);
  g_free(profiles);
}

const char **typ_profiles_names(const TypProfiles *profiles) {
  const char **names = g_new0(const char *, profiles->list->len + 1);

  for (guint i = 0; i < profiles->list->len; i++)
    names[i] = ((const TypProfile *)profiles->list->pdata[i])->name;
  return names;
}

const TypProfile *typ_profiles_find(const TypProfiles *profiles, const char *name, GError **error) {
  for (guint i = 0; i < profiles->list->len; i++)
    if (strcmp(((const TypProfile *)profiles->list->pdata[i])->name, name) == 0)
      return profiles->list->pdata[i];
  g_autofree const char **names = typ_profiles_names(profiles);
  g_autofree char *hint = wg_nearest_hint(name, names);
  g_autofree char *all = hint == NULL ? g_strjoinv(", ", (char **)names) : NULL;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "there is no profile '%s'; %s%s", name,
              hint != NULL ? hint : "the profiles are: ", hint != NULL ? "" : all);
  return NULL;
}

const TypProfile *typ_profiles_match(const TypProfiles *profiles, const char *class,
                                     const char *instance, const char *title) {
  guint last = profiles->list->len - 1;

  for (guint i = 0; i < last; i++)
    if (typ_profile_matches(profiles->list->pdata[i], class, instance, title))
      return profiles->list->pdata[i];
  return profiles->list->pdata[last];
}

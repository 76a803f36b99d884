/* profile-keys.c: the keys of a profile (profiles.h), from configuration to TypProfile. Knows no
 * files. */
#include "typing/profile-keys.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

#define PROFILE "Profile"
#define MATCH "Match"
#define TYPING "Typing"

const WgConfigKey typ_profile_keys[] = {
    {PROFILE, "Description", WG_CONFIG_STRING, "", 0, 0, "what it is for"},
    {PROFILE, "Priority", WG_CONFIG_UINT, "50", 0, 100,
     "of several that match the highest counts; of equal ones the first name"},
    {MATCH, "Class", WG_CONFIG_STRING, "", 0, 0, "globs of the window's class, ; between"},
    {MATCH, "Instance", WG_CONFIG_STRING, "", 0, 0, "globs of its instance"},
    {MATCH, "Title", WG_CONFIG_STRING, "", 0, 0, "globs of its title"},
    {TYPING, "Terminal", WG_CONFIG_BOOL, "no", 0, 0,
     "invisible format characters are removed as well"},
    {TYPING, "SubmitKey", WG_CONFIG_STRING, "Return", 0, 0, "the key that sends; none: none"},
    {TYPING, "SubmitDelaySec", WG_CONFIG_USEC, "50ms", 0, 10 * G_USEC_PER_SEC,
     "between the last character and the submit key"},
    {TYPING, "KeyDelaySec", WG_CONFIG_USEC, "1ms", 0, G_USEC_PER_SEC, "between two characters"},
    {TYPING, "SettleSec", WG_CONFIG_USEC, "20ms", 0, 5 * G_USEC_PER_SEC,
     "for the program to take a changed keyboard map in"},
    {TYPING, "Newline", WG_CONFIG_STRING, "space", 0, 0,
     "the key that makes a line break; space: a space is typed instead"},
    {TYPING, "Tab", WG_CONFIG_STRING, "space", 0, 0,
     "key: the Tab key is pressed; space: a space is typed instead"},
    {NULL},
};

static TypProfile *refuse(GError **error, const char *key, const char *text, const char *expected) {
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s=: '%s' is not %s", key, text, expected);
  return NULL;
}

gboolean typ_key_sequence_check(const char *text, GError **error) {
  static const char *const modifiers[] = {"shift", "ctrl", "control", "alt", "meta", "super", NULL};
  g_auto(GStrv) parts = g_strsplit(text, "+", -1);
  guint n = g_strv_length(parts);

  for (guint i = 0; i < n; i++) {
    g_autofree char *lower = g_ascii_strdown(parts[i], -1);
    if (*parts[i] == '\0' ||
        strspn(parts[i], G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_") != strlen(parts[i])) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "'%s' is not a key such as Return or ctrl+Return", text);
      return FALSE;
    }
    if (i + 1 == n || g_strv_contains(modifiers, lower))
      continue;
    g_autofree char *hint = wg_nearest_hint(lower, modifiers);
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no modifier%s%s", parts[i],
                hint != NULL ? "; " : "", hint != NULL ? hint : "");
    return FALSE;
  }
  if (n == 0)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a key is missing");
  return n > 0;
}

/* "a;b" without empty members; lower case where windows are compared so. */
static char **globs_of(const char *text, gboolean fold) {
  g_auto(GStrv) parts = g_strsplit(text, ";", -1);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  for (guint i = 0; parts[i] != NULL; i++) {
    g_autofree char *part = fold ? g_ascii_strdown(parts[i], -1) : g_strdup(parts[i]);
    if (*g_strstrip(part) != '\0')
      g_strv_builder_add(builder, part);
  }
  return g_strv_builder_end(builder);
}

/* A key sequence, or `word` for "". */
static gboolean take_key(const WgConfig *config, const char *key, const char *word, char **ret,
                         GError **error) {
  const char *text = wg_config_string(config, TYPING, key);
  gboolean is_word = g_ascii_strcasecmp(text, word) == 0;
  g_autoptr(GError) local = NULL;

  if (!is_word && !typ_key_sequence_check(text, &local)) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s=: %s", key, local->message);
    return FALSE;
  }
  *ret = g_strdup(is_word ? "" : text);
  return TRUE;
}

void typ_profile_free(TypProfile *profile) {
  if (profile == NULL)
    return;
  g_free(profile->name);
  g_free(profile->description);
  g_strfreev(profile->classes);
  g_strfreev(profile->instances);
  g_strfreev(profile->titles);
  g_free(profile->submit_key);
  g_free(profile->newline);
  g_free(profile);
}

TypProfile *typ_profile_new(const char *name, const WgConfig *config, GError **error) {
  g_autoptr(TypProfile) p = g_new0(TypProfile, 1);
  const char *tab = wg_config_string(config, TYPING, "Tab");

  p->name = g_strdup(name);
  p->description = g_strdup(wg_config_string(config, PROFILE, "Description"));
  p->priority = wg_config_u64(config, PROFILE, "Priority");
  p->classes = globs_of(wg_config_string(config, MATCH, "Class"), TRUE);
  p->instances = globs_of(wg_config_string(config, MATCH, "Instance"), TRUE);
  p->titles = globs_of(wg_config_string(config, MATCH, "Title"), FALSE);
  p->terminal = wg_config_bool(config, TYPING, "Terminal");
  p->submit_delay = wg_config_u64(config, TYPING, "SubmitDelaySec");
  p->key_delay = wg_config_u64(config, TYPING, "KeyDelaySec");
  p->settle = wg_config_u64(config, TYPING, "SettleSec");
  p->tabs = g_ascii_strcasecmp(tab, "key") == 0;
  if (!p->tabs && g_ascii_strcasecmp(tab, "space") != 0)
    return refuse(error, "Tab", tab, "key or space");
  if (!take_key(config, "SubmitKey", "none", &p->submit_key, error) ||
      !take_key(config, "Newline", "space", &p->newline, error))
    return NULL;
  return g_steal_pointer(&p);
}

static gboolean any_matches(char **globs, const char *text) {
  for (guint i = 0; globs[i] != NULL; i++)
    if (g_pattern_match_simple(globs[i], text))
      return TRUE;
  return FALSE;
}

static gboolean matches_folded(char **globs, const char *text) {
  g_autofree char *folded = g_ascii_strdown(text != NULL ? text : "", -1);

  return globs[0] == NULL || any_matches(globs, folded);
}

gboolean typ_profile_matches(const TypProfile *p, const char *class, const char *instance,
                             const char *title) {
  if (p->classes[0] == NULL && p->instances[0] == NULL && p->titles[0] == NULL)
    return FALSE; /* is only taken by its name */
  return matches_folded(p->classes, class) && matches_folded(p->instances, instance) &&
         (p->titles[0] == NULL || any_matches(p->titles, title != NULL ? title : ""));
}

/* profiles.h: how a program wants to be typed into: data files profiles.d/NAME.conf.
 *
 * They are read from the directories of the configuration (vendor, /etc, the user's), as every
 * configuration file is: NAME.conf of the strongest directory, then NAME.conf.d of each; an empty
 * file or a link to /dev/null takes a profile away. The profile of a window is the first whose
 * [Match] holds, by priority and then by name; "default" fits every window and is always there.
 * See waggle-profiles(5); a test compares it with typ_profile_keys. */
#pragma once

#include "common/config.h"

typedef struct {
  char *name, *description;
  guint64 priority;
  char **classes, **instances, **titles; /* globs; empty: not looked at */
  gboolean terminal;
  char *submit_key;     /* "Return"; "" for none */
  guint64 submit_delay; /* us between the last character and it */
  guint64 key_delay;    /* us between characters */
  guint64 settle;       /* us after a change of the keyboard map */
  char *newline;        /* a key sequence; "": a line break is typed as a space */
  gboolean tabs;        /* the Tab key is pressed; else a space is typed */
} TypProfile;

typedef struct TypProfiles TypProfiles;

extern const WgConfigKey typ_profile_keys[];

/* `dirs`: directories of the configuration, weakest first. WG_ERROR_CONFIGURATION names file, line
 * and key. */
TypProfiles *typ_profiles_load(const char *const *dirs, GError **error);
TypProfiles *typ_profiles_ref(TypProfiles *profiles);
void typ_profiles_unref(TypProfiles *profiles);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TypProfiles, typ_profiles_unref)

/* In the order in which they are tried; free the array only, with g_free(). */
const char **typ_profiles_names(const TypProfiles *profiles);
/* WG_ERROR_INVALID_ARGUMENT names the nearest one. */
const TypProfile *typ_profiles_find(const TypProfiles *profiles, const char *name, GError **error);
/* Any of the three may be NULL or empty. Never NULL. */
const TypProfile *typ_profiles_match(const TypProfiles *profiles, const char *class,
                                     const char *instance, const char *title);

/* "Return", "ctrl+Return": a key behind any modifiers. Whether the keyboard has it, the hand says.
 */
gboolean typ_key_sequence_check(const char *text, GError **error);

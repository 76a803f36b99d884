/* profile-keys.h: one profile, made of its configuration and matched with a window. */
#pragma once

#include "typing/profiles.h"

TypProfile *typ_profile_new(const char *name, const WgConfig *config, GError **error);
void typ_profile_free(TypProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TypProfile, typ_profile_free)
gboolean typ_profile_matches(const TypProfile *profile, const char *class, const char *instance,
                             const char *title);

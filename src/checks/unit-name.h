/* unit-name.h: the name of a systemd unit, as a subject of a check gives it. Pure. */
#pragma once

#include <glib.h>

/* The full name: "nginx" is "nginx.service". Free with g_free(). */
char *chk_unit_name(const char *name);
/* Refuses what cannot be a unit's name, and templates: an instance is looked at. */
gboolean chk_unit_name_is_good(const char *name, GError **error);

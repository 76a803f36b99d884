/* rehearse-unit-private.h: reading of unit files, for rehearse-unit.c and rehearse-socket.c. */
#pragma once

#include "deployment/rehearse-unit.h"

/* Of each setting of `section` ("[Service]"), as systemd puts its lines together; without the
 * blanks around. */
typedef void (*DplSettingFunc)(const char *key, const char *value, gpointer data);
void dpl_unit_settings(const char *text, const char *section, DplSettingFunc each, gpointer data);
/* The specifiers that are made of the unit's name, which will be another one. */
void dpl_unit_expand_names(GString *value, const char *original);
/* `left_out` may be NULL. */
void dpl_unit_leave_out(GPtrArray *left_out, const char *key);
/* "[Unit]" of what is made for `original`; more may follow in it. */
void dpl_isolation_add_unit(const DplIsolation *how, const char *original, GString *out);

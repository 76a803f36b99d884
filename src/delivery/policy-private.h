/* policy-private.h: what the files of the parser share. A DlvCheck carries where the parser is and
 * what it has found; a function that returns FALSE has told why. */
#pragma once

#include "delivery/policy.h"

typedef struct {
  GPtrArray *problems;
  GString *pointer; /* of what is looked at */
  const DlvBackendClass *const *classes;
} DlvCheck;

/* Tells a problem at the place; returns FALSE. */
gboolean dlv_check_problem(DlvCheck *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Takes `error` over as a problem at the place; returns FALSE. */
gboolean dlv_check_error(DlvCheck *c, GError *error);
/* Goes to a member or an element; the result goes to dlv_check_leave(). */
gsize dlv_check_enter(DlvCheck *c, const char *member);
gsize dlv_check_enter_index(DlvCheck *c, guint i);
void dlv_check_leave(DlvCheck *c, gsize before);

/* policy-check.c: every member of `object` against the keys of `section` and `own` (may be NULL);
 * unknown, missing, of a wrong type, out of bounds. FALSE: something was told. */
extern const DlvOption dlv_options_unknown[]; /* as `own`: whatever it has may be right */
gboolean dlv_check_members(DlvCheck *c, JsonObject *object, const char *section,
                           const DlvOption *own);
/* One value against its option. */
gboolean dlv_check_value(DlvCheck *c, JsonNode *node, const DlvOption *option);
/* What is not in the table: "did you mean". Free with g_free(). */
char *dlv_check_known(const char *word, GPtrArray *names);

/* policy-rules.c: conditions, quiet hours, rate and digest out of checked members. */
gboolean dlv_read_conditions(DlvCheck *c, JsonObject *object, DlvConditions *ret);
gboolean dlv_read_quiet(DlvCheck *c, JsonObject *object, DlvQuiet *ret);
/* ">=4", "<=3", "=5", "4..7" */
gboolean dlv_priorities_parse(const char *text, guint16 *ret, GError **error);

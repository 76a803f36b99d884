/* flaws.h: what is wrong with a check's subject and with its options: all of it, and which of them
 * it is. Filled by a type's validate() (subjects.h), told by who reads the file, at its own line.
 */
#pragma once

#include <glib.h>

typedef struct {
  const char *option; /* static; NULL: the subject */
  char *text;         /* what is wrong and what would be right */
} ChkFlaw;

typedef struct ChkFlaws ChkFlaws;

ChkFlaws *chk_flaws_new(void);
void chk_flaws_free(ChkFlaws *flaws);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkFlaws, chk_flaws_free)
guint chk_flaws_n(const ChkFlaws *flaws);
const ChkFlaw *chk_flaws_at(const ChkFlaws *flaws, guint i); /* in the order they were found */

void chk_flaw(ChkFlaws *flaws, const char *option, const char *text);
/* "'VALUE' is no WHAT: RIGHT" */
void chk_flaw_value(ChkFlaws *flaws, const char *option, const char *value, const char *what,
                    const char *right);
/* What a parser said, unless `error` is NULL; takes it. */
void chk_flaw_error(ChkFlaws *flaws, const char *option, GError *error);

/* goss-parse.h: the parser of templates from within; for goss-parse.c and goss-operand.c. */
#pragma once

#include "checks/goss-private.h"

typedef struct {
  Goss *g;
  const char *p; /* where we are */
  guint depth;
  const char *keyword; /* that ended a list of nodes: "end", "else"; NULL: the end of the text */
  gboolean trim;       /* the action before ended with "-}}" */
} GossParser;

/* goss-operand.c. What is made belongs to the rendering. */
gpointer goss_own(GossParser *s, gpointer what, GDestroyNotify destroy);
char *goss_own_text(GossParser *s, const char *text, gsize n);
GPtrArray *goss_own_array(GossParser *s);
#define GOSS_NEW(s, type) ((type *)goss_own(s, g_new0(type, 1), g_free))

/* FALSE: "expected ..., found ...". */
gboolean goss_expected(GossParser *s, GError **error, const char *expected);
/* Moves on, counting lines. */
void goss_skip(GossParser *s, gsize n);
void goss_blanks(GossParser *s);
gboolean goss_at_end(const GossParser *s); /* of an action */
gsize goss_word(const char *p);            /* its length */
gboolean goss_is_word(const GossParser *s, const char *word);

/* "text" or `text`; NULL: it does not end. */
JsonNode *goss_quoted(GossParser *s, GError **error);
GossPipe *goss_pipe(GossParser *s, gboolean declarations, GError **error);

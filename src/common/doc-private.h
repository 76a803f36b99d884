/* doc-private.h: what the notations of a document share: each tells a WgBuild what it reads, in
 * order, and the build makes the nodes, remembers their lines and watches the bounds.
 *
 * A function that returns FALSE has told why and means: read no further. */
#pragma once

#include "common/doc.h"

typedef struct {
  const WgDocBounds *bounds;
  WgProblems *problems;
  GArray *frames;    /* containers that are open, outermost first */
  GHashTable *lines; /* JsonNode -> line */
  JsonNode *root;
  guint nodes;
  gsize text; /* bytes of all keys and texts */
} WgBuild;

void wg_build_init(WgBuild *build, const WgDocBounds *bounds, WgProblems *problems);
void wg_build_clear(WgBuild *build);

/* A member or an element begins; its value follows. */
gboolean wg_build_key(WgBuild *build, const char *key, guint line);
void wg_build_item(WgBuild *build, guint line);
/* A value: a scalar (takes `node`), or a container until its close, which gives its node
 * (borrowed). */
gboolean wg_build_value(WgBuild *build, JsonNode *node, guint line);
gboolean wg_build_open(WgBuild *build, gboolean object, guint line);
JsonNode *wg_build_close(WgBuild *build);
/* The innermost open container; `depth` of them are open. */
JsonNode *wg_build_top(const WgBuild *build);
guint wg_build_depth(const WgBuild *build);

/* Tells a problem where the build is; returns FALSE. */
gboolean wg_build_problem(WgBuild *build, guint line, guint column, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* A number as JSON writes it; NULL: out of bounds (told). */
JsonNode *wg_build_number(WgBuild *build, const char *text, gsize size, guint line);
/* The length of the number at the beginning of `text`; 0: there is none. `*ret_bad` is where it
 * stops to be one, with what was expected there. */
gsize wg_json_number_length(const char *text, const char **ret_bad, const char **ret_expected);

/* json-scan.c, doc-yaml.c: FALSE: told, there is no document. `text` ends with NUL. */
gboolean wg_json_scan(WgBuild *build, const char *text);
gboolean wg_yaml_scan(WgBuild *build, const char *text, gsize size);

/* doc.h: a document from outside, JSON (RFC 8259, strict) or YAML 1.1 (through libyaml), as JSON
 * nodes that know their lines.
 *
 * Within bounds of size, depth and number of nodes (YAML aliases count each time); a key twice in
 * a mapping, a key that is no string, a tag or an anchor loop is a problem. YAML scalars are
 * resolved by the JSON schema: plain true/false/null/numbers (as JSON writes them) and nothing at
 * all (null), everything else is text; so "yes" and "0644" stay texts. "<<" merges. Pure: no I/O.
 */
#pragma once

#include "common/problems.h"

#include <json-glib/json-glib.h>

typedef enum { WG_DOC_AUTO, WG_DOC_JSON, WG_DOC_YAML } WgDocFormat; /* AUTO: '{' or '[' is JSON */

#define WG_DOC_BYTES_MAX (4 * 1024 * 1024) /* of the document, and of all its texts */
#define WG_DOC_DEPTH_MAX 64
#define WG_DOC_NODES_MAX 200000
#define WG_DOC_KEY_MAX 1024 /* bytes of a key: pointers stay short */

typedef struct {
  const char *what; /* "the manifest" */
  gsize bytes;
  guint depth, nodes;
} WgDocBounds;

typedef struct WgDoc WgDoc;

/* NULL when there is no root to read; what else is wrong stands in `problems`. */
WgDoc *wg_doc_parse(const char *bytes, gsize size, WgDocFormat format, WgProblems *problems);
/* The same within other bounds. */
WgDoc *wg_doc_parse_within(const char *bytes, gsize size, WgDocFormat format,
                           const WgDocBounds *bounds, WgProblems *problems);
void wg_doc_free(WgDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgDoc, wg_doc_free)
JsonNode *wg_doc_root(WgDoc *doc); /* borrowed */
/* Of a member its key's line. What is not there has the line of what it would be in. 0: unknown. */
guint wg_doc_line(const WgDoc *doc, const char *pointer);

/* The node at an RFC 6901 pointer, or NULL. Borrowed. */
JsonNode *wg_json_pointer(JsonNode *root, const char *pointer);
/* Canonical: keys sorted by bytes, no spaces, numbers that are not whole to 17 digits: the same
 * document gives the same bytes whatever its notation was. Free with g_free(). */
char *wg_json_canonical(JsonNode *node);

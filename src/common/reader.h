/* reader.h: typed reading of an object of a document, telling all that is wrong with it.
 *
 * A WgReader stands at one object. Each get names a key, which is known from then on;
 * wg_reader_end() tells every member that was never asked for, with the nearest known key ("x-"
 * keys are left alone). A get of a member of the wrong type or out of bounds adds a problem and
 * gives the fallback, so the caller reads on. Texts are borrowed from the document. */
#pragma once

#include "common/doc.h"

typedef struct WgReader WgReader;

/* `doc` may be NULL (no lines then). A node that is no object is a problem; the reader is empty. */
WgReader *wg_reader_new(WgDoc *doc, JsonNode *node, const char *pointer, WgProblems *problems);
/* Frees it; tells the unknown members. */
void wg_reader_end(WgReader *reader);
/* Frees it without looking. */
void wg_reader_drop(WgReader *reader);

gboolean wg_reader_has(WgReader *reader, const char *key); /* makes the key known */
void wg_reader_know(WgReader *reader, const char *key);
const char *wg_reader_text(WgReader *reader, const char *key, const char *fallback);
const char *wg_reader_need(WgReader *reader, const char *key); /* text; missing is a problem */
gboolean wg_reader_bool(WgReader *reader, const char *key, gboolean fallback);
gint64 wg_reader_int(WgReader *reader, const char *key, gint64 min, gint64 max, gint64 fallback);
double wg_reader_number(WgReader *reader, const char *key, double fallback);
/* us: "5s", "1min 30s", a bare number is seconds; "infinity" only with max = G_MAXUINT64 */
guint64 wg_reader_usec(WgReader *reader, const char *key, guint64 min, guint64 max,
                       guint64 fallback);
guint64 wg_reader_bytes(WgReader *reader, const char *key,
                        guint64 fallback); /* "16M" or a number */
/* One of `words` (NULL-terminated): its index. */
int wg_reader_word(WgReader *reader, const char *key, const char *const *words, int fallback);
/* A text or an array of texts; (transfer full), never NULL. */
char **wg_reader_texts(WgReader *reader, const char *key);
JsonNode *wg_reader_node(WgReader *reader, const char *key);   /* as it is; NULL: absent */
WgReader *wg_reader_object(WgReader *reader, const char *key); /* NULL: absent */
/* Elements of an array: their number, and the i-th as a reader (it must be an object) or a node. */
guint wg_reader_length(WgReader *reader, const char *key);
WgReader *wg_reader_element(WgReader *reader, const char *key, guint i);
JsonNode *wg_reader_element_node(WgReader *reader, const char *key, guint i);
/* The members, for objects whose keys are the user's own; a NULL-terminated vector, free with
 * g_free() (the names are borrowed). All become known. */
const char **wg_reader_keys(WgReader *reader);

/* A problem at this object's member (NULL: the object itself). */
void wg_reader_problem(WgReader *reader, const char *key, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
const char *wg_reader_pointer(const WgReader *reader);

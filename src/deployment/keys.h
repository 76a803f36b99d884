/* keys.h: the keys of a manifest as a table. The parser reads and frees by it, and the manual and
 * the published schema are compared with it, so that the four cannot drift apart. */
#pragma once

#include "common/reader.h"

typedef enum {
  DPL_KEY_TEXT,   /* char * */
  DPL_KEY_TEXTS,  /* char **, never NULL; a single text stands for a list of one */
  DPL_KEY_BOOL,   /* gboolean */
  DPL_KEY_COUNT,  /* guint64 */
  DPL_KEY_TIME,   /* guint64 us */
  DPL_KEY_SIZE,   /* guint64 bytes */
  DPL_KEY_WORD,   /* int: the index in `words` */
  DPL_KEY_MODE,   /* guint64: "0644" */
  DPL_KEY_OBJECT, /* of the section with the key's name; read by hand, as are the next */
  DPL_KEY_LIST,   /* of such objects */
  DPL_KEY_OTHER,  /* with a form of its own */
} DplKeyType;

typedef struct {
  const char *section; /* NULL ends the table; "" is the manifest itself */
  const char *name;
  DplKeyType type;
  gboolean required;
  guint64 min, max; /* COUNT, TIME */
  const char *const *words;
  const char *normal; /* the default as the manual says it; NULL: nothing */
  gsize offset;       /* in the section's struct */
  const char *help;   /* one line */
} DplKey;

#define DPL_LIST_MAX 1000 /* members of any list */

extern const DplKey dpl_manifest_keys[];

/* Reads the section's keys into `into` (zeroed) and makes them all known; those with a form of
 * their own are only made known. */
void dpl_keys_read(WgReader *reader, const char *section, gpointer into);
/* The members of a list of objects; too many are told, and cut. */
guint dpl_keys_length(WgReader *reader, const char *key);
/* Frees what dpl_keys_read() has put into it. */
void dpl_keys_clear(const char *section, gpointer of);

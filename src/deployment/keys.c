/* keys.c: structs filled and freed by the table of keys; see keys.h. */
#include "deployment/keys.h"

#include "common/config.h"

#include <string.h>

#define FIELD(type, of, key) ((type *)(gpointer)((char *)(of) + (key)->offset))

/* The default, as the manual says it. */
static guint64 normal_number(const DplKey *key) {
  guint64 n = 0;

  if (!key->normal)
    return 0;
  gboolean good = key->type == DPL_KEY_TIME   ? wg_parse_usec(key->normal, &n, NULL)
                  : key->type == DPL_KEY_SIZE ? wg_parse_bytes(key->normal, &n, NULL)
                  : key->type == DPL_KEY_MODE
                      ? g_ascii_string_to_unsigned(key->normal, 8, 0, 07777, &n, NULL)
                      : g_ascii_string_to_unsigned(key->normal, 10, 0, G_MAXUINT64, &n, NULL);
  g_assert(good);
  return n;
}

static int normal_word(const DplKey *key) {
  for (int i = 0; key->normal && key->words[i]; i++)
    if (strcmp(key->words[i], key->normal) == 0)
      return i;
  return 0;
}

static guint64 read_mode(WgReader *reader, const DplKey *key) {
  const char *text = wg_reader_text(reader, key->name, NULL);
  guint64 mode;

  if (text && (strlen(text) < 3 || strlen(text) > 4 ||
               !g_ascii_string_to_unsigned(text, 8, 0, 07777, &mode, NULL))) {
    wg_reader_problem(reader, key->name, "'%s' is a mode in octal digits: \"0640\"", key->name);
    text = NULL;
  }
  return text ? mode : normal_number(key);
}

static void read_text(WgReader *reader, const DplKey *key, gpointer into) {
  const char *text = wg_reader_text(reader, key->name, NULL);

  if (text && !*text)
    wg_reader_problem(reader, key->name, "'%s' is empty: %s", key->name, key->help);
  else
    *FIELD(char *, into, key) = g_strdup(text ?: key->normal);
}

static gboolean is_too_long(WgReader *reader, const char *name, guint n) {
  if (n > DPL_LIST_MAX)
    wg_reader_problem(reader, name, "'%s' has more than %d members", name, DPL_LIST_MAX);
  return n > DPL_LIST_MAX;
}

guint dpl_keys_length(WgReader *reader, const char *key) {
  guint n = wg_reader_length(reader, key);

  return is_too_long(reader, key, n) ? DPL_LIST_MAX : n;
}

static void read_texts(WgReader *reader, const DplKey *key, gpointer into) {
  char **texts = wg_reader_texts(reader, key->name);
  gboolean empty = FALSE;

  for (guint i = 0; texts[i]; i++)
    empty |= !*texts[i];
  if (empty || (key->required && wg_reader_has(reader, key->name) && !texts[0]))
    wg_reader_problem(reader, key->name, "'%s' is empty: %s", key->name, key->help);
  if (is_too_long(reader, key->name, g_strv_length(texts))) {
    for (guint i = DPL_LIST_MAX; texts[i]; i++)
      g_clear_pointer(&texts[i], g_free);
  }
  *FIELD(char **, into, key) = texts;
}

static void read_key(WgReader *reader, const DplKey *key, gpointer into) {
  switch (key->type) {
  case DPL_KEY_TEXT:
    read_text(reader, key, into);
    break;
  case DPL_KEY_TEXTS:
    read_texts(reader, key, into);
    break;
  case DPL_KEY_BOOL:
    *FIELD(gboolean, into, key) =
        wg_reader_bool(reader, key->name, key->normal && strcmp(key->normal, "true") == 0);
    break;
  case DPL_KEY_COUNT:
    *FIELD(guint64, into, key) = (guint64)wg_reader_int(
        reader, key->name, (gint64)key->min, (gint64)key->max, (gint64)normal_number(key));
    break;
  case DPL_KEY_TIME:
    *FIELD(guint64, into, key) =
        wg_reader_usec(reader, key->name, key->min, key->max, normal_number(key));
    break;
  case DPL_KEY_SIZE:
    *FIELD(guint64, into, key) = wg_reader_bytes(reader, key->name, normal_number(key));
    break;
  case DPL_KEY_WORD:
    *FIELD(int, into, key) = wg_reader_word(reader, key->name, key->words, normal_word(key));
    break;
  case DPL_KEY_MODE:
    *FIELD(guint64, into, key) = read_mode(reader, key);
    break;
  case DPL_KEY_OBJECT:
  case DPL_KEY_LIST:
  case DPL_KEY_OTHER:
    break;
  }
}

void dpl_keys_read(WgReader *reader, const char *section, gpointer into) {
  for (const DplKey *key = dpl_manifest_keys; key->section; key++) {
    if (strcmp(key->section, section) != 0)
      continue;
    wg_reader_know(reader, key->name);
    if (key->required && !wg_reader_has(reader, key->name))
      wg_reader_problem(reader, NULL, "'%s' is missing: %s", key->name, key->help);
    read_key(reader, key, into);
  }
}

void dpl_keys_clear(const char *section, gpointer of) {
  for (const DplKey *key = dpl_manifest_keys; key->section; key++) {
    if (strcmp(key->section, section) != 0)
      continue;
    if (key->type == DPL_KEY_TEXT)
      g_clear_pointer(FIELD(char *, of, key), g_free);
    else if (key->type == DPL_KEY_TEXTS)
      g_clear_pointer(FIELD(char **, of, key), g_strfreev);
  }
}

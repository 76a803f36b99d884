/* presets.h: the presets of a verify file: one object with the key "preset" that stands for several
 * checks, perhaps with a group. For presets*.c and load.c. */
#pragma once

#include "checks/load-internal.h"

/* One preset being expanded. */
typedef struct {
  ChkLoad *load;
  WgReader *reader; /* at the preset's object */
  const char *pointer;
  char *title;        /* its option "name", or the preset's name: begins each check's name */
  JsonObject *shared; /* common options that every check of it takes over */
  JsonArray *members; /* names of the checks made so far */
} ChkPreset;

typedef struct {
  const char *name;
  const ChkKey *options; /* besides the common ones; for the manual and the schema */
  const char *help;
  void (*expand)(ChkPreset *preset);
} ChkPresetType;

extern const ChkPresetType chk_presets[]; /* ends with a NULL name */

/* presets-make.c: a check {TYPE: SUBJECT}; returns its object, in which the caller sets options and
 * "expect", and which it hands to chk_preset_add() with what follows the title in its name. */
JsonObject *chk_preset_check(const char *type, const char *subject);
void chk_preset_add(ChkPreset *preset, JsonObject *check, const char *name);
/* Sets check's "expect" (or "warn") from JSON text. */
void chk_preset_expect(JsonObject *check, const char *member, const char *json_format, ...)
    G_GNUC_PRINTF(3, 4);
/* A group over all checks made so far; `at_least`: the option's name and its default. */
void chk_preset_group(ChkPreset *preset, const char *fallback);
/* The option's elements: each a text or an object; NULL-terminated, borrowed. Tells when there are
 * none. Free with g_free(). */
JsonNode **chk_preset_elements(ChkPreset *preset, const char *option);
/* Copies members of `from` that stand in `names` into `check`. */
void chk_preset_copy(JsonObject *from, JsonObject *check, const char *const *names);

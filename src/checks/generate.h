/* generate.h: checks made from what is there now (waggle-verify add, autoadd).
 *
 * Of each type only what is meant to stay is written down: a mode, an owner, a version, but no age
 * and no number of a process. What is printed was run once, and what did not pass is left out. */
#pragma once

#include "checks/check.h"

/* Something that is worth a check. */
typedef struct {
  const ChkType *type;
  char *subject;
  JsonObject *options; /* or NULL */
} ChkCandidate;

ChkCandidate *chk_candidate_new(const ChkType *type, const char *subject);
void chk_candidate_free(ChkCandidate *candidate);
/* Whether its values have to be observed to make a check of it. */
gboolean chk_generate_observes(const ChkType *type);
/* The check as an element of a verify file: subject, options, "expect" from `values` (NULL: the
 * type's default). NULL: nothing of it is meant to stay. Pure. */
JsonObject *chk_generate_check(const ChkCandidate *candidate, JsonObject *values);
/* A verify file in YAML. Pure; free with g_free(). */
char *chk_generate_yaml(const char *name, JsonArray *checks);

/* What belongs to a unit: its file, its processes, sockets, users, bus name and the files it has
 * open or is given. `candidates` (of ChkCandidate, borrowed), or NULL with an error. On the loop,
 * called once, later. */
typedef void (*ChkGeneratedFunc)(GPtrArray *candidates, const GError *error, gpointer user_data);
void chk_generate_unit(ChkWorld *world, const char *unit, ChkGeneratedFunc done,
                       gpointer user_data);

/* "waggle-verify add ..." and "autoadd ...": the whole program; argv[0] is the verb. */
int chk_generate_main(int argc, char **argv);

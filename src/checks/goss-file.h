/* goss-file.h: a goss file from within; for goss.c and goss-resources.c. */
#pragma once

#include "checks/goss.h"

typedef struct {
  JsonNode *vars;
  WgProblems *problems;
  GHashTable *checks; /* "TYPE SUBJECT" -> JsonNode: a later one takes the place of an earlier */
  GPtrArray *order;   /* the keys in the order they were first there */
  guint depth;
} GossFile;

typedef struct GossResource GossResource;

/* The kind of that name, or NULL. */
const GossResource *goss_resource_find(const char *name);
/* One resource becomes a check of `g`. */
void goss_resource(GossFile *g, const GossResource *r, const char *key, JsonNode *node,
                   const char *pointer);

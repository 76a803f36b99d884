/* manifest-private.h: what the files of the manifest's parser share: manifest-read.c reads the
 * form, manifest-judge.c what the form cannot say, manifest-verify.c the part of the checks. */
#pragma once

#include "deployment/manifest.h"
#include "deployment/vars.h"

typedef struct {
  char **names;
  char *root, *domain, *instance;
} DplTargetSpec;

typedef struct {
  char **command, **environment, *user;
  guint64 timeout, memory_max, tasks_max, cpu_quota;
  gboolean network;
} DplHookSpec;

/* Fills `m` (zeroed but for doc, root and is_expanded) from its root. */
void dpl_manifest_read(DplManifest *m, WgProblems *problems);
void dpl_manifest_read_target(DplManifest *m, WgReader *top);
void dpl_manifest_clear(DplManifest *m);
/* Puts the target itself and all variables into `root`, a copy of m's: what was made for a target
 * means the same later, whatever became of the target's file. */
void dpl_manifest_pin_target(const DplManifest *m, const DplSite *site, JsonObject *root);
/* Values that the form lets through and that cannot be. Called inside of the reading, with the
 * reader of the object that they stand in. */
void dpl_judge_top(const DplManifest *m, WgReader *r);
void dpl_judge_artifact(const DplManifest *m, const DplArtifactSpec *artifact, WgReader *r);
void dpl_judge_configuration(const DplManifest *m, const DplConfiguration *c, WgReader *r);
void dpl_judge_shared(const DplManifest *m, WgReader *r);
void dpl_judge_units(const DplManifest *m, WgReader *r);
void dpl_judge_state(DplManifest *m, WgReader *r);
void dpl_judge_ports(DplManifest *m, WgReader *r);
/* The members that belong to the checks; their own loader judges them. */
void dpl_manifest_read_verify(DplManifest *m, WgProblems *problems);
/* By that loader, for `site`; also of one that was refused. */
void dpl_judge_verify(const DplManifest *m, const DplSite *site, WgProblems *problems);
/* Are there variables in what it judges? */
gboolean dpl_verify_is_open(const DplManifest *m);
/* A text that is judged only once its variables are in it. */
gboolean dpl_is_open(const DplManifest *m, const char *text);

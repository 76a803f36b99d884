/* settings.h: deployd.conf(5): the table of keys and what becomes of it. */
#pragma once

#include "deployment/manifest.h"

#include "common/config.h"

/* Texts are borrowed from the configuration. */
typedef struct {
  guint64 deploy_max, verify_max, rollback_max; /* us; what a manifest may ask for at most */
  guint64 confirm_max;                          /* us */
  guint64 poison;                               /* us, where the manifest says nothing; 0: never */
  guint parallel_max;                           /* targets of one deployment at a time */
  DplRetentionSpec retention;                   /* of what the manifest does not say */
  guint64 keep_jobs;                            /* us that a job object stays after its end */
  gboolean need_signature;
  gboolean seal;              /* files of releases, by the kernel */
  const char *keys;           /* directory of public keys; "": keys.d beside the configuration */
  const char *credentials;    /* directories, ':' between; "": the manager's own */
  const char *unit_directory; /* "": the manager's own */
  const char *verify_program; /* "": the installed one */
} DplSettings;

extern const WgConfigKey dpl_config_keys[];

gboolean dpl_settings_load(const WgConfig *config, DplSettings *ret, GError **error);

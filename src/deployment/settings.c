/* settings.c: see settings.h. A default here is the default: neither code nor units have others.
 * What bounds a manifest is at most what the engine bounds it by (budget.h). */
#include "deployment/settings.h"

#include "deployment/budget.h"

#include "common/error.h"
#include "common/service.h"

#define DEPLOY "Deploy"
#define RETENTION "Retention"
#define PROGRAMS "Programs"

const WgConfigKey dpl_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {DEPLOY, "DeployMaxSec", WG_CONFIG_USEC, "5min", G_USEC_PER_SEC, DPL_DEPLOY_MAX,
     "the longest budget for everything up to the started units"},
    {DEPLOY, "VerifyMaxSec", WG_CONFIG_USEC, "10min", G_USEC_PER_SEC, DPL_VERIFY_MAX,
     "the longest budget for the verification"},
    {DEPLOY, "RollbackMaxSec", WG_CONFIG_USEC, "2min", G_USEC_PER_SEC, DPL_ROLLBACK_MAX,
     "the longest budget for a roll-back"},
    {DEPLOY, "ConfirmMaxSec", WG_CONFIG_USEC, "24h", G_USEC_PER_SEC, DPL_CONFIRM_MAX,
     "the longest time that a release may wait to be confirmed"},
    {DEPLOY, "PoisonSec", WG_CONFIG_USEC, "7d", 0, 0,
     "a release that failed its verification is refused for so long; 0: not at all"},
    {DEPLOY, "ParallelMax", WG_CONFIG_UINT, "16", 1, 1024,
     "targets of one deployment that are worked on at a time"},
    {DEPLOY, "KeepJobsSec", WG_CONFIG_USEC, "10min", 0, 0,
     "the object of a job stays for so long after its end"},
    {DEPLOY, "RequireSignature", WG_CONFIG_BOOL, "no", 0, 0,
     "refuse artifacts without a good signature"},
    {DEPLOY, "Seal", WG_CONFIG_BOOL, "no", 0, 0,
     "seal each released file with fs-verity, where the file system has it: nobody can change it"},
    {DEPLOY, "Keys", WG_CONFIG_STRING, "", 0, 0,
     "directory of public keys (*.pub); empty: keys.d beside each deployd.conf"},
    {RETENTION, "Count", WG_CONFIG_UINT, "5", 1, 10000,
     "releases of a target that stay, the current one among them"},
    {RETENTION, "Size", WG_CONFIG_BYTES, "0", 0, 0, "of all together; 0: any"},
    {RETENTION, "AgeSec", WG_CONFIG_USEC, "0", 0, 0, "older ones go; 0: any"},
    {RETENTION, "Failed", WG_CONFIG_UINT, "2", 0, 10000,
     "releases that did not verify and are kept for a look"},
    {RETENTION, "FailedSize", WG_CONFIG_BYTES, "0", 0, 0, "of those together; 0: any"},
    {RETENTION, "FailedAgeSec", WG_CONFIG_USEC, "7d", 0, 0, "older ones of those go; 0: any"},
    {PROGRAMS, "Credentials", WG_CONFIG_STRING, "", 0, 0,
     "directories, with ':' between, where a required credential may be; empty: the manager's"},
    {PROGRAMS, "UnitDirectory", WG_CONFIG_STRING, "", 0, 0,
     "where unit files are installed; empty: the administrator's directory of the manager"},
    {PROGRAMS, "Verify", WG_CONFIG_STRING, "", 0, 0,
     "the program that verifies; empty: the one that was installed"},
    {NULL},
};

static gboolean is_path(const char *key, const char *text, GError **error) {
  if (text[0] == '\0' || g_path_is_absolute(text))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s=%s is no absolute path", key, text);
  return FALSE;
}

gboolean dpl_settings_load(const WgConfig *config, DplSettings *ret, GError **error) {
  DplSettings s = {
      .deploy_max = wg_config_u64(config, DEPLOY, "DeployMaxSec"),
      .verify_max = wg_config_u64(config, DEPLOY, "VerifyMaxSec"),
      .rollback_max = wg_config_u64(config, DEPLOY, "RollbackMaxSec"),
      .confirm_max = wg_config_u64(config, DEPLOY, "ConfirmMaxSec"),
      .poison = wg_config_u64(config, DEPLOY, "PoisonSec"),
      .parallel_max = (guint)wg_config_u64(config, DEPLOY, "ParallelMax"),
      .retention = {.count = wg_config_u64(config, RETENTION, "Count"),
                    .size = wg_config_u64(config, RETENTION, "Size"),
                    .age = wg_config_u64(config, RETENTION, "AgeSec"),
                    .failed = wg_config_u64(config, RETENTION, "Failed"),
                    .failed_size = wg_config_u64(config, RETENTION, "FailedSize"),
                    .failed_age = wg_config_u64(config, RETENTION, "FailedAgeSec")},
      .keep_jobs = wg_config_u64(config, DEPLOY, "KeepJobsSec"),
      .need_signature = wg_config_bool(config, DEPLOY, "RequireSignature"),
      .seal = wg_config_bool(config, DEPLOY, "Seal"),
      .keys = wg_config_string(config, DEPLOY, "Keys"),
      .credentials = wg_config_string(config, PROGRAMS, "Credentials"),
      .unit_directory = wg_config_string(config, PROGRAMS, "UnitDirectory"),
      .verify_program = wg_config_string(config, PROGRAMS, "Verify"),
  };

  if (!is_path("Keys", s.keys, error) || !is_path("UnitDirectory", s.unit_directory, error) ||
      !is_path("Verify", s.verify_program, error))
    return FALSE;
  *ret = s;
  return TRUE;
}

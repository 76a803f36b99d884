/* recover-main.c: `waggle-deployd --recover`, the program before the daemon. */
#include "deployment/recover-offline.h"
#include "deployment/settings.h"
#include "deployment/unit-directory.h"

#include "common/error.h"
#include "common/log.h"
#include "common/state-lock.h"

#include <unistd.h>

#define SERVICE "deployd"

/* As the daemon has it. A configuration that is refused must not keep an unverified release alive:
 * then it is the place that is nobody's choice. */
static char *unit_directory(gboolean user) {
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) dirs = wg_config_dirs(user);
  g_autoptr(WgConfig) config =
      wg_config_load_from((const char *const *)dirs, SERVICE, dpl_config_keys, &error);
  DplSettings settings;
  char *directory = NULL;

  if (config != NULL && dpl_settings_load(config, &settings, &error) &&
      settings.unit_directory[0] != '\0')
    directory = g_strdup(settings.unit_directory);
  if (error != NULL)
    wg_log(LOG_WARNING, WG_MSG_RECOVERED_OFFLINE, WG_FIELDS(WG_FIELD_ERROR, error->message),
           "The configuration is refused, its UnitDirectory= is not known: %s", error->message);
  return directory != NULL ? directory : dpl_unit_directory(user);
}

static gboolean recover(const char *given, gboolean user, GError **error) {
  g_autofree char *dir = wg_state_dir(given, SERVICE, user, error);
  g_autofree char *units = unit_directory(user);
  g_auto(GStrv) dirs = wg_config_dirs(user);
  DplOffline done = {0};

  if (dir == NULL)
    return FALSE;
  g_autoptr(DplSites) sites = dpl_sites_load((const char *const *)dirs, NULL);
  g_autoptr(WgStateLock) lock = wg_state_lock_new(dir, error);
  if (lock == NULL || !dpl_recover_offline(dir, units, sites, &done, error))
    return FALSE;
  return user || given != NULL || done.found == 0 || dpl_recover_tell_manager(error);
}

int dpl_recover_main(int argc, char **argv) {
  gboolean system = FALSE, user = FALSE, ignored = FALSE;
  g_autofree char *dir = NULL;
  g_autoptr(GError) error = NULL;
  const GOptionEntry entries[] = {
      {"recover", 0, 0, G_OPTION_ARG_NONE, &ignored, "Put interrupted deployments back and leave",
       NULL},
      {"system", 0, 0, G_OPTION_ARG_NONE, &system, "Of the system", NULL},
      {"user", 0, 0, G_OPTION_ARG_NONE, &user, "Of this user", NULL},
      {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &dir, "Where the state is", "DIR"},
      {NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new(NULL);

  wg_log_init("waggle-deployd");
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    g_printerr("waggle-deployd: %s\n", error->message);
    return 2;
  }
  if (recover(dir, user || (!system && getuid() != 0), &error))
    return 0;
  wg_log(LOG_ERR, WG_MSG_RECOVERED_OFFLINE, NULL, "The recovery of deployments failed: %s",
         error->message);
  return 1;
}

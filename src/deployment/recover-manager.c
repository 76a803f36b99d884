/* recover-manager.c: what the recovery at boot asks of systemd, over the manager's own socket:
 * there is no message bus yet.
 *
 * Part of a program that lives for a moment and has no loop, so its calls wait. */
#include "deployment/recover-offline.h"

#include "common/error.h"
#include "common/names.h"

static int connect_manager(sd_bus **ret) {
  sd_bus *bus = NULL;
  int r = sd_bus_new(&bus);

  if (r >= 0)
    r = sd_bus_set_address(bus, "unix:path=" DPL_MANAGER_SOCKET);
  if (r >= 0)
    r = sd_bus_start(bus);
  if (r < 0) {
    sd_bus_unref(bus);
    return r;
  }
  *ret = bus;
  return 0;
}

static gboolean call(sd_bus *bus, const char *method, const char *unit, GError **error) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  int r = sd_bus_call_method(bus, NULL, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, method, &e, NULL,
                             unit ? "ss" : "", unit, "replace");

  if (r < 0)
    wg_error_set_errno(error, r, "systemd refused %s: %s", method, e.message ? e.message : "");
  sd_bus_error_free(&e);
  return r >= 0;
}

gboolean dpl_recover_tell_manager(GError **error) {
  sd_bus *bus = NULL;
  int r = connect_manager(&bus);

  if (r < 0)
    return wg_error_set_errno(error, r, "systemd cannot be reached at " DPL_MANAGER_SOCKET);
  /* unit files were put back after systemd had read them; the daemon does what is left, when the
   * units that it needs are there: the job waits for them, we do not */
  gboolean good =
      call(bus, "Reload", NULL, error) && call(bus, "StartUnit", WG_UNIT_DEPLOYD, error);
  sd_bus_flush_close_unref(bus);
  return good;
}

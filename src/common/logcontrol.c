/* logcontrol.c: org.freedesktop.LogControl1, as systemd's own services have it.
 *
 * Writing is for root and the service's own uid. The check that sd-bus makes for a property
 * without SD_BUS_VTABLE_UNPRIVILEGED asks the broker and waits, which a main loop must not; so
 * a callback on the object takes Properties.Set out before the vtable sees it and asks without
 * waiting. The vtable keeps sd-bus's check: should it ever see a Set, that fails closed.
 *
 * It must never block and never let anybody else than those two change what is logged. */
#include "common/logcontrol.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <unistd.h>

#define LOG_PATH "/org/freedesktop/LogControl1"
#define LOG_IFACE "org.freedesktop.LogControl1"

static const char *const level_names[] = {
    [LOG_EMERG] = "emerg",     [LOG_ALERT] = "alert",   [LOG_CRIT] = "crit", [LOG_ERR] = "err",
    [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

static int get_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *user_data, sd_bus_error *reterr) {
  int level = CLAMP(wg_log_max_level(), LOG_EMERG, LOG_DEBUG);
  return sd_bus_message_append(reply, "s", level_names[level]);
}

static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *user_data, sd_bus_error *reterr) {
  return sd_bus_message_append(reply, "s", wg_log_target());
}

static int get_identifier(sd_bus *bus, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *user_data,
                          sd_bus_error *reterr) {
  return sd_bus_message_append(reply, "s", (const char *)user_data);
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *value, void *user_data, sd_bus_error *reterr) {
  const char *name = NULL;
  int r = sd_bus_message_read(value, "s", &name);
  if (r < 0)
    return r;
  for (int level = 0; level < (int)G_N_ELEMENTS(level_names); level++)
    if (g_str_equal(name, level_names[level])) {
      wg_log_set_max_level(level);
      return 0;
    }
  return sd_bus_error_setf(reterr, SD_BUS_ERROR_INVALID_ARGS,
                           "Invalid log level '%s': one of emerg, alert, crit, err, warning, "
                           "notice, info, debug is meant",
                           name);
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *value, void *user_data, sd_bus_error *reterr) {
  const char *name = NULL;
  int r = sd_bus_message_read(value, "s", &name);
  if (r < 0)
    return r;
  if (wg_log_set_target(name))
    return 0;
  return sd_bus_error_setf(reterr, SD_BUS_ERROR_INVALID_ARGS,
                           "Invalid log target '%s': one of auto, journal, console, null is meant",
                           name);
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
    SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
    SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

/* `m`: a Properties.Set of somebody who may. */
static int apply(sd_bus_message *m, sd_bus_error *reterr) {
  const char *interface = NULL, *property = NULL;
  int r = sd_bus_message_read(m, "ss", &interface, &property);
  if (r >= 0)
    r = sd_bus_message_enter_container(m, 'v', "s");
  if (r < 0)
    return sd_bus_error_set(reterr, SD_BUS_ERROR_INVALID_ARGS, "A string is meant");
  if (g_str_equal(property, "LogLevel"))
    r = set_level(NULL, NULL, NULL, NULL, m, NULL, reterr);
  else if (g_str_equal(property, "LogTarget"))
    r = set_target(NULL, NULL, NULL, NULL, m, NULL, reterr);
  else
    r = sd_bus_error_setf(reterr,
                          g_str_equal(property, "SyslogIdentifier")
                              ? SD_BUS_ERROR_PROPERTY_READ_ONLY
                              : SD_BUS_ERROR_UNKNOWN_PROPERTY,
                          "Property '%s' cannot be set", property);
  return r;
}

static int apply_if_allowed(sd_bus_message *m, uid_t uid) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  int r = 0;
  if (uid == 0 || uid == geteuid())
    r = apply(m, &e);
  else
    r = sd_bus_error_set(&e, SD_BUS_ERROR_ACCESS_DENIED,
                         "Only root and the service's own user may change what is logged");
  if (r < 0)
    r = sd_bus_reply_method_errno(m, r, &e);
  else
    r = sd_bus_reply_method_return(m, NULL);
  sd_bus_error_free(&e);
  return r;
}

static int on_uid(sd_bus_message *answer, void *user_data, sd_bus_error *reterr) {
  sd_bus_message *m = user_data;
  uint32_t uid = 0;
  const sd_bus_error *failure = sd_bus_message_get_error(answer);
  if (failure || sd_bus_message_read(answer, "u", &uid) < 0)
    (void)sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED, "Cannot find out who calls: %s",
                                     failure ? failure->message : "unreadable answer");
  else
    (void)apply_if_allowed(m, (uid_t)uid);
  return 0;
}

static void message_unref(void *m) {
  sd_bus_message_unref(m);
}

static int ask_for_uid(sd_bus_message *m) {
  sd_bus_slot *slot = NULL;
  int r = sd_bus_call_method_async(sd_bus_message_get_bus(m), &slot, WG_BUS_BROKER, WG_PATH_BROKER,
                                   WG_IFACE_BROKER, "GetConnectionUnixUser", on_uid,
                                   sd_bus_message_ref(m), "s", sd_bus_message_get_sender(m));
  if (r < 0) {
    sd_bus_message_unref(m);
    return r;
  }
  /* the message lives as long as the question, answered or not */
  (void)sd_bus_slot_set_destroy_callback(slot, message_unref);
  (void)sd_bus_slot_set_floating(slot, 1);
  sd_bus_slot_unref(slot);
  return 1;
}

/* A client of the private socket is known by its socket: nothing has to be asked. */
static int uid_of_socket(sd_bus_message *m, uid_t *ret_uid) {
  sd_bus_creds *creds = NULL;
  int r = sd_bus_get_owner_creds(sd_bus_message_get_bus(m), SD_BUS_CREDS_EUID, &creds);
  if (r >= 0)
    r = sd_bus_creds_get_euid(creds, ret_uid);
  sd_bus_creds_unref(creds);
  return r;
}

static int on_object(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  const char *interface = NULL;
  uid_t uid = (uid_t)-1;

  if (sd_bus_message_is_method_call(m, WG_IFACE_PROPERTIES, "Set") <= 0)
    return 0;
  if (sd_bus_message_has_signature(m, "ssv") <= 0 || sd_bus_message_read(m, "s", &interface) < 0)
    return 0;
  gboolean ours = g_str_equal(interface, LOG_IFACE);
  if (sd_bus_message_rewind(m, 1) < 0 || !ours)
    return 0;
  if (sd_bus_message_get_sender(m) && sd_bus_is_bus_client(sd_bus_message_get_bus(m)) > 0)
    return ask_for_uid(m);
  int r = uid_of_socket(m, &uid);
  return r < 0 ? r : apply_if_allowed(m, uid);
}

int wg_logcontrol_attach(sd_bus *bus, const char *syslog_identifier) {
  int r = sd_bus_add_object(bus, NULL, LOG_PATH, on_object, NULL);
  if (r < 0)
    return r;
  return sd_bus_add_object_vtable(bus, NULL, LOG_PATH, LOG_IFACE, vtable,
                                  (void *)g_intern_string(syslog_identifier));
}

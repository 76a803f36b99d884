/* tiny-service.c: see tiny-service.h. Each method is a handle for one test: Hold waits for the
 * drain, Stubborn makes the drain never end, Healthy is the watchdog's gate. */
#include "tiny-service.h"

#include "common/error.h"
#include "common/log.h"
#include "common/service.h"

#include <unistd.h>

typedef struct {
  WgService *service;
  gboolean unhealthy, stubborn, busy;
  GPtrArray *held; /* sd_bus_message */
  guint64 word;
} Tiny;

static void echo_identified(sd_bus_message *m, WgCaller *caller, const GError *error,
                            gpointer user_data) {
  const char *text = "";

  if (error) {
    sd_bus_reply_method_errorf(m, SD_BUS_ERROR_FAILED, "%s", error->message);
    return;
  }
  sd_bus_message_read(m, "s", &text);
  sd_bus_reply_method_return(m, "su", text, (uint32_t)caller->uid);
}

static int method_echo(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  wg_service_with_caller(((Tiny *)user_data)->service, m, echo_identified, user_data);
  return 1;
}

static int method_hold(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  g_ptr_array_add(((Tiny *)user_data)->held, sd_bus_message_ref(m));
  return 1;
}

static int method_set(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  Tiny *tiny = user_data;
  const char *what;
  int yes;

  int r = sd_bus_message_read(m, "sb", &what, &yes);
  if (r < 0)
    return r;
  if (g_str_equal(what, "healthy"))
    tiny->unhealthy = !yes;
  else if (g_str_equal(what, "stubborn"))
    tiny->stubborn = yes;
  else if (g_str_equal(what, "busy"))
    tiny->busy = yes;
  else if (g_str_equal(what, "quit"))
    wg_service_quit(tiny->service, 3);
  return sd_bus_reply_method_return(m, NULL);
}

static int method_degrade(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  const char *key, *why;

  int r = sd_bus_message_read(m, "ss", &key, &why);
  if (r < 0)
    return r;
  wg_service_set_degraded(((Tiny *)user_data)->service, key, *why ? why : NULL);
  return sd_bus_reply_method_return(m, NULL);
}

static int method_reload(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  g_autoptr(GError) error = NULL;

  if (!wg_service_reload(((Tiny *)user_data)->service, &error))
    return wg_error_to_bus(error, ret_error);
  return sd_bus_reply_method_return(m, NULL);
}

static int get_word(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *user_data, sd_bus_error *ret_error) {
  return sd_bus_message_append(reply, "t", ((Tiny *)user_data)->word);
}

static const sd_bus_vtable tiny_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Echo", SD_BUS_ARGS("s", text), SD_BUS_RESULT("s", text, "u", uid),
                            method_echo, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Hold", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_hold,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("s", what, "b", yes), SD_BUS_NO_RESULT, method_set,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Degrade", SD_BUS_ARGS("s", key, "s", why), SD_BUS_NO_RESULT,
                            method_degrade, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
                            SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_DEPRECATED),
    SD_BUS_PROPERTY("Word", "t", get_word, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_SIGNAL_WITH_ARGS("Danced", SD_BUS_ARGS("s", direction), 0),
    SD_BUS_VTABLE_END,
};

static gboolean tiny_start(WgService *service, gpointer self, GError **error) {
  Tiny *tiny = self;

  tiny->service = service;
  tiny->word = wg_config_u64(wg_service_config(service), "Tiny", "Word");
  if (tiny->word == 13) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "the store has an unlucky number");
    return FALSE;
  }
  return TRUE;
}

static gboolean tiny_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                            GError **error) {
  int r = sd_bus_add_object_vtable(bus, NULL, TINY_PATH, TINY_INTERFACE, tiny_vtable, self);

  return r >= 0 || wg_error_set_errno(error, r, "cannot serve");
}

static gboolean tiny_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  guint64 word = wg_config_u64(config, "Tiny", "Word");

  if (word == 13) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "13 brings no luck");
    return FALSE;
  }
  ((Tiny *)self)->word = word;
  wg_service_set_status(service, "Word is %" G_GUINT64_FORMAT, word);
  return TRUE;
}

static gboolean tiny_busy(WgService *service, gpointer self) {
  return ((Tiny *)self)->busy;
}

static gboolean tiny_healthy(WgService *service, gpointer self, char **ret_why) {
  if (((Tiny *)self)->unhealthy)
    *ret_why = g_strdup("the test says so");
  return !((Tiny *)self)->unhealthy;
}

static void tiny_drain(WgService *service, gpointer self) {
  Tiny *tiny = self;

  for (guint i = 0; i < tiny->held->len; i++)
    sd_bus_reply_method_return(tiny->held->pdata[i], NULL);
  g_ptr_array_set_size(tiny->held, 0);
  if (!tiny->stubborn)
    wg_service_drained(service);
}

static void tiny_stop(WgService *service, gpointer self) {
  wg_log(LOG_INFO, NULL, NULL, "stopped");
}

static void unref_message(gpointer m) {
  sd_bus_message_unref(m);
}

int tiny_main(int argc, char **argv) {
  static const WgConfigKey keys[] = {
      WG_SERVICE_CONFIG_KEYS,
      {"Tiny", "Word", WG_CONFIG_UINT, "1", 0, 0, "a number"},
      {NULL},
  };
  static const WgServiceInterface interfaces[] = {
      {TINY_PATH, TINY_INTERFACE, tiny_vtable},
      {NULL},
  };
  static const WgServiceInfo info = {
      .name = TINY_NAME,
      .summary = "The smallest service, for tests.",
      .bus_name = TINY_BUS_NAME,
      .socket_name = "tiny",
      .config_keys = keys,
      .interfaces = interfaces,
      .start = tiny_start,
      .attach = tiny_attach,
      .reload = tiny_reload,
      .busy = tiny_busy,
      .healthy = tiny_healthy,
      .drain = tiny_drain,
      .stop = tiny_stop,
  };
  Tiny tiny = {.held = g_ptr_array_new_with_free_func(unref_message)};

  int status = wg_service_main(&info, &tiny, argc, argv);
  g_ptr_array_unref(tiny.held);
  return status;
}

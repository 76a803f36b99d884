/* manager-fixture.c: see manager-fixture.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "manager-fixture.h"

#include "common/bus-variant.h"

#include <stdlib.h>

#define UNITS WG_PATH_SYSTEMD "/unit"

static GVariant *dict_of(Manager *manager, const char *unit) {
  const char *text = g_hash_table_lookup(manager->units, unit);
  g_autoptr(GError) error = NULL;

  if (text == NULL)
    text = "{'LoadState': <'not-found'>, 'ActiveState': <'inactive'>, 'SubState': <'dead'>}";
  GVariant *dict = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);
  g_assert_no_error(error);
  return dict;
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error) {
  Manager *manager = data;
  const char *interface;
  char *unit = NULL;

  if (sd_bus_path_decode(sd_bus_message_get_path(m), UNITS, &unit) <= 0)
    return sd_bus_message_is_method_call(m, WG_IFACE_SYSTEMD_MANAGER, "Subscribe")
               ? sd_bus_reply_method_return(m, NULL)
               : 0;
  g_assert_true(sd_bus_message_is_method_call(m, WG_IFACE_PROPERTIES, "GetAll"));
  g_assert_cmpint(sd_bus_message_read(m, "s", &interface), >, 0);
  manager->n_asked++;
  if (!manager->silent) {
    g_autoptr(GVariant) dict = dict_of(manager, unit);
    sd_bus_message *reply = NULL;
    g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
    g_assert_cmpint(wg_variant_append(reply, dict), >=, 0);
    g_assert_cmpint(sd_bus_send(NULL, reply, NULL), >=, 0);
    sd_bus_message_unref(reply);
  }
  free(unit);
  return 1;
}

void manager_up(Manager *manager) {
  *manager = (Manager){.broker = broker_up()};
  connection_open(&manager->ours, manager->broker);
  connection_open(&manager->theirs, manager->broker);
  manager->units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_assert_cmpint(sd_bus_request_name(manager->theirs.bus, WG_BUS_SYSTEMD, 0), >=, 0);
  g_assert_cmpint(sd_bus_add_fallback(manager->theirs.bus, NULL, WG_PATH_SYSTEMD, on_call, manager),
                  >=, 0);
  manager->world = chk_world_new(FALSE, NULL);
  chk_world_set_buses(manager->world, manager->ours.bus, manager->ours.bus);
}

void manager_down(Manager *manager) {
  chk_world_free(manager->world);
  connection_close(&manager->ours);
  connection_close(&manager->theirs);
  g_hash_table_unref(manager->units);
  broker_down(manager->broker);
}

void manager_set(Manager *manager, const char *unit, const char *properties) {
  g_hash_table_insert(manager->units, g_strdup(unit), g_strdup(properties));
}

void manager_change(Manager *manager, const char *unit, const char *interface,
                    const char *properties) {
  g_autoptr(GVariant) old = dict_of(manager, unit), new = NULL;
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(old);
  sd_bus_message *m = NULL;
  char *path = NULL, *name;
  GVariantIter iter;
  GVariant *value;

  new = g_variant_ref_sink(g_variant_new_parsed(properties));
  g_variant_iter_init(&iter, new);
  while (g_variant_iter_next(&iter, "{sv}", &name, &value)) {
    g_variant_dict_insert_value(&dict, name, value);
    g_free(name);
    g_variant_unref(value);
  }
  g_autoptr(GVariant) merged = g_variant_ref_sink(g_variant_dict_end(&dict));
  g_autofree char *text = g_variant_print(merged, TRUE);
  manager_set(manager, unit, text);
  g_assert_cmpint(sd_bus_path_encode(UNITS, unit, &path), >=, 0);
  g_assert_cmpint(sd_bus_message_new_signal(manager->theirs.bus, &m, path, WG_IFACE_PROPERTIES,
                                            "PropertiesChanged"),
                  >=, 0);
  g_assert_cmpint(sd_bus_message_append(m, "s", interface), >=, 0);
  g_assert_cmpint(wg_variant_append(m, new), >=, 0);
  g_assert_cmpint(sd_bus_message_append(m, "as", 0), >=, 0);
  g_assert_cmpint(sd_bus_send(manager->theirs.bus, m, NULL), >=, 0);
  sd_bus_message_unref(m);
  free(path);
}

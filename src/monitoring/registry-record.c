/* registry-record.c: what the registry keeps in the store, written and read back at a start. A
 * record whose checksum does not hold is quarantined and costs no other. */
#include "monitoring/registry-private.h"

#include "common/error.h"
#include "common/log.h"

#include <json-glib/json-glib.h>
#include <string.h>

static const char *const owners[] = {"none", "connection", "pid", "unit"};

typedef struct {
  char *cursor;
  gint64 pushed;
} Memory;

static void write_clear(gpointer data) {
  MonWrite *write = data;

  for (guint i = 0; i < G_N_ELEMENTS(write->texts); i++)
    g_free(write->texts[i]);
}

GArray *mon_writes_new(void) {
  GArray *writes = g_array_new(FALSE, FALSE, sizeof(MonWrite));

  g_array_set_clear_func(writes, write_clear);
  return writes;
}

gboolean mon_writes_run(MonStore *store, const GArray *writes) {
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < writes->len; i++) {
    const MonWrite *write = &g_array_index(writes, MonWrite, i);
    sqlite3_stmt *stmt = wg_records_statement(store, write->sql);
    if (stmt == NULL)
      return FALSE;
    int n = sqlite3_bind_parameter_count(stmt);
    for (int t = 0; t < 4 && t < n; t++)
      sqlite3_bind_text(stmt, t + 1, write->texts[t], -1, SQLITE_STATIC);
    for (int k = 0; k < 3 && k + 4 < n; k++)
      sqlite3_bind_int64(stmt, k + 5, write->numbers[k]);
    ok = wg_records_run(store, stmt);
  }
  return ok;
}

static char *text_of(JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

  return json_to_string(node, FALSE);
}

/* ?1 name, ?2 record, ?5 its checksum */
static void write_record(GArray *writes, const char *sql, const char *name, JsonObject *object) {
  MonWrite write = {.sql = sql, .texts = {g_strdup(name), text_of(object)}};

  write.numbers[0] = wg_records_crc(0, write.texts[1]);
  g_array_append_val(writes, write);
}

void mon_write_service(GArray *writes, const MonServiceEntry *e) {
  g_autoptr(JsonObject) object = json_object_new();

  json_object_set_string_member(object, "name", e->spec->name);
  json_object_set_string_member(object, "document", e->document);
  json_object_set_int_member(object, "uid", e->uid);
  json_object_set_string_member(object, "owner", owners[e->owner]);
  json_object_set_int_member(object, "pid", e->pid);
  json_object_set_int_member(object, "pid-start", (gint64)e->pid_start);
  json_object_set_int_member(object, "registered", e->registered);
  json_object_set_int_member(object, "gone", e->gone);
  json_object_set_string_member(object, "reason", e->reason);
  write_record(writes, "INSERT OR REPLACE INTO registry_service VALUES(?1, ?2, ?5)", e->spec->name,
               object);
}

static gboolean is_of_service(gpointer key, gpointer value, gpointer name) {
  const char *rest = g_str_has_prefix(key, name) ? (const char *)key + strlen(name) : "";

  return *rest == '/';
}

/* With what its probes remembered: whoever takes the name later begins anew. */
void mon_write_no_service(GArray *writes, const MonServiceEntry *e) {
  MonWrite service = {.sql = "DELETE FROM registry_service WHERE name = ?1",
                      .texts = {g_strdup(e->spec->name)}};
  MonWrite probes = {.sql = "DELETE FROM registry_probe WHERE service = ?1",
                     .texts = {g_strdup(e->spec->name)}};

  g_array_append_val(writes, service);
  g_array_append_val(writes, probes);
  g_hash_table_foreach_remove(e->registry->memory, is_of_service, e->spec->name);
}

void mon_write_maintenance(GArray *writes, const MonServiceEntry *e) {
  g_autoptr(JsonObject) object = json_object_new();

  if (!e->maintenance) {
    MonWrite write = {.sql = "DELETE FROM registry_maintenance WHERE name = ?1",
                      .texts = {g_strdup(e->spec->name)}};
    g_array_append_val(writes, write);
    return;
  }
  json_object_set_string_member(object, "name", e->spec->name);
  json_object_set_string_member(object, "reason", e->maintenance_reason);
  json_object_set_string_member(object, "who", e->maintenance_who);
  json_object_set_int_member(object, "since", e->maintenance_since);
  json_object_set_int_member(object, "until", e->maintenance_until);
  write_record(writes, "INSERT OR REPLACE INTO registry_maintenance VALUES(?1, ?2, ?5)",
               e->spec->name, object);
}

/* What is in the store is known here, too: a probe may be made anew at any time (its file or its
 * unit was read again), and goes on where the one before it was. */
void mon_write_memory(GArray *writes, MonRegistry *registry, const MonProbe *probe) {
  Memory *memory = g_new0(Memory, 1);
  MonWrite write = {
      .sql = "INSERT OR REPLACE INTO registry_probe VALUES(?1, ?2, ?3, ?5)",
      .texts = {g_strdup(probe->service), g_strdup(probe->spec->name), g_strdup(probe->cursor)},
      .numbers = {probe->pushed}};

  *memory = (Memory){g_strdup(probe->cursor), probe->pushed};
  g_hash_table_replace(registry->memory,
                       g_strdup_printf("%s/%s", probe->service, probe->spec->name), memory);
  g_array_append_val(writes, write);
}

/* ---- reading ---- */
static void memory_free(gpointer data) {
  Memory *memory = data;

  g_free(memory->cursor);
  g_free(memory);
}

static JsonObject *record_at(MonStore *store, sqlite3_stmt *stmt, const char *table) {
  const char *text = wg_records_checked(store, table, 0, (const char *)sqlite3_column_text(stmt, 1),
                                        (guint32)sqlite3_column_int64(stmt, 2));
  g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;

  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node) : NULL;
}

static MonOwner owner_of(const char *word) {
  for (guint i = 0; i < G_N_ELEMENTS(owners); i++)
    if (strcmp(owners[i], word) == 0)
      return (MonOwner)i;
  return MON_OWNER_NONE;
}

/* Whose owner cannot be found again is gone, and its tombstone says why. */
static const char *lost_owner(MonServiceEntry *e) {
  if (e->owner == MON_OWNER_CONNECTION)
    return "the monitor was started anew, which ended its connection: register again";
  if (e->owner == MON_OWNER_PID && !mon_owner_watch_pid(e, NULL))
    return "its process ended while the monitor was away";
  return NULL;
}

/* What an earlier version took may be refused by this one: it stays in the store, and out of force.
 */
static void refuse(JsonObject *object, const GError *error) {
  const char *name = json_object_get_string_member_with_default(object, "name", "");

  wg_log(LOG_WARNING, WG_MSG_SERVICE_REFUSED, WG_FIELDS(WG_FIELD_ERROR, error->message),
         "The service \"%s\", registered by a call, is left out: %s", name, error->message);
}

static void take_service(MonRegistry *registry, JsonObject *object) {
  const char *document = json_object_get_string_member_with_default(object, "document", "");
  g_autoptr(GError) error = NULL;
  g_autoptr(MonServiceSpec) spec = mon_service_from_text(document, &error);

  if (spec == NULL) {
    refuse(object, error);
    return;
  }
  MonServiceEntry *e = mon_entry_put(registry, spec, MON_FROM_CALL);
  e->document = g_strdup(document);
  e->uid = (uid_t)json_object_get_int_member_with_default(object, "uid", 0);
  e->owner = owner_of(json_object_get_string_member_with_default(object, "owner", "none"));
  e->pid = (pid_t)json_object_get_int_member_with_default(object, "pid", 0);
  e->pid_start = (guint64)json_object_get_int_member_with_default(object, "pid-start", 0);
  e->registered = json_object_get_int_member_with_default(object, "registered", 0);
  e->gone = json_object_get_int_member_with_default(object, "gone", 0);
  const char *reason =
      e->gone ? json_object_get_string_member_with_default(object, "reason", "") : lost_owner(e);
  if (e->gone == 0 && reason)
    e->gone = g_get_real_time();
  if (reason) {
    g_free(e->reason);
    e->reason = g_strdup(reason);
    e->state = MON_SERVICE_GONE;
  }
}

static void load_services(MonRegistry *registry) {
  MonStore *store = registry->daemon->store;
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT name, record, crc FROM registry_service");

  while (stmt && wg_records_row(store, stmt)) {
    g_autoptr(JsonObject) object = record_at(store, stmt, "registry_service");
    if (object)
      take_service(registry, object);
  }
}

static void load_maintenance(MonRegistry *registry) {
  MonStore *store = registry->daemon->store;
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT name, record, crc FROM registry_maintenance");

  while (stmt && wg_records_row(store, stmt)) {
    g_autoptr(JsonObject) o = record_at(store, stmt, "registry_maintenance");
    MonServiceEntry *e = mon_registry_find(registry, (const char *)sqlite3_column_text(stmt, 0));
    if (o == NULL || e == NULL)
      continue;
    e->maintenance = TRUE;
    e->maintenance_reason = g_strdup(json_object_get_string_member_with_default(o, "reason", ""));
    e->maintenance_who = g_strdup(json_object_get_string_member_with_default(o, "who", ""));
    e->maintenance_since = json_object_get_int_member_with_default(o, "since", 0);
    e->maintenance_until = json_object_get_int_member_with_default(o, "until", 0);
  }
}

static void load_changes(MonRegistry *registry) {
  MonStore *store = registry->daemon->store;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT revision, time, service, what, state, reason FROM registry_change"
             " ORDER BY revision");

  while (stmt && wg_records_row(store, stmt)) {
    const MonChange change = {
        (guint64)sqlite3_column_int64(stmt, 0),     sqlite3_column_int64(stmt, 1),
        (const char *)sqlite3_column_text(stmt, 2), (const char *)sqlite3_column_text(stmt, 3),
        (const char *)sqlite3_column_text(stmt, 4), (const char *)sqlite3_column_text(stmt, 5)};
    registry->revision = change.revision;
    mon_changes_add_loaded(registry, &change);
  }
}

void mon_memory_load(MonRegistry *registry) {
  MonStore *store = registry->daemon->store;
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT service, probe, cursor, pushed FROM registry_probe");

  registry->memory = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, memory_free);
  while (stmt && wg_records_row(store, stmt)) {
    Memory *memory = g_new0(Memory, 1);
    memory->cursor = g_strdup((const char *)sqlite3_column_text(stmt, 2));
    memory->pushed = sqlite3_column_int64(stmt, 3);
    g_hash_table_insert(
        registry->memory,
        g_strdup_printf("%s/%s", sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1)),
        memory);
  }
}

void mon_memory_restore(MonRegistry *registry, MonProbe *probe) {
  g_autofree char *key = g_strdup_printf("%s/%s", probe->service, probe->spec->name);
  const Memory *memory = g_hash_table_lookup(registry->memory, key);

  if (memory)
    mon_probe_restore(probe, memory->cursor, memory->pushed);
}

/* Services of files are there already: maintenance is of any. */
gboolean mon_records_load(MonRegistry *registry, GError **error) {
  load_changes(registry);
  load_services(registry);
  load_maintenance(registry);
  return wg_records_good(registry->daemon->store, error);
}

/* bus-audit.c: AuditRead and AuditVerify.
 *
 * A log may be long: both work on so many entries at a time that the writer's thread has time for
 * what waits for it. */
#include "deployment/audit.h"

#include "common/audit-chain.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#define READ_MAX 1000
#define STEP 2000

/* ---- reading ---- */
typedef struct {
  guint64 from;
  guint max;
  GVariant *entries; /* a(ttsay) */
} Reading;

static void reading_free(gpointer data) {
  Reading *reading = data;

  g_clear_pointer(&reading->entries, g_variant_unref);
  g_free(reading);
}

static void add_entry(GVariantBuilder *builder, sqlite3_stmt *stmt) {
  const char *what = (const char *)sqlite3_column_text(stmt, 2);
  g_autofree char *valid = g_utf8_make_valid(what != NULL ? what : "", -1);
  gsize size = (gsize)sqlite3_column_bytes(stmt, 3);

  g_variant_builder_add(
      builder, "(tts@ay)", (guint64)sqlite3_column_int64(stmt, 0),
      (guint64)sqlite3_column_int64(stmt, 1), valid,
      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, sqlite3_column_blob(stmt, 3), size, 1));
}

static JsonNode *read_entries(DplStore *store, gpointer question, GError **error) {
  Reading *reading = question;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT n, time, what, hash FROM audit WHERE n >= ?1 ORDER BY n LIMIT ?2");
  GVariantBuilder builder;

  g_clear_pointer(&reading->entries, g_variant_unref);
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ttsay)"));
  if (stmt != NULL) {
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)MIN(reading->from, (guint64)G_MAXINT64));
    sqlite3_bind_int(stmt, 2, (int)reading->max);
    while (wg_records_row(store, stmt))
      add_entry(&builder, stmt);
  }
  reading->entries = g_variant_ref_sink(g_variant_builder_end(&builder));
  return NULL;
}

static void read_done(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  Reading *reading = call->data;

  if (error != NULL)
    wg_call_fail(call, error);
  else
    wg_call_answer(call, g_variant_new("(@a(ttsay))", reading->entries));
}

void dpl_handle_audit_read(DplCall *call) {
  Reading *reading = g_new0(Reading, 1);

  g_variant_get(call->args, "(tu)", &reading->from, &reading->max);
  reading->max = reading->max == 0 ? READ_MAX : MIN(reading->max, READ_MAX);
  call->data = reading;
  call->free_data = reading_free;
  dpl_ask(dpl_daemon(call)->store, read_entries, reading, NULL, FALSE, read_done, call);
}

/* ---- verifying ---- */
typedef struct {
  WgAuditChain begin, chain; /* before and after the present step, which may run twice */
  gboolean more;
  char *problem;
} Walk;

static void walk_free(gpointer data) {
  Walk *walk = data;

  g_free(walk->problem);
  g_free(walk);
}

/* A chain says nothing of entries that were taken off its end; but each transition has one, written
 * at the same time. */
static char *cut_off(DplStore *store) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store,
      "SELECT txn, after FROM transition WHERE time > (SELECT ifnull(max(time), 0) FROM audit)"
      " ORDER BY time DESC LIMIT 1");

  if (stmt == NULL || !wg_records_row(store, stmt))
    return NULL;
  return g_strdup_printf(
      "the newest entries are missing: none tells that deployment %" G_GUINT64_FORMAT " became %s",
      (guint64)sqlite3_column_int64(stmt, 0), (const char *)sqlite3_column_text(stmt, 1));
}

static JsonNode *walk_step(DplStore *store, gpointer question, GError **error) {
  Walk *walk = question;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT n, time, what, hash FROM audit WHERE n > ?1 ORDER BY n LIMIT ?2");
  guint seen = 0;

  walk->chain = walk->begin;
  g_clear_pointer(&walk->problem, g_free);
  if (stmt == NULL)
    return NULL;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)walk->begin.n);
  sqlite3_bind_int(stmt, 2, STEP);
  while (walk->problem == NULL && wg_records_row(store, stmt)) {
    const char *what = (const char *)sqlite3_column_text(stmt, 2);
    const void *hash = sqlite3_column_blob(stmt, 3);
    seen++;
    wg_audit_chain_take(&walk->chain, (guint64)sqlite3_column_int64(stmt, 0),
                        sqlite3_column_int64(stmt, 1), what != NULL ? what : "", hash,
                        (gsize)sqlite3_column_bytes(stmt, 3), &walk->problem);
  }
  walk->more = walk->problem == NULL && seen == STEP;
  if (walk->problem == NULL && !walk->more)
    walk->problem = cut_off(store);
  return NULL;
}

static void walked(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  Walk *walk = call->data;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  walk->begin = walk->chain;
  if (walk->more) {
    dpl_ask(dpl_daemon(call)->store, walk_step, walk, NULL, FALSE, walked, call);
    return;
  }
  if (walk->problem != NULL)
    wg_log(LOG_CRIT, WG_MSG_AUDIT_BROKEN, WG_FIELDS(WG_FIELD_ERROR, walk->problem),
           "The audit log does not hold: %s", walk->problem);
  wg_call_answer(call, g_variant_new("(bts)", walk->problem == NULL, walk->chain.n,
                                     walk->problem != NULL ? walk->problem : ""));
}

void dpl_handle_audit_verify(DplCall *call) {
  Walk *walk = g_new0(Walk, 1);

  call->data = walk;
  call->free_data = walk_free;
  dpl_ask(dpl_daemon(call)->store, walk_step, walk, NULL, FALSE, walked, call);
}

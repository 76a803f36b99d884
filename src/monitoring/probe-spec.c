/* probe-spec.c: see probe-spec.h. A probe's object has keys of its own; all others are those of a
 * check (waggle-verify-file(5)) and are judged by the loader of src/checks, its subject too, with a
 * table of types that cannot look. */
#include "monitoring/probe-spec.h"

#include "checks/load-internal.h"
#include "checks/types.h"

#include "common/nearest.h"
#include "common/reader.h"

#include <string.h>

#define HOUR (3600 * (guint64)G_USEC_PER_SEC)

static const char *const own_keys[] = {
    "name",   "kind",     "interval",  "retry-interval", "timeout", "delay", "jitter", "quiet",
    "within", "failures", "successes", "upside-down",    "push",    "every", "queue",  NULL};

static const char *const kinds[] = {"readiness", "liveness", "startup", NULL};

const char *mon_probe_kind_name(MonProbeKind kind) {
  return kinds[kind];
}

gboolean mon_name_is_good(const char *name) {
  gsize size = strlen(name);

  return size >= 1 && size <= 128 && g_ascii_isalnum(*name) &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@:-") ==
             size;
}

MonProbeSpec *mon_probe_spec_ref(MonProbeSpec *spec) {
  return g_rc_box_acquire(spec);
}

static void clear(gpointer data) {
  MonProbeSpec *spec = data;

  g_free(spec->name);
  g_free(spec->type);
  g_free(spec->subject);
  g_free(spec->check);
  g_clear_pointer(&spec->quiet, g_ptr_array_unref);
}

void mon_probe_spec_unref(MonProbeSpec *spec) {
  g_rc_box_release_full(spec, clear);
}

static gboolean same_quiet(const GPtrArray *a, const GPtrArray *b) {
  gboolean same = a->len == b->len;

  for (guint i = 0; same && i < a->len; i++)
    same = strcmp(wg_calendar_text(a->pdata[i]), wg_calendar_text(b->pdata[i])) == 0;
  return same;
}

gboolean mon_probe_spec_equal(const MonProbeSpec *a, const MonProbeSpec *b) {
  return strcmp(a->name, b->name) == 0 && g_strcmp0(a->check, b->check) == 0 &&
         strcmp(a->type, b->type) == 0 && strcmp(a->subject, b->subject) == 0 && a->how == b->how &&
         a->kind == b->kind && a->interval == b->interval &&
         a->retry_interval == b->retry_interval && a->timeout == b->timeout &&
         a->delay == b->delay && a->jitter == b->jitter && a->failures == b->failures &&
         a->successes == b->successes && a->within_failures == b->within_failures &&
         a->within_of == b->within_of && a->upside_down == b->upside_down && a->every == b->every &&
         a->at_most == b->at_most && same_quiet(a->quiet, b->quiet);
}

gboolean mon_probe_spec_is_quiet(const MonProbeSpec *spec, gint64 when) {
  for (guint i = 0; i < spec->quiet->len; i++)
    if (wg_calendar_contains(spec->quiet->pdata[i], when))
      return TRUE;
  return FALSE;
}

/* ---- its own keys ---- */
static void read_quiet(MonProbeSpec *spec, WgReader *reader) {
  g_auto(GStrv) texts = wg_reader_texts(reader, "quiet");

  for (guint i = 0; texts[i]; i++) {
    g_autoptr(GError) error = NULL;
    WgCalendar *calendar = wg_calendar_parse(texts[i], &error);
    if (calendar)
      g_ptr_array_add(spec->quiet, calendar);
    else
      wg_reader_problem(reader, "quiet", "%s", error->message);
  }
}

/* "10%" or 10 */
static guint read_jitter(WgReader *reader) {
  JsonNode *node = wg_reader_node(reader, "jitter");
  const char *text = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
  gint64 percent = -1;
  char *end = NULL;

  if (!node)
    return 10;
  if (text) {
    percent = g_ascii_strtoll(text, &end, 10);
    percent = end == text || strcmp(end, "%") != 0 ? -1 : percent;
  } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64) {
    percent = json_node_get_int(node);
  }
  if (percent >= 0 && percent <= 50)
    return (guint)percent;
  wg_reader_problem(reader, "jitter", "a part of the interval from 0%% to 50%% is needed");
  return 10;
}

static void read_within(MonProbeSpec *spec, WgReader *reader) {
  WgReader *within = wg_reader_object(reader, "within");

  if (!within)
    return;
  spec->within_failures = (guint)wg_reader_int(within, "failures", 1, MON_PROBE_HISTORY, 0);
  spec->within_of = (guint)wg_reader_int(within, "of", 2, MON_PROBE_HISTORY, 0);
  if (spec->within_failures == 0 || spec->within_of == 0)
    wg_reader_problem(within, NULL, "both are needed: failures: 5, of: 10");
  else if (spec->within_failures > spec->within_of)
    wg_reader_problem(within, "failures", "there cannot be more failures than looks (\"of\")");
  wg_reader_end(within);
}

static void read_own(MonProbeSpec *spec, WgReader *reader) {
  spec->kind = (MonProbeKind)wg_reader_word(reader, "kind", kinds, MON_PROBE_READINESS);
  spec->interval = wg_reader_usec(reader, "interval", MON_PROBE_INTERVAL_MIN,
                                  MON_PROBE_INTERVAL_MAX, MON_PROBE_INTERVAL);
  spec->retry_interval = wg_reader_usec(reader, "retry-interval", MON_PROBE_INTERVAL_MIN,
                                        MON_PROBE_INTERVAL_MAX, spec->interval);
  spec->timeout = wg_reader_usec(reader, "timeout", 1000, HOUR, 10 * (guint64)G_USEC_PER_SEC);
  spec->delay = wg_reader_usec(reader, "delay", 0, HOUR, 0);
  spec->jitter = read_jitter(reader);
  spec->failures = (guint)wg_reader_int(reader, "failures", 1, 1000, 1);
  spec->successes = (guint)wg_reader_int(reader, "successes", 1, 1000, 1);
  spec->upside_down = wg_reader_bool(reader, "upside-down", FALSE);
  read_within(spec, reader);
  read_quiet(spec, reader);
}

/* ---- the check's ---- */
static gboolean has_option(const ChkType *type, const char *name) {
  for (const ChkKey *key = type->options; key && key->name; key++)
    if (strcmp(key->name, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean is_known(const char *key, const ChkType *type) {
  return g_strv_contains(own_keys, key) || chk_is_common_option(key) || chk_type_find(key) ||
         g_str_has_prefix(key, "x-") || (type && has_option(type, key));
}

static const ChkType *type_of(JsonObject *object) {
  g_autoptr(GList) members = json_object_get_members(object);
  const ChkType *found = NULL;

  for (GList *l = members; l; l = l->next) {
    const ChkType *type = chk_type_find(l->data);
    if (type && (!found || has_option(type, found->name)))
      found = type;
  }
  return found;
}

/* A misspelt key is told with the nearest of all that a probe may have, the check's and its own. */
static gboolean tell_unknown(WgReader *reader, const char *key, const ChkType *type) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  if (is_known(key, type))
    return FALSE;
  g_strv_builder_addv(builder, (const char **)own_keys);
  g_strv_builder_addv(builder, (const char **)chk_common_options);
  g_auto(GStrv) types = type ? NULL : chk_types_names();
  if (types)
    g_strv_builder_addv(builder, (const char **)types);
  for (const ChkKey *option = type ? type->options : NULL; option && option->name; option++)
    g_strv_builder_add(builder, option->name);
  g_auto(GStrv) candidates = g_strv_builder_end(builder);
  g_autofree char *hint = wg_nearest_hint(key, (const char *const *)candidates);
  wg_reader_problem(reader, key, "a probe has no \"%s\"%s%s", key, hint ? "; " : "",
                    hint ? hint : "");
  return TRUE;
}

/* What is left for the prober. */
static JsonNode *check_part(WgReader *reader, JsonObject *object) {
  JsonObject *part = json_object_new();
  JsonNode *node = json_node_init_object(json_node_alloc(), part);
  const ChkType *type = type_of(object);
  JsonObjectIter iter;
  const char *key;
  JsonNode *member;

  json_object_unref(part);
  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &key, &member))
    if (!g_strv_contains(own_keys, key) && !tell_unknown(reader, key, type))
      json_object_set_member(part, key, json_node_copy(member));
  return node;
}

static void read_check(MonProbeSpec *spec, WgReader *reader, JsonObject *object, WgDoc *doc,
                       const char *pointer, WgProblems *problems) {
  g_autoptr(JsonNode) part = check_part(reader, object);
  g_autoptr(ChkPlan) plan = chk_plan_load_one(part, doc, pointer, problems);

  if (!plan)
    return;
  const ChkCheck *check = g_ptr_array_index(plan->checks, 0);
  spec->type = g_strdup(check->type->name);
  spec->subject = g_strdup(check->subject);
  spec->keeps_cursor = strcmp(spec->type, "journal") == 0;
  /* {unit: x.service} and nothing else: systemd's signals say it sooner than any look */
  if (strcmp(spec->type, "unit") == 0 && json_object_get_size(json_node_get_object(part)) == 1) {
    spec->how = MON_PROBE_UNIT;
    spec->failures = spec->successes = 1; /* a signal is not repeated */
  } else
    spec->check = wg_json_canonical(part);
}

static void read_push(MonProbeSpec *spec, WgReader *reader) {
  const char *name = wg_reader_need(reader, "push");

  spec->how = MON_PROBE_PUSH;
  spec->type = g_strdup("push");
  spec->subject = g_strdup(name ? name : "");
  spec->every = wg_reader_usec(reader, "every", MON_PROBE_INTERVAL_MIN, 366 * 24 * HOUR, 0);
  if (spec->every == 0)
    wg_reader_problem(reader, "every", "a push is needed every so often: write every: 1d");
}

static void read_queue(MonProbeSpec *spec, WgReader *reader) {
  WgReader *queue = wg_reader_object(reader, "queue");

  spec->how = MON_PROBE_QUEUE;
  spec->type = g_strdup("queue");
  if (!queue)
    return;
  spec->subject = g_strdup(wg_reader_need(queue, "agent"));
  spec->at_most = (guint64)wg_reader_int(queue, "at-most", 0, G_MAXINT64, 100);
  wg_reader_end(queue);
}

static void read_name(MonProbeSpec *spec, WgReader *reader) {
  const char *fallback = spec->how == MON_PROBE_PUSH ? spec->subject : spec->type;

  spec->name = g_strdup(wg_reader_text(reader, "name", fallback));
  if (spec->name && !mon_name_is_good(spec->name))
    wg_reader_problem(reader, "name",
                      "\"%s\" is no name: letters, digits and \"._@:-\" within, at most 128",
                      spec->name);
}

MonProbeSpec *mon_probe_spec_read(JsonNode *node, WgDoc *doc, const char *pointer,
                                  WgProblems *problems) {
  g_autoptr(MonProbeSpec) spec = g_rc_box_new0(MonProbeSpec);
  WgReader *reader = wg_reader_new(doc, node, pointer, problems);
  JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  gboolean simple = wg_reader_has(reader, "push") || wg_reader_has(reader, "queue");

  spec->quiet = g_ptr_array_new_with_free_func((GDestroyNotify)wg_calendar_free);
  read_own(spec, reader);
  if (wg_reader_has(reader, "push"))
    read_push(spec, reader);
  else if (wg_reader_has(reader, "queue"))
    read_queue(spec, reader);
  else if (object)
    read_check(spec, reader, object, doc, pointer, problems);
  read_name(spec, reader);
  if (simple)
    wg_reader_end(reader);
  else
    wg_reader_drop(reader);
  return spec->name && spec->subject ? g_steal_pointer(&spec) : NULL;
}

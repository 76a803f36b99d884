/* bus-registry-list.c: services by name, tag, capability and state. Who looks for a service to use
 * gets healthy ones unless it says otherwise. */
#include "monitoring/bus-registry.h"

#include "common/error.h"

#include <string.h>

const WgOption mon_options_list[] = {{"tags", "as"}, {"capabilities", "as"}, {"states", "as"},
                                     {"all", "b"},   {"probes", "b"},        {NULL}};

typedef struct {
  MonCall *call;
  JsonArray *found;
  char **tags, **capabilities, **states; /* NULL: any */
  const char *word;                      /* name, tag or capability; NULL: any */
  gboolean all, detail;
} Filter;

static char **strv_option(MonCall *call, const char *name) {
  g_autoptr(GVariant) value =
      call->options ? g_variant_lookup_value(call->options, name, G_VARIANT_TYPE("as")) : NULL;

  return value ? g_variant_dup_strv(value, NULL) : NULL;
}

/* Every one of `wanted` is in `have`. */
static gboolean has_all(char **have, char **wanted) {
  for (; wanted && *wanted; wanted++)
    if (!g_strv_contains((const char *const *)have, *wanted))
      return FALSE;
  return TRUE;
}

static gboolean is_known_state(const char *name) {
  for (guint i = 0; i < _MON_SERVICE_STATES; i++)
    if (strcmp(mon_service_state_name((MonServiceState)i), name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean state_fits(const Filter *filter, const MonServiceEntry *e) {
  if (filter->states)
    return g_strv_contains((const char *const *)filter->states, mon_service_state_name(e->state));
  return filter->all || e->state == MON_SERVICE_HEALTHY;
}

static gboolean word_fits(const Filter *filter, const MonServiceEntry *e) {
  const char *word = filter->word;

  return word == NULL || strcmp(e->spec->name, word) == 0 ||
         g_strv_contains((const char *const *)e->spec->tags, word) ||
         g_strv_contains((const char *const *)e->spec->capabilities, word);
}

static gboolean look_at(MonServiceEntry *e, gpointer data) {
  Filter *filter = data;

  if (state_fits(filter, e) && word_fits(filter, e) && has_all(e->spec->tags, filter->tags) &&
      has_all(e->spec->capabilities, filter->capabilities))
    json_array_add_object_element(
        filter->found, mon_entry_json(e, filter->detail, mon_registry_may_read(filter->call, e)));
  return TRUE;
}

static void answer(MonCall *call, Filter *filter) {
  g_autoptr(GError) error = NULL;

  filter->call = call;
  filter->tags = strv_option(call, "tags");
  filter->capabilities = strv_option(call, "capabilities");
  filter->states = strv_option(call, "states");
  filter->all = filter->all || wg_call_flag(call, "all");
  filter->detail = wg_call_flag(call, "probes");
  filter->found = json_array_new();
  for (char **state = filter->states; state && *state && !error; state++)
    if (!is_known_state(*state))
      error = g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                          "a service has no state \"%s\": healthy, pending, starting, flapping, "
                          "unhealthy, maintenance, gone",
                          *state);
  if (!error)
    mon_registry_each(mon_call_registry(call), look_at, filter);
  g_strfreev(filter->tags);
  g_strfreev(filter->capabilities);
  g_strfreev(filter->states);
  g_autofree char *text = mon_registry_array_text(filter->found);
  guint64 revision = mon_registry_revision(mon_call_registry(call));
  if (error)
    wg_call_fail(call, error);
  else
    wg_call_answer(call, g_variant_new("(ts)", revision, text));
}

/* All that there are: a list is for whoever looks after them. */
void mon_handle_list(MonCall *call) {
  Filter filter = {.all = TRUE};

  answer(call, &filter);
}

void mon_handle_find(MonCall *call) {
  Filter filter = {0};

  g_variant_get_child(call->args, 0, "&s", &filter.word);
  answer(call, &filter);
}

/* bus-target.c: the object of one target and its properties. Nothing here asks a disk: what a
 * getter tells is what was read or written last. */
#include "deployment/bus-targets.h"

#include "common/bus-variant.h"
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static DplTargetView *view_at(DplDaemon *daemon, const char *path) {
  char *name = NULL;
  DplTargetView *view = NULL;

  if (daemon->targets != NULL && sd_bus_path_decode(path, WG_PATH_DEPLOYMENT_TARGET, &name) > 0)
    view = g_hash_table_lookup(daemon->targets, name);
  free(name);
  return view;
}

int dpl_target_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                    void **ret_found, sd_bus_error *error) {
  if (view_at(userdata, path) == NULL)
    return 0;
  *ret_found = userdata;
  return 1;
}

int dpl_target_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error) {
  g_autoptr(GPtrArray) views = dpl_targets_sorted(userdata);
  char **nodes = calloc(views->len + 1, sizeof(char *)); /* sd-bus frees it */

  if (nodes == NULL)
    return -ENOMEM;
  for (guint i = 0; i < views->len; i++)
    if (sd_bus_path_encode(WG_PATH_DEPLOYMENT_TARGET, ((DplTargetView *)views->pdata[i])->name,
                           &nodes[i]) < 0)
      break; /* no memory: the list ends here */
  *ret_nodes = nodes;
  return 0;
}

/* A deployment whose end is on the disk holds nothing any more. */
static const DplRecord *holder_of(DplDaemon *daemon, const DplTargetView *view) {
  const DplRecord *holder = dpl_engine_holder(daemon->engine, view->name);

  return holder != NULL && !dpl_states[holder->state].is_end ? holder : NULL;
}

static const char *state_of(DplDaemon *daemon, const DplTargetView *view) {
  const DplRecord *holder = holder_of(daemon, view);

  if (holder != NULL)
    return dpl_states[holder->state].name;
  if (dpl_engine_frozen(daemon->engine, view->name) != 0)
    return "frozen";
  return view->current != NULL ? "idle" : "empty";
}

static GVariant *labels_of(const DplTargetView *view) {
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer key, value;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  if (view->site != NULL) {
    g_hash_table_iter_init(&iter, view->site->labels);
    while (g_hash_table_iter_next(&iter, &key, &value))
      g_variant_builder_add(&builder, "{ss}", key, value);
  }
  return g_variant_builder_end(&builder);
}

static const char *text_of(DplDaemon *daemon, const DplTargetView *view, const DplTarget *known,
                           const char *property) {
  const DplSite *site = view->site;
  gboolean looked = dpl_target_drift_known(view);
  const struct {
    const char *name, *text;
  } texts[] = {
      {"Name", view->name},
      {"Root", view->root},
      {"Domain", site != NULL ? site->domain : NULL},
      {"Instance", site != NULL ? site->instance : NULL},
      {"Owner", site != NULL ? site->owner : NULL},
      {"State", state_of(daemon, view)},
      {"Current", view->current},
      {"Drift", looked ? dpl_drift_name(view->drift) : NULL},
      {"DriftText", looked ? view->drift_text : NULL},
      {"Good", known != NULL ? known->good : NULL},
      {"LastState", known != NULL && known->last != 0 ? dpl_states[known->last_state].name : NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (strcmp(property, texts[i].name) == 0)
      return texts[i].text != NULL ? texts[i].text : "";
  return NULL;
}

static guint64 number_of(DplDaemon *daemon, const DplTargetView *view, const DplTarget *known,
                         const char *property) {
  const DplRecord *holder = holder_of(daemon, view);

  if (strcmp(property, "DriftChecked") == 0)
    return dpl_target_drift_known(view) ? (guint64)view->drift_time : 0;
  if (strcmp(property, "Deployment") == 0)
    return holder != NULL ? holder->id : 0;
  if (known == NULL)
    return 0;
  if (strcmp(property, "GoodDeployment") == 0)
    return known->good_txn;
  if (strcmp(property, "Frozen") == 0)
    return known->frozen;
  if (strcmp(property, "LastDeployment") == 0)
    return known->last;
  return (guint64)known->since;
}

int dpl_target_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                   sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  DplDaemon *daemon = userdata;
  DplTargetView *view = view_at(daemon, path);

  if (view == NULL)
    return -ENOENT;
  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  if (strcmp(property, "Labels") == 0) {
    g_autoptr(GVariant) labels = g_variant_ref_sink(labels_of(view));
    return wg_variant_append(reply, labels);
  }
  const DplTarget *known = dpl_engine_target(daemon->engine, view->name);
  const char *text = text_of(daemon, view, known, property);
  if (text != NULL)
    return sd_bus_message_append_basic(reply, 's', text);
  guint64 number = number_of(daemon, view, known, property);
  return sd_bus_message_append_basic(reply, 't', &number);
}

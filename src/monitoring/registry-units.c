/* registry-units.c: the section [X-Waggle] of the units in sight. Their files are read on a worker
 * thread (a disk may hang) whenever systemd has read them anew or a unit came into sight; what is
 * wrong with one is told once and costs only that unit, and what was in force for it stays. */
#include "monitoring/registry-private.h"
#include "monitoring/xwaggle.h"

#include "common/log.h"

#include <string.h>

/* Units come in groups. */
#define SOON_MSEC 200
#define FILE_MAX (1024 * 1024)

/* One unit as the worker has read it. */
typedef struct {
  char *unit;
  GPtrArray *files; /* of char *: path, text, path, text */
} Read;

struct Xwaggles {
  MonRegistry *registry;
  GCancellable *cancel;
  guint soon;
  gboolean again;
  GHashTable *told;  /* unit -> problems told */
  GHashTable *force; /* unit -> MonServiceSpec in force */
};

static void read_free(gpointer data) {
  Read *read = data;

  g_free(read->unit);
  g_ptr_array_unref(read->files);
  g_free(read);
}

static void add_path(Read *read, const char *path) {
  if (path && *path) {
    g_ptr_array_add(read->files, g_strdup(path));
    g_ptr_array_add(read->files, NULL);
  }
}

static gboolean take_unit(const MonUnit *unit, gpointer data) {
  if (!unit->known || *unit->state->fragment == '\0')
    return TRUE;
  Read *read = g_new0(Read, 1);
  read->unit = g_strdup(unit->state->id && *unit->state->id ? unit->state->id : unit->state->name);
  read->files = g_ptr_array_new_with_free_func(g_free);
  add_path(read, unit->state->fragment);
  for (guint i = 0; unit->state->drop_ins && unit->state->drop_ins[i]; i++)
    add_path(read, unit->state->drop_ins[i]);
  g_ptr_array_add(data, read);
  return TRUE;
}

/* The same file is many units' (templates, drop-ins of a type): each is read once. */
static void in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  GPtrArray *reads = data;
  g_autoptr(GHashTable) texts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

  for (guint i = 0; i < reads->len && !g_cancellable_is_cancelled(cancellable); i++) {
    const Read *read = reads->pdata[i];
    for (guint f = 0; f + 1 < read->files->len; f += 2) {
      const char *path = read->files->pdata[f];
      char *text = g_hash_table_lookup(texts, path);
      gsize size = 0;
      if (text == NULL) {
        if (!g_file_get_contents(path, &text, &size, NULL) || size > FILE_MAX)
          g_clear_pointer(&text, g_free);
        text = text && strstr(text, "[X-Waggle]") && g_utf8_validate(text, -1, NULL)
                   ? text
                   : (g_free(text), g_strdup(""));
        g_hash_table_insert(texts, (gpointer)path, text);
      }
      if (*text)
        read->files->pdata[f + 1] = g_strdup(text);
    }
  }
  g_task_return_boolean(task, TRUE);
}

static void tell(Xwaggles *x, const char *unit, const char *problems) {
  const char *before = g_hash_table_lookup(x->told, unit);

  if (*problems == '\0') {
    g_hash_table_remove(x->told, unit);
    return;
  }
  if (before && strcmp(before, problems) == 0)
    return;
  g_hash_table_insert(x->told, g_strdup(unit), g_strdup(problems));
  wg_log(LOG_WARNING, WG_MSG_SERVICE_REFUSED, WG_FIELDS(WG_FIELD_ERROR, problems),
         "[X-Waggle] of %s is refused; what was in force for it stays:\n%s", unit, problems);
}

static MonServiceSpec *service_of(Xwaggles *xs, const Read *read) {
  g_autoptr(MonXWaggle) x = mon_xwaggle_new(read->unit);
  g_autoptr(WgProblems) problems = wg_problems_new();
  gboolean found = FALSE;

  for (guint f = 0; f + 1 < read->files->len; f += 2)
    if (read->files->pdata[f + 1])
      found |= mon_xwaggle_add(x, read->files->pdata[f + 1], read->files->pdata[f], problems);
  if (!found) {
    g_hash_table_remove(xs->force, read->unit);
    tell(xs, read->unit, "");
    return NULL;
  }
  MonServiceSpec *spec = mon_xwaggle_service(x, problems);
  g_autofree char *text = wg_problems_text(problems, read->unit);
  tell(xs, read->unit, spec ? "" : g_strchomp(text));
  if (spec) {
    g_hash_table_replace(xs->force, g_strdup(read->unit), mon_service_spec_ref(spec));
    return spec;
  }
  MonServiceSpec *old = g_hash_table_lookup(xs->force, read->unit);
  return old ? mon_service_spec_ref(old) : NULL;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
  GPtrArray *reads = g_task_get_task_data(G_TASK(result));
  g_autoptr(GPtrArray) specs =
      g_ptr_array_new_with_free_func((GDestroyNotify)mon_service_spec_unref);
  Xwaggles *x = data;

  if (g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result))))
    return;
  g_clear_object(&x->cancel);
  for (guint i = 0; i < reads->len; i++) {
    MonServiceSpec *spec = service_of(x, reads->pdata[i]);
    if (spec)
      g_ptr_array_add(specs, spec);
  }
  mon_registry_take_set(x->registry, specs, MON_FROM_UNIT);
  if (x->again)
    mon_xwaggles_start(x->registry);
}

static gboolean begin(gpointer data) {
  Xwaggles *x = data;
  MonInventory *inventory = x->registry->daemon->inventory;

  x->soon = 0;
  x->again = FALSE;
  if (inventory == NULL || !mon_inventory_fresh(inventory))
    return G_SOURCE_REMOVE; /* it tells when all is listed */
  GPtrArray *reads = g_ptr_array_new_with_free_func(read_free);
  mon_inventory_each(inventory, take_unit, reads);
  x->cancel = g_cancellable_new();
  g_autoptr(GTask) task = g_task_new(NULL, x->cancel, on_read, x);
  g_task_set_task_data(task, reads, (GDestroyNotify)g_ptr_array_unref);
  g_task_run_in_thread(task, in_thread);
  return G_SOURCE_REMOVE;
}

void mon_xwaggles_start(MonRegistry *registry) {
  Xwaggles *x = registry->xwaggles;

  if (x == NULL) {
    x = registry->xwaggles = g_new0(Xwaggles, 1);
    x->registry = registry;
    x->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    x->force = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     (GDestroyNotify)mon_service_spec_unref);
  }
  if (x->cancel)
    x->again = TRUE;
  else if (x->soon == 0)
    x->soon = g_timeout_add(SOON_MSEC, begin, x);
}

void mon_xwaggles_stop(MonRegistry *registry) {
  Xwaggles *x = g_steal_pointer(&registry->xwaggles);

  if (x == NULL)
    return;
  g_clear_handle_id(&x->soon, g_source_remove);
  if (x->cancel)
    g_cancellable_cancel(x->cancel);
  g_clear_object(&x->cancel);
  g_hash_table_unref(x->told);
  g_hash_table_unref(x->force);
  g_free(x);
}

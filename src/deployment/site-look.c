/* site-look.c: see site-look.h. */
#include "deployment/site-look.h"

#include "deployment/layout.h"
#include "deployment/switch.h"

#include <gio/gio.h>
#include <unistd.h>

static void seen_free(gpointer data) {
  DplSeen *seen = data;

  g_free(seen->name);
  g_free(seen->root);
  g_free(seen->current);
  g_free(seen->trouble);
  g_free(seen);
}

DplLook *dpl_look_new(void) {
  static guint64 numbers; /* loop's thread */
  DplLook *look = g_new0(DplLook, 1);

  look->number = ++numbers;
  look->seen = g_ptr_array_new_with_free_func(seen_free);
  look->refused = g_ptr_array_new_with_free_func(g_free);
  return look;
}

void dpl_look_free(DplLook *look) {
  g_ptr_array_unref(look->seen);
  g_ptr_array_unref(look->refused);
  g_clear_pointer(&look->sites, dpl_sites_free);
  g_free(look);
}

static DplSeen *add(DplLook *look, const char *name, const char *root) {
  DplSeen *seen = g_new0(DplSeen, 1);

  seen->name = g_strdup(name);
  seen->root = g_strdup(root);
  g_ptr_array_add(look->seen, seen);
  return seen;
}

void dpl_look_add(DplLook *look, const char *name, const char *root) {
  for (guint i = 0; i < look->seen->len; i++)
    if (g_str_equal(((DplSeen *)look->seen->pdata[i])->name, name))
      return;
  add(look, name, root);
}

/* ---- the worker's side ---- */
static void read_current(DplSeen *seen) {
  g_autoptr(GError) error = NULL;

  if (!g_file_test(seen->root, G_FILE_TEST_EXISTS))
    return;
  int root = dpl_layout_open(seen->root, seen->name, FALSE, &error);
  if (root >= 0) {
    dpl_current_read(root, &seen->current, &error);
    close(root);
  }
  if (error != NULL)
    seen->trouble = g_strdup(error->message);
}

/* A target's file says where it is; what was remembered of it may be older. */
static void add_sites(DplLook *look, char **dirs) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

  look->sites = dpl_sites_load((const char *const *)dirs, look->refused);
  for (guint i = 0; i < look->seen->len; i++) {
    DplSeen *seen = look->seen->pdata[i];
    g_hash_table_insert(names, seen->name, seen);
  }
  for (guint i = 0; i < dpl_sites_n(look->sites); i++) {
    const DplSite *site = dpl_sites_at(look->sites, i);
    DplSeen *seen = g_hash_table_lookup(names, site->name);
    if (seen == NULL) {
      add(look, site->name, site->root);
      continue;
    }
    g_free(seen->root);
    seen->root = g_strdup(site->root);
  }
}

static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  DplLook *look = data;
  char **dirs = g_object_get_data(G_OBJECT(task), "dirs");

  if (dirs != NULL)
    add_sites(look, dirs);
  for (guint i = 0; i < look->seen->len; i++)
    read_current(look->seen->pdata[i]);
  g_task_return_boolean(task, TRUE);
}

/* ---- the loop's side ---- */
typedef struct {
  DplLookFunc done;
  gpointer data;
} Waiter;

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Waiter *waiter = data;

  waiter->done(g_task_get_task_data(G_TASK(result)), waiter->data);
}

void dpl_look_run(DplLook *look, char **dirs, DplLookFunc done, gpointer data) {
  Waiter *waiter = g_new0(Waiter, 1);

  *waiter = (Waiter){done, data};
  g_autoptr(GTask) task = g_task_new(NULL, NULL, looked, waiter);
  g_task_set_task_data(task, look, (GDestroyNotify)dpl_look_free);
  g_object_set_data_full(G_OBJECT(task), "dirs", g_strdupv(dirs), (GDestroyNotify)g_strfreev);
  g_task_run_in_thread(task, work);
}

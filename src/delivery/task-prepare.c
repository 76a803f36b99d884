/* task-prepare.c: what a job needs before it can run: bodies that did not come along, and leases.
 *
 * Mail is leased at the last moment, since a lease counts as received; what messaged will not lease
 * was received by somebody else meanwhile and is none of ours any more. */
#include "delivery/task.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  DlvTask *task;
  guint index; /* of the attempt */
} Fetch;

typedef struct {
  gpointer data;
  gsize size;
} Mapping;

static void take_leases(DlvTask *task);

static DlvBackendFlags flags_of(const DlvTask *task) {
  return task->plan->policy->entries[task->told.entry].class->flags;
}

/* Before run(): the back-end knows of nothing yet. */
static void settle_early(DlvTask *task, guint i, DlvResult result, const char *cause) {
  DlvAttempt *attempt = g_steal_pointer(&task->attempts->pdata[i]);

  task->n_left--;
  dlv_settle(task, attempt, result, 0, cause);
}

static void unmap(gpointer data) {
  Mapping *mapping = data;

  munmap(mapping->data, mapping->size);
  g_free(mapping);
}

/* A sealed memfd cannot change under the mapping, and reading it waits for no disk. */
static GBytes *body_of_fd(int fd) {
  const int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
  struct stat st;

  if ((fcntl(fd, F_GET_SEALS) & needed) != needed || fstat(fd, &st) < 0)
    return NULL;
  if (st.st_size == 0)
    return g_bytes_new(NULL, 0);
  gpointer data = mmap(NULL, (gsize)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return NULL;
  Mapping *mapping = g_new(Mapping, 1);
  *mapping = (Mapping){data, (gsize)st.st_size};
  return g_bytes_new_with_free_func(data, mapping->size, unmap, mapping);
}

static GBytes *read_body(sd_bus_message *m) {
  const char *key;
  const void *data;
  gsize size;
  int fd;

  if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
    return NULL;
  while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
    if (sd_bus_message_read_basic(m, 's', &key) < 0)
      return NULL;
    if (strcmp(key, "body-fd") == 0)
      return sd_bus_message_read(m, "v", "h", &fd) > 0 ? body_of_fd(fd) : NULL;
    if (strcmp(key, "body") == 0)
      return sd_bus_message_enter_container(m, 'v', "ay") > 0 &&
                     sd_bus_message_read_array(m, 'y', &data, &size) >= 0
                 ? g_bytes_new(data, size)
                 : NULL;
    if (sd_bus_message_skip(m, "v") < 0 || sd_bus_message_exit_container(m) < 0)
      return NULL;
  }
  return NULL;
}

static void on_body(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autofree Fetch *fetch = data;
  DlvTask *task = fetch->task;
  DlvAttempt *a = task->attempts->pdata[fetch->index];

  a->body = reply != NULL ? read_body(reply) : NULL;
  if (a->body == NULL) {
    g_autofree char *cause =
        g_strdup_printf("the body cannot be fetched: %s",
                        error != NULL ? error->message : "messaged did not send it");
    settle_early(task, fetch->index, DLV_HELD, cause);
  }
  if (--task->n_awaited == 0)
    take_leases(task);
}

static void fetch_body(DlvTask *task, guint i) {
  DlvAttempt *a = task->attempts->pdata[i];
  guint64 max = task->agent->link->courier->settings.max_body;

  if (a->size > max) {
    g_autofree char *cause =
        g_strdup_printf("the body has %" G_GUINT64_FORMAT
                        " bytes, more than MaxBody= in courier.conf allows (%" G_GUINT64_FORMAT ")",
                        a->size, max);
    settle_early(task, i, DLV_FAILED, cause);
    return;
  }
  Fetch *fetch = g_new(Fetch, 1);
  *fetch = (Fetch){task, i};
  task->n_awaited++;
  dlv_link_call(
      task->agent->link, WG_IFACE_MESSAGING, "GetMessage",
      g_variant_new("(t@a{sv})", a->number, g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)),
      on_body, fetch);
}

static void take_lease(DlvTask *task, guint64 attempt, guint64 lease) {
  for (guint i = 0; i < task->attempts->len; i++) {
    DlvAttempt *a = task->attempts->pdata[i];
    if (a != NULL && a->attempt == attempt)
      a->lease = lease;
  }
}

/* Messaged takes nothing now (its store is full, say): the attempt is still ours, and goes back. */
static void not_taken(DlvTask *task, guint i, const GError *error) {
  g_autofree char *cause = g_strdup_printf("it cannot be leased: %s", error->message);

  settle_early(task, i, DLV_HELD, cause);
}

static void on_taken(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  DlvTask *task = data;
  gboolean refused = reply == NULL && link->state == DLV_LINK_READY &&
                     !g_error_matches(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN);
  guint64 attempt, token;

  if (reply != NULL && sd_bus_message_enter_container(reply, 'a', "(tt)") > 0)
    while (sd_bus_message_read(reply, "(tt)", &attempt, &token) > 0)
      take_lease(task, attempt, token);
  for (guint i = 0; i < task->attempts->len; i++) {
    DlvAttempt *a = task->attempts->pdata[i];
    if (a == NULL || a->lease != 0)
      continue;
    if (refused) {
      not_taken(task, i, error);
      continue;
    }
    wg_log(LOG_DEBUG, NULL, NULL, "Message %" G_GUINT64_FORMAT " of %s is not ours any more",
           a->number, task->agent->name);
    dlv_task_withdraw(task, i);
  }
  dlv_task_ready(task);
}

static void take_leases(DlvTask *task) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  GVariantBuilder tokens;

  if ((flags_of(task) & DLV_LEASES) == 0 || task->cancelled || task->n_left == 0) {
    dlv_task_ready(task);
    return;
  }
  g_variant_builder_init(&tokens, G_VARIANT_TYPE("at"));
  for (guint i = 0; i < task->attempts->len; i++)
    if (task->attempts->pdata[i] != NULL)
      g_variant_builder_add(&tokens, "t", ((DlvAttempt *)task->attempts->pdata[i])->attempt);
  g_variant_dict_insert(&options, "lease", "t", task->agent->link->courier->settings.lease);
  dlv_link_call(task->agent->link, WG_IFACE_COURIER, "TakeAttempts",
                g_variant_new("(at@a{sv})", &tokens, g_variant_dict_end(&options)), on_taken, task);
}

void dlv_task_prepare(DlvTask *task) {
  guint n = task->attempts->len;

  task->n_awaited = 1;
  for (guint i = 0; i < n && (flags_of(task) & DLV_BODIES) != 0; i++) {
    const DlvAttempt *a = task->attempts->pdata[i];
    if (a != NULL && a->body == NULL)
      fetch_body(task, i);
  }
  if (--task->n_awaited == 0)
    take_leases(task);
}

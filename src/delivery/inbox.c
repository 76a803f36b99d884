/* inbox.c: the back-end "inbox": each message one file in a directory of the owner's.
 *
 * The loop's side: options, jobs and their results. Every file is touched by the worker (inbox.h).
 * "Announced" is said only after the file, and its name in new/, are on the disk. */
#include "delivery/inbox.h"

#include "common/error.h"
#include "common/log.h"

#include <string.h>

#define MAX_MESSAGES 10000
#define MAX_BYTES (G_GUINT64_CONSTANT(256) * 1024 * 1024)
/* A disk that does not answer for so long after a job was given up is not waited for any more. */
#define PATIENCE_MS 2000

static const DlvOption options[] = {
    {.name = "directory",
     .type = DLV_TEXT,
     .required = TRUE,
     .summary = "where the files go: absolute, or \"~/\" and what follows the owner's home; made "
                "with mode 0700, with tmp, new and cur in it, when it is not there"},
    {.name = "mode",
     .type = DLV_TEXT,
     .summary = "mode of the files, octal, without write permission for others; default \"0600\""},
    {.name = "max-messages",
     .type = DLV_NUMBER,
     .min = 1,
     .summary = "so many files lie there at most, more messages are held; default 10000"},
    {.name = "max-bytes",
     .type = DLV_SIZE,
     .min = 1,
     .summary = "so many bytes lie there at most, more messages are held; default 256M"},
    {NULL}};

/* A job in the worker's hands. */
typedef struct {
  DlvInbox *inbox;
  DlvJob *job; /* NULL once it was given up */
  guint n;
  DlvInboxItem *items;
  int canceled;
  guint patience; /* source id */
} Batch;

/* One reading for the core. */
typedef struct {
  DlvInbox *inbox;
  void (*each)(guint64 number, gpointer data);
  gpointer data;
  GArray *numbers;
} Sweep;

static void file_free(gpointer data) {
  DlvInboxFile *file = data;

  g_free(file->name);
  g_free(file);
}

static void inbox_clear(gpointer data) {
  DlvInbox *inbox = data;

  g_free(inbox->agent);
  g_free(inbox->directory);
  g_free(inbox->home);
  g_strfreev(inbox->components);
  g_hash_table_unref(inbox->files);
  g_array_unref(inbox->finished);
  g_mutex_clear(&inbox->lock);
}

DlvInbox *dlv_inbox_ref(DlvInbox *inbox) {
  return g_atomic_rc_box_acquire(inbox);
}

void dlv_inbox_unref(DlvInbox *inbox) {
  g_atomic_rc_box_release_full(inbox, inbox_clear);
}

static gboolean invalid(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

/* NULL: not below home. */
static const char *below_home(const char *path) {
  const char *home = g_get_home_dir();
  gsize n = strlen(home);

  if (g_str_has_prefix(path, "~/"))
    return path + 2;
  return n > 1 && strncmp(path, home, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static gboolean set_directory(DlvInbox *inbox, const char *text, GError **error) {
  const char *below = below_home(text);
  g_auto(GStrv) parts = g_strsplit(below ? below : text, "/", -1);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  if (below == NULL && *text != '/')
    return invalid(error, "directory: neither absolute nor below the home directory (\"~/...\")");
  for (char **part = parts; *part; part++) {
    if (g_str_equal(*part, ".."))
      return invalid(error, "directory: \"..\" is not followed; name the directory itself");
    if (**part && !g_str_equal(*part, "."))
      g_strv_builder_add(names, *part);
  }
  inbox->components = g_strv_builder_end(names);
  if (inbox->components[0] == NULL)
    return invalid(error, "directory: the inbox needs a directory of its own, \"~/mail\" say");
  inbox->home = below ? g_strdup(g_get_home_dir()) : NULL;
  g_autofree char *rest = g_strjoinv("/", inbox->components);
  inbox->directory = g_build_filename(inbox->home ? inbox->home : "/", rest, NULL);
  return TRUE;
}

static gboolean set_mode(DlvInbox *inbox, const char *text, GError **error) {
  char *end;
  guint64 mode = g_ascii_strtoull(text, &end, 8);

  if (!g_ascii_isdigit(*text) || *end || mode > 0777)
    return invalid(error, "mode: not an octal file mode such as \"0600\" or \"0640\"");
  if ((mode & 0400) == 0 || (mode & 0133) != 0)
    return invalid(error, "mode: files of mail can be read by their owner, are written by nobody "
                          "else and are no programs: \"0600\", \"0640\", \"0644\"");
  inbox->mode = (mode_t)mode;
  return TRUE;
}

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *object,
                          GError **error) {
  g_autoptr(DlvInbox) inbox = g_atomic_rc_box_new0(DlvInbox);

  inbox->agent = g_strdup(agent);
  inbox->files = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, file_free);
  inbox->finished = g_array_new(FALSE, FALSE, sizeof(guint64));
  inbox->max_messages = dlv_option_number(object, "max-messages", MAX_MESSAGES);
  inbox->max_bytes = dlv_option_size(object, "max-bytes", MAX_BYTES);
  g_mutex_init(&inbox->lock);
  if (!set_directory(inbox, dlv_option_text(object, "directory", ""), error) ||
      !set_mode(inbox, dlv_option_text(object, "mode", "0600"), error))
    return NULL;
  return g_steal_pointer(&inbox);
}

static void inbox_free(gpointer state) {
  DlvInbox *inbox = state;

  inbox->freed = TRUE;
  dlv_inbox_unref(inbox);
}

static void copy_item(DlvInboxItem *item, const DlvInbox *inbox, const DlvMessage *message) {
  item->message = *message;
  item->message.from = g_strdup(message->from);
  item->message.subject = NULL; /* `fields` has it */
  item->message.fields = message->fields ? g_ref_string_acquire(message->fields) : NULL;
  item->message.trace = NULL;
  item->message.body = message->body ? g_bytes_ref(message->body) : NULL;
  item->name = dlv_inbox_name(inbox, message->number, message->time);
  item->fd = -1;
}

static void clear_item(DlvInboxItem *item) {
  g_free((char *)item->message.from);
  g_clear_pointer(&item->message.fields, g_ref_string_release);
  g_clear_pointer(&item->message.body, g_bytes_unref);
  g_free(item->name);
  g_free(item->cause);
}

static void batch_work(gpointer data) {
  Batch *batch = data;

  dlv_inbox_write(batch->inbox, batch->items, batch->n, &batch->canceled);
}

static void batch_done(gpointer data) {
  Batch *batch = data;
  DlvJob *job = g_steal_pointer(&batch->job);

  g_clear_handle_id(&batch->patience, g_source_remove);
  for (guint i = 0; i < batch->n; i++) {
    DlvInboxItem *item = &batch->items[i];
    if (job)
      dlv_job_report(job, i, item->result, 0, item->cause); /* the last one ends the job */
    clear_item(item);
  }
  g_free(batch->items);
  dlv_inbox_unref(batch->inbox);
  g_free(batch);
}

static void run(gpointer state, DlvJob *job) {
  DlvInbox *inbox = state;
  Batch *batch = g_new0(Batch, 1);

  batch->inbox = dlv_inbox_ref(inbox);
  batch->job = job;
  batch->n = job->n_messages;
  batch->items = g_new0(DlvInboxItem, batch->n);
  for (guint i = 0; i < batch->n; i++)
    copy_item(&batch->items[i], inbox, &job->messages[i]);
  job->backend = batch;
  dlv_inbox_queue(batch_work, batch_done, batch);
}

static gboolean out_of_patience(gpointer data) {
  Batch *batch = data;
  g_autofree char *cause =
      g_strdup_printf("%s: the disk did not answer in time", batch->inbox->directory);

  batch->patience = 0;
  dlv_job_report_all(g_steal_pointer(&batch->job), DLV_FAILED, 0, cause);
  return G_SOURCE_REMOVE;
}

static void cancel(gpointer state, DlvJob *job) {
  Batch *batch = job->backend;

  if (g_atomic_int_get(&batch->canceled))
    return;
  g_atomic_int_set(&batch->canceled, 1);
  batch->patience = g_timeout_add(PATIENCE_MS, out_of_patience, batch);
}

static void clean_work(gpointer data) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 5};
  DlvInbox *inbox = data;
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_autoptr(GError) error = NULL;
  DlvInboxDirs dirs;
  guint suppressed;

  g_mutex_lock(&inbox->lock);
  GArray *taken = inbox->finished;
  inbox->finished = numbers;
  g_mutex_unlock(&inbox->lock);
  numbers = taken;
  gboolean ok = dlv_inbox_open(inbox, &dirs, &error);
  if (ok) {
    ok = dlv_inbox_remove(inbox, &dirs, (const guint64 *)numbers->data, numbers->len, &error);
    dlv_inbox_close(&dirs);
  }
  if (!ok && wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_WARNING, WG_MSG_INBOX_NOT_CLEANED,
           WG_FIELDS(WG_FIELD_AGENT, inbox->agent, WG_FIELD_PATH, inbox->directory),
           "Files of finished messages of %s stay: %s", inbox->agent, error->message);
}

static void clean_done(gpointer data) {
  dlv_inbox_unref(data);
}

static void finished(gpointer state, guint64 number, const char *receipt) {
  DlvInbox *inbox = state;

  g_mutex_lock(&inbox->lock);
  g_array_append_val(inbox->finished, number);
  gboolean first = inbox->finished->len == 1; /* else the worker was told */
  g_mutex_unlock(&inbox->lock);
  if (first)
    dlv_inbox_queue(clean_work, clean_done, dlv_inbox_ref(inbox));
}

static void sweep_work(gpointer data) {
  Sweep *sweep = data;
  GHashTableIter iter;
  gpointer key;
  DlvInboxDirs dirs;

  /* a directory that cannot be read: the next delivery says so */
  if (!dlv_inbox_open(sweep->inbox, &dirs, NULL))
    return;
  if (dlv_inbox_read(sweep->inbox, &dirs, NULL)) {
    g_hash_table_iter_init(&iter, sweep->inbox->files);
    while (g_hash_table_iter_next(&iter, &key, NULL))
      g_array_append_val(sweep->numbers, *(const gint64 *)key);
  }
  dlv_inbox_close(&dirs);
}

static void sweep_done(gpointer data) {
  Sweep *sweep = data;

  for (guint i = 0; i < sweep->numbers->len && !sweep->inbox->freed; i++)
    sweep->each(g_array_index(sweep->numbers, guint64, i), sweep->data);
  g_array_unref(sweep->numbers);
  dlv_inbox_unref(sweep->inbox);
  g_free(sweep);
}

static void sweep_start(gpointer state, void (*each)(guint64 number, gpointer data),
                        gpointer data) {
  Sweep *sweep = g_new(Sweep, 1);

  *sweep = (Sweep){dlv_inbox_ref(state), each, data, g_array_new(FALSE, FALSE, sizeof(guint64))};
  dlv_inbox_queue(sweep_work, sweep_done, sweep);
}

const DlvBackendClass dlv_backend_inbox = {
    .name = "inbox",
    .summary = "each message as a file in a directory in maildir's form",
    .flags = DLV_BODIES | DLV_EACH | DLV_DURABLE,
    .options = options,
    .configure = configure,
    .free = inbox_free,
    .run = run,
    .cancel = cancel,
    .finished = finished,
    .sweep = sweep_start,
};

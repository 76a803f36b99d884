/* http-auth.c: see http-auth.h. */
#include "monitoring/http-auth.h"

#include <crypt.h>
#include <string.h>
#include <sys/random.h>

#define KNOWN_MAX 64 /* a change of a password makes one; then all are forgotten */

typedef struct {
  MonAuth *auth; /* NULL: it is gone */
  char *hash, *password, *key;
  gboolean is_user, good;
  MonAuthFunc func; /* NULL: forgotten */
  gpointer data;
} Job;

struct MonAuth {
  guint8 secret[32];
  GHashTable *known; /* digests of what was found right */
  GQueue waiting;    /* of Job */
  Job *running;      /* NULL: none */
};

static void next(MonAuth *auth);

static void wipe(char *text) {
  if (text)
    explicit_bzero(text, strlen(text));
  g_free(text);
}

static void job_free(gpointer data) {
  Job *job = data;

  wipe(job->password);
  g_free(job->hash);
  g_free(job->key);
  g_free(job);
}

/* ---- on the worker thread ---- */
/* Takes as long wherever they differ. */
static gboolean is_same(const char *a, const char *b) {
  gsize n = strlen(a);
  guint8 difference = 0;

  if (strlen(b) != n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    difference |= (guint8)(a[i] ^ b[i]);
  return difference == 0;
}

static void check(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  Job *job = data;
  struct crypt_data *room = g_new0(struct crypt_data, 1);
  /* not crypt_r(), whose part sanitizers play: the library would be left out */
  const char *made = crypt_rn(job->password, job->hash, room, sizeof *room);

  job->good = made && *made != '*' && is_same(job->hash, made) && job->is_user;
  explicit_bzero(room, sizeof *room);
  g_free(room);
  g_task_return_boolean(task, TRUE);
}

/* ---- on the loop ---- */
static void checked(GObject *source, GAsyncResult *result, gpointer user_data) {
  Job *job = user_data;
  MonAuth *auth = job->auth;

  if (!auth) {
    job_free(job);
    return;
  }
  auth->running = NULL;
  if (job->good) {
    if (g_hash_table_size(auth->known) >= KNOWN_MAX)
      g_hash_table_remove_all(auth->known);
    g_hash_table_add(auth->known, g_steal_pointer(&job->key));
  }
  next(auth);
  if (job->func)
    job->func(job->good, job->data);
  job_free(job);
}

static void next(MonAuth *auth) {
  Job *job = auth->running ? NULL : g_queue_pop_head(&auth->waiting);

  if (!job)
    return;
  auth->running = job;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, checked, job);
  g_task_set_task_data(task, job, NULL);
  g_task_run_in_thread(task, check);
}

/* (transfer full): "user:password"; NULL: no such header. */
static char *decode(const char *header) {
  gsize n;

  if (!header || g_ascii_strncasecmp(header, "Basic ", 6) != 0)
    return NULL;
  header += 6;
  while (*header == ' ')
    header++;
  if (!*header)
    return NULL;
  guint8 *bytes = g_base64_decode(header, &n);
  char *text = g_strndup((const char *)bytes, n);
  gboolean is_text = strlen(text) == n && strchr(text, ':') != NULL;
  explicit_bzero(bytes, n);
  g_free(bytes);
  if (is_text)
    return text;
  wipe(text);
  return NULL;
}

static char *digest(const MonAuth *auth, const char *user, const char *hash, const char *password) {
  g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, auth->secret, sizeof auth->secret);

  g_hmac_update(hmac, (const guchar *)user, (gssize)strlen(user) + 1);
  g_hmac_update(hmac, (const guchar *)hash, (gssize)strlen(hash) + 1);
  g_hmac_update(hmac, (const guchar *)password, (gssize)strlen(password));
  return g_strdup(g_hmac_get_string(hmac));
}

/* Of whom to compute where there is no such user: it takes as long. */
static const char *any_hash(const MonWeb *web) {
  GHashTableIter iter;
  gpointer hash = NULL;

  g_hash_table_iter_init(&iter, web->users);
  g_hash_table_iter_next(&iter, NULL, &hash);
  return hash;
}

MonAuthAnswer mon_auth_check(MonAuth *auth, const MonWeb *web, const char *header, MonAuthFunc func,
                             gpointer data) {
  if (g_hash_table_size(web->users) == 0)
    return MON_AUTH_YES;
  char *given = decode(header);
  if (!given)
    return MON_AUTH_NO;
  char *colon = strchr(given, ':');
  *colon = '\0';
  const char *hash = g_hash_table_lookup(web->users, given);
  Job *job = g_new0(Job, 1);
  *job = (Job){.auth = auth, .is_user = hash != NULL, .func = func, .data = data};
  job->hash = g_strdup(hash ? hash : any_hash(web));
  job->password = g_strdup(colon + 1);
  job->key = digest(auth, given, job->hash, job->password);
  explicit_bzero(colon + 1, strlen(colon + 1));
  g_free(given);
  if (job->is_user && g_hash_table_contains(auth->known, job->key)) {
    job_free(job);
    return MON_AUTH_YES;
  }
  g_queue_push_tail(&auth->waiting, job);
  next(auth);
  return MON_AUTH_LATER;
}

void mon_auth_forget(MonAuth *auth, gpointer data) {
  if (auth->running && auth->running->data == data)
    auth->running->func = NULL;
  for (GList *l = auth->waiting.head; l;) {
    GList *following = l->next;
    if (((Job *)l->data)->data == data) {
      job_free(l->data);
      g_queue_delete_link(&auth->waiting, l);
    }
    l = following;
  }
}

MonAuth *mon_auth_new(void) {
  MonAuth *auth = g_new0(MonAuth, 1);

  /* 32 bytes come whole, or the kernel has no randomness at all */
  if (getrandom(auth->secret, sizeof auth->secret, 0) != sizeof auth->secret)
    g_error("The kernel has no randomness.");
  auth->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init(&auth->waiting);
  return auth;
}

void mon_auth_free(MonAuth *auth) {
  if (!auth)
    return;
  if (auth->running)
    auth->running->auth = NULL;
  g_queue_clear_full(&auth->waiting, job_free);
  g_hash_table_unref(auth->known);
  explicit_bzero(auth->secret, sizeof auth->secret);
  g_free(auth);
}

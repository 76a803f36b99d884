/* type-process.c: running processes, found by name, program, command line or unit. */
#include "checks/accounts.h"
#include "checks/capabilities.h"
#include "checks/local.h"
#include "checks/proc.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>
#include <time.h>

static const ChkKey options[] = {
    {"by", CHK_TEXT,
     "what the subject is: name (default), exe (path of the program), cmdline (regular "
     "expression) or unit"},
    {"user", CHK_TEXT, "only processes of this user, by name or number"},
    {NULL},
};

static const ChkKey values[] = {
    {"running", CHK_BOOL, "there is at least one"},
    {"count", CHK_INT, "how many there are"},
    {"pids", CHK_JSON, "their numbers, ascending"},
    {"uids", CHK_JSON, "numbers of their users, ascending"},
    {"exes", CHK_TEXTS, "their programs, sorted; absent where this user may not see them"},
    {"units", CHK_TEXTS, "their systemd units, sorted"},
    {"replaced", CHK_INT, "how many run a program whose file was removed or replaced since"},
    {"capabilities", CHK_TEXTS, "the capabilities that one of them has: permitted or ambient"},
    {"may-gain", CHK_TEXTS,
     "\"new-privileges\" where one of them may gain rights by executing a program, and the "
     "capabilities that it could have then; empty where NoNewPrivileges= is set for all"},
    {"threads", CHK_INT, "their threads together"},
    {"rss", CHK_BYTES, "their resident memory together"},
    {"age", CHK_USEC, "time since the youngest of them started"},
    {"oldest", CHK_USEC, "time since the oldest of them started"},
    {NULL},
};

typedef struct {
  const char *subject, *by;
  GRegex *pattern;
  gint64 uid; /* -1: any */
} Wanted;

static gboolean is_wanted(const Wanted *wanted, const ChkProcess *process) {
  if (wanted->uid >= 0 && process->uid != wanted->uid)
    return FALSE;
  if (strcmp(wanted->by, "exe") == 0)
    return g_strcmp0(process->exe, wanted->subject) == 0;
  if (strcmp(wanted->by, "unit") == 0)
    return g_strcmp0(process->unit, wanted->subject) == 0;
  if (wanted->pattern) {
    g_autofree char *line = g_strjoinv(" ", process->argv);
    return *line && g_regex_match(wanted->pattern, line, 0, NULL);
  }
  return strcmp(chk_process_name(process), wanted->subject) == 0 ||
         strcmp(process->comm, wanted->subject) == 0;
}

static int by_number(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

static void set_numbers(JsonObject *seen, const char *key, GArray *numbers) {
  JsonArray *array = json_array_new();

  g_array_sort(numbers, by_number);
  for (guint i = 0; i < numbers->len; i++)
    if (i == 0 || g_array_index(numbers, gint64, i) != g_array_index(numbers, gint64, i - 1))
      json_array_add_int_element(array, g_array_index(numbers, gint64, i));
  json_object_set_array_member(seen, key, array);
}

typedef struct {
  GArray *pids, *uids;
  GPtrArray *exes, *units;
  guint64 threads, rss, youngest, oldest; /* starts */
  guint replaced, hidden;                 /* hidden: a program that this user may not see */
  ChkCapabilities rights;
} Sum;

static void add(Sum *sum, const ChkProcess *process) {
  gint64 pid = process->pid, uid = process->uid;

  sum->youngest = sum->pids->len == 0 ? process->start : MAX(sum->youngest, process->start);
  sum->oldest = sum->pids->len == 0 ? process->start : MIN(sum->oldest, process->start);
  g_array_append_val(sum->pids, pid);
  g_array_append_val(sum->uids, uid);
  if (process->exe)
    g_ptr_array_add(sum->exes, g_strdup(process->exe));
  if (process->unit)
    g_ptr_array_add(sum->units, g_strdup(process->unit));
  /* one that is gone by now has none */
  chk_capabilities_read(process->pid, &sum->rights);
  sum->threads += process->threads;
  sum->rss += process->rss;
  sum->replaced += process->deleted ? 1 : 0;
  sum->hidden += process->exe == NULL && process->argv[0] != NULL ? 1 : 0;
}

static gint64 since(guint64 start) {
  struct timespec now;

  clock_gettime(CLOCK_BOOTTIME, &now);
  gint64 usec = (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
  return MAX(usec - (gint64)start, 0);
}

static void set_rights(JsonObject *seen, const ChkCapabilities *rights) {
  g_auto(GStrv) has = chk_capabilities_names(rights->has);
  g_auto(GStrv) gained = chk_capabilities_names(rights->may_gain & ~rights->has);
  g_autofree char *list = g_strjoinv("\n", gained);
  g_autofree char *all = g_strconcat("new-privileges", *list ? "\n" : "", list, NULL);
  g_auto(GStrv) may_gain = g_strsplit(rights->gains ? all : "", "\n", -1);

  chk_set_texts(seen, "capabilities", (const char *const *)has);
  chk_set_texts(seen, "may-gain", (const char *const *)may_gain);
}

static JsonObject *tell(Sum *sum) {
  JsonObject *seen = json_object_new();

  json_object_set_boolean_member(seen, "running", sum->pids->len > 0);
  json_object_set_int_member(seen, "count", sum->pids->len);
  if (sum->pids->len > 0) {
    set_numbers(seen, "pids", sum->pids);
    set_numbers(seen, "uids", sum->uids);
    if (sum->hidden == 0)
      json_object_set_int_member(seen, "replaced", sum->replaced);
    set_rights(seen, &sum->rights);
    json_object_set_int_member(seen, "threads", (gint64)sum->threads);
    json_object_set_int_member(seen, "rss", (gint64)sum->rss);
    json_object_set_int_member(seen, "age", since(sum->youngest));
    json_object_set_int_member(seen, "oldest", since(sum->oldest));
    if (sum->exes->len > 0)
      chk_set_sorted(seen, "exes", g_ptr_array_ref(sum->exes));
    chk_set_sorted(seen, "units", g_ptr_array_ref(sum->units));
  }
  g_array_unref(sum->pids);
  g_array_unref(sum->uids);
  g_ptr_array_unref(sum->exes);
  g_ptr_array_unref(sum->units);
  return seen;
}

static gboolean user_read(const ChkLook *look, gint64 *ret, ChkSight *sight) {
  const char *user = chk_option_text(look, "user", NULL);
  g_auto(ChkUser) account = {0};
  guint64 number;

  *ret = -1;
  if (user == NULL)
    return TRUE;
  if (g_ascii_string_to_unsigned(user, 10, 0, G_MAXUINT32, &number, NULL)) {
    *ret = (gint64)number;
    return TRUE;
  }
  int r = chk_account_user(look, user, 0, &account);
  if (r > 0)
    *ret = account.uid;
  else
    chk_unknown(sight, "the user %s %s", user, r == 0 ? "does not exist" : g_strerror(-r));
  return r > 0;
}

static void see(ChkLook *look, ChkSight *ret) {
  Wanted wanted = {look->subject, chk_option_text(look, "by", "name"), NULL, -1};
  Sum sum = {.pids = g_array_new(FALSE, FALSE, sizeof(gint64))};
  g_autoptr(GRegex) pattern = NULL;
  g_autoptr(GError) error = NULL;

  if (*chk_world_root(look->world)) {
    g_array_unref(sum.pids);
    chk_not_applicable(ret, "no process runs in a root directory that is not running");
    return;
  }
  if (strcmp(wanted.by, "cmdline") == 0)
    wanted.pattern = pattern = g_regex_new(look->subject, G_REGEX_RAW, 0, &error);
  g_autoptr(GPtrArray) all = error ? NULL : chk_process_list(&error);
  if (all == NULL || !user_read(look, &wanted.uid, ret)) {
    g_array_unref(sum.pids);
    if (error)
      chk_unknown(ret, "%s", error->message);
    return;
  }
  sum.uids = g_array_new(FALSE, FALSE, sizeof(gint64));
  sum.exes = g_ptr_array_new_with_free_func(g_free);
  sum.units = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < all->len; i++)
    if (is_wanted(&wanted, all->pdata[i]))
      add(&sum, all->pdata[i]);
  gboolean hidden = sum.hidden > 0 && (chk_asks(look, "exes") || chk_asks(look, "replaced"));
  JsonObject *seen = tell(&sum);
  if (hidden) {
    json_object_unref(seen);
    chk_unknown(ret, "%u of these processes run a program that this user may not see", sum.hidden);
    return;
  }
  chk_observed(ret, seen);
}

const ChkType chk_type_process = {
    .name = "process",
    .subject_help = "name of a program, or what \"by\" says",
    .options = options,
    .values = values,
    .default_value = "{\"running\": true}",
    .sync = see,
    .validate = chk_subject_process,
};

/* why-journal.c: errors of a unit in the journal, see why.h. From the end backwards, so that a
 * large journal costs no more than a small one. */
#include "monitoring/why.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define SPAN (60 * 60 * (guint64)G_USEC_PER_SEC)
#define TEXT_MAX 300
#define LOOKED_MAX 5000
#define NSS_MAX 65536

static char *field(sd_journal *journal, const char *name) {
  gconstpointer data;
  gsize size, skip = strlen(name) + 1;

  if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < skip)
    return NULL;
  g_autofree char *text = g_strndup((const char *)data + skip, MIN(size - skip, TEXT_MAX));
  return g_utf8_make_valid(text, -1);
}

static gboolean match(sd_journal *journal, gboolean user, const char *unit) {
  g_autofree char *own = g_strconcat(user ? "_SYSTEMD_USER_UNIT=" : "_SYSTEMD_UNIT=", unit, NULL);
  g_autofree char *about = g_strconcat(user ? "USER_UNIT=" : "UNIT=", unit, NULL);

  if (sd_journal_add_match(journal, own, 0) < 0 || sd_journal_add_disjunction(journal) < 0 ||
      sd_journal_add_match(journal, about, 0) < 0 || sd_journal_add_match(journal, "_PID=1", 0) < 0)
    return FALSE;
  if (sd_journal_add_conjunction(journal) < 0)
    return FALSE;
  for (guint priority = 0; priority <= 3; priority++) {
    g_autofree char *text = g_strdup_printf("PRIORITY=%u", priority);
    if (sd_journal_add_match(journal, text, 0) < 0)
      return FALSE;
  }
  return TRUE;
}

/* ---- who may ---- */
static gboolean is_group_of(const struct passwd *user, gid_t group) {
  int n = 64;
  g_autofree gid_t *ids = g_new(gid_t, (gsize)n);

  if (getgrouplist(user->pw_name, user->pw_gid, ids, &n) < 0) {
    ids = g_renew(gid_t, ids, (gsize)n);
    if (getgrouplist(user->pw_name, user->pw_gid, ids, &n) < 0)
      return FALSE;
  }
  for (int i = 0; i < n; i++)
    if (ids[i] == group)
      return TRUE;
  return FALSE;
}

gboolean mon_why_is_member(uid_t uid, const char *const *groups) {
  g_autofree char *buffer = g_malloc(NSS_MAX), *other = g_malloc(NSS_MAX);
  struct passwd entry, *user = NULL;
  struct group group, *found;

  if (getpwuid_r(uid, &entry, buffer, NSS_MAX, &user) != 0 || user == NULL)
    return FALSE;
  for (guint i = 0; groups[i] != NULL; i++)
    if (getgrnam_r(groups[i], &group, other, NSS_MAX, &found) == 0 && found != NULL &&
        is_group_of(user, group.gr_gid))
      return TRUE;
  return FALSE;
}

char *mon_why_forbidden(uid_t uid) {
  static const char *const groups[] = {"systemd-journal", "adm", NULL};

  if (mon_why_is_member(uid, groups))
    return NULL;
  return g_strdup_printf("errors in the journal are shown to members of systemd-journal and adm, "
                         "and uid %u is in neither: \"usermod -aG systemd-journal USER\" adds one",
                         (guint)uid);
}

/* ---- what it says ---- */
static JsonArray *unread(char **ret_why, const char *why) {
  *ret_why =
      g_strdup_printf("the service cannot read the journal (%s); it has to be a member of the "
                      "group systemd-journal, and the journal has to be kept",
                      why);
  return NULL;
}

JsonArray *mon_why_journal(gboolean user_scope, const char *unit, guint max, char **ret_why) {
  guint64 since = (guint64)g_get_real_time() - SPAN, time;
  sd_journal *journal = NULL;
  int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

  if (r < 0)
    return unread(ret_why, g_strerror(-r));
  if (sd_journal_has_runtime_files(journal) <= 0 && sd_journal_has_persistent_files(journal) <= 0) {
    sd_journal_close(journal);
    return unread(ret_why, "there is no file of it that it may open");
  }
  JsonArray *lines = json_array_new();
  if (match(journal, user_scope, unit) && sd_journal_seek_tail(journal) >= 0)
    for (guint looked = 0; looked < LOOKED_MAX && json_array_get_length(lines) < max &&
                           sd_journal_previous(journal) > 0;
         looked++) {
      g_autofree char *text = field(journal, "MESSAGE"), *priority = field(journal, "PRIORITY");
      if (sd_journal_get_realtime_usec(journal, &time) < 0 || time < since)
        break;
      JsonObject *line = json_object_new();
      json_object_set_int_member(line, "time_usec", (gint64)time);
      mon_why_text(line, "priority", priority);
      mon_why_text(line, "text", text);
      json_array_add_object_element(lines, line);
    }
  sd_journal_close(journal);
  return lines;
}

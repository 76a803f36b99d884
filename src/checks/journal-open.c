/* journal-open.c: see journal-open.h. */
#include "checks/journal-open.h"

#include "checks/world.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FIELD_MAX 65536 /* bytes of a field that are looked at */

void chk_journal_close(sd_journal *journal) {
  sd_journal_close(journal);
}

static int open_at(const ChkWorld *world, const char *directory, int flags, sd_journal **ret) {
  const char *root = chk_world_root(world);

  if (directory)
    return sd_journal_open_directory(ret, directory, 0);
  if (*root)
    return sd_journal_open_directory(ret, root, SD_JOURNAL_OS_ROOT);
  return sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY | flags);
}

static gboolean has_files(sd_journal *journal) {
  return sd_journal_has_runtime_files(journal) > 0 || sd_journal_has_persistent_files(journal) > 0;
}

/* Is there a file of the scope that this user may read? */
static gboolean readable(const ChkWorld *world) {
  g_autoptr(sd_journal) journal = NULL;
  int flags = chk_world_is_user(world) ? SD_JOURNAL_CURRENT_USER : SD_JOURNAL_SYSTEM;

  return open_at(world, NULL, flags, &journal) >= 0 && has_files(journal);
}

/* Files that are damaged, or none at all, look like a directory without a line. */
static gboolean has_lines(sd_journal *journal) {
  return sd_journal_seek_head(journal) >= 0 && sd_journal_next(journal) > 0;
}

sd_journal *chk_journal_open(const ChkWorld *world, const char *directory, GError **error) {
  g_autoptr(sd_journal) journal = NULL;
  gboolean here = directory == NULL && *chk_world_root(world) == 0;
  int r = open_at(world, directory, 0, &journal);

  if (r < 0) {
    wg_error_set_errno(error, r, "the journal%s%s cannot be opened", directory ? " in " : "",
                       directory ? directory : "");
    return NULL;
  }
  if (here && !readable(world)) {
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "there is no journal of %s that this user may read; members of the group "
                "systemd-journal may",
                chk_world_is_user(world) ? "this user" : "the system");
    return NULL;
  }
  if (!here && !has_lines(journal)) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "there is no journal that can be read in %s",
                directory ? directory : chk_world_root(world));
    return NULL;
  }
  sd_journal_set_data_threshold(journal, FIELD_MAX);
  return g_steal_pointer(&journal);
}

static int match(sd_journal *journal, const char *field, const char *value) {
  g_autofree char *text = g_strdup_printf("%s=%s", field, value);

  return sd_journal_add_match(journal, text, 0);
}

static int match_as(sd_journal *journal, const char *field, const char *unit, const char *who) {
  int r = match(journal, field, unit);

  if (r >= 0 && who)
    r = sd_journal_add_match(journal, who, 0);
  return r < 0 ? r : sd_journal_add_disjunction(journal);
}

int chk_journal_match_unit(sd_journal *journal, gboolean user, const char *unit) {
  g_autofree char *us = g_strdup_printf("_UID=%u", (guint)getuid());
  int r = user ? match_as(journal, "_SYSTEMD_USER_UNIT", unit, us)
               : match_as(journal, "_SYSTEMD_UNIT", unit, NULL);

  /* only the manager itself is believed what it says about others */
  if (r >= 0)
    r = user ? match_as(journal, "USER_UNIT", unit, us) : match_as(journal, "UNIT", unit, "_PID=1");
  if (r >= 0)
    r = match_as(journal, user ? "COREDUMP_USER_UNIT" : "COREDUMP_UNIT", unit, "_UID=0");
  return r < 0 ? r : sd_journal_add_conjunction(journal);
}

int chk_journal_match_priority(sd_journal *journal, int priority) {
  int r = 0;

  for (int i = 0; i <= priority && r >= 0; i++) {
    char number[2] = {(char)('0' + i), 0};
    r = match(journal, "PRIORITY", number);
  }
  return r < 0 ? r : sd_journal_add_conjunction(journal);
}

char *chk_journal_field(sd_journal *journal, const char *name) {
  const void *data;
  gsize size, skip = strlen(name) + 1;

  if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < skip)
    return NULL;
  return g_utf8_make_valid((const char *)data + skip, (gssize)(size - skip));
}

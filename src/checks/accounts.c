/* accounts.c: see accounts.h. */
#include "checks/accounts.h"

#include "checks/local.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX (1024 * 1024) /* of one entry: groups with very many members */
#define GROUPS_MAX 65536

void chk_user_clear(ChkUser *user) {
  g_free(user->name);
  g_free(user->home);
  g_free(user->shell);
  g_free(user->comment);
  *user = (ChkUser){0};
}

void chk_group_clear(ChkGroup *group) {
  g_free(group->name);
  g_strfreev(group->members);
  *group = (ChkGroup){0};
}

static gboolean has_root(const ChkLook *look) {
  const char *root = chk_world_root(look->world);

  return root != NULL && *root != 0;
}

/* A table of the root, or NULL with a negative errno. */
static FILE *table_open(const ChkLook *look, const char *path, int *ret_errno) {
  int fd = chk_local_open(look, path, O_RDONLY);

  *ret_errno = fd < 0 ? fd : 0;
  return fd < 0 ? NULL : fdopen(fd, "re");
}

/* One step through a table or one question to NSS: fills the entry from `buffer`; an errno. */
typedef struct {
  const char *name; /* NULL: by number */
  guint id;
  FILE *table; /* NULL: NSS */
} Asked;

static int user_get(const Asked *asked, struct passwd *entry, char *buffer, gsize size,
                    struct passwd **ret) {
  if (asked->table == NULL)
    return asked->name ? getpwnam_r(asked->name, entry, buffer, size, ret)
                       : getpwuid_r(asked->id, entry, buffer, size, ret);
  int r = 0;
  while ((r = fgetpwent_r(asked->table, entry, buffer, size, ret)) == 0)
    if (asked->name ? strcmp(entry->pw_name, asked->name) == 0 : entry->pw_uid == asked->id)
      return 0;
  *ret = NULL;
  return r;
}

static int group_get(const Asked *asked, struct group *entry, char *buffer, gsize size,
                     struct group **ret) {
  if (asked->table == NULL)
    return asked->name ? getgrnam_r(asked->name, entry, buffer, size, ret)
                       : getgrgid_r(asked->id, entry, buffer, size, ret);
  int r = 0;
  while ((r = fgetgrent_r(asked->table, entry, buffer, size, ret)) == 0)
    if (asked->name ? strcmp(entry->gr_name, asked->name) == 0 : entry->gr_gid == asked->id)
      return 0;
  *ret = NULL;
  return r;
}

/* The errnos by which the C library says "no such entry" (getpwnam(3)). */
static int found(int r, gconstpointer entry) {
  if (entry)
    return 1;
  return r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM ? 0 : -r;
}

int chk_account_user(const ChkLook *look, const char *name, guint uid, ChkUser *ret) {
  Asked asked = {.name = name, .id = uid};
  struct passwd entry, *got = NULL;
  int r = ERANGE, opened = 0;

  *ret = (ChkUser){0};
  for (gsize size = 4096; r == ERANGE && size <= FIELDS_MAX; size *= 4) {
    g_autofree char *buffer = g_malloc(size);
    if (has_root(look) && !(asked.table = table_open(look, CHK_PASSWD_FILE, &opened)))
      return opened == -ENOENT ? 0 : opened;
    r = user_get(&asked, &entry, buffer, size, &got);
    g_clear_pointer(&asked.table, fclose);
    if (r == 0 && got)
      *ret = (ChkUser){g_strdup(got->pw_name),  g_strdup(got->pw_dir), g_strdup(got->pw_shell),
                       g_strdup(got->pw_gecos), got->pw_uid,           got->pw_gid};
  }
  return found(r, ret->name);
}

int chk_account_group(const ChkLook *look, const char *name, guint gid, ChkGroup *ret) {
  Asked asked = {.name = name, .id = gid};
  struct group entry, *got = NULL;
  int r = ERANGE, opened = 0;

  *ret = (ChkGroup){0};
  for (gsize size = 4096; r == ERANGE && size <= FIELDS_MAX; size *= 4) {
    g_autofree char *buffer = g_malloc(size);
    if (has_root(look) && !(asked.table = table_open(look, CHK_GROUP_FILE, &opened)))
      return opened == -ENOENT ? 0 : opened;
    r = group_get(&asked, &entry, buffer, size, &got);
    g_clear_pointer(&asked.table, fclose);
    if (r == 0 && got)
      *ret = (ChkGroup){g_strdup(got->gr_name), g_strdupv(got->gr_mem), got->gr_gid};
  }
  return found(r, ret->name);
}

char *chk_account_user_name(const ChkLook *look, guint uid) {
  g_auto(ChkUser) user = {0};

  if (chk_account_user(look, NULL, uid, &user) > 0)
    return g_steal_pointer(&user.name);
  return g_strdup_printf("%u", uid);
}

char *chk_account_group_name(const ChkLook *look, guint gid) {
  g_auto(ChkGroup) group = {0};

  if (chk_account_group(look, NULL, gid, &group) > 0)
    return g_steal_pointer(&group.name);
  return g_strdup_printf("%u", gid);
}

/* Of the root's table: every group that lists the user. */
static char **groups_of_root(const ChkLook *look, const ChkUser *user) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_autofree char *own = chk_account_group_name(look, user->gid);
  g_autofree char *buffer = g_malloc(FIELDS_MAX);
  struct group entry, *got;
  int opened;
  FILE *table = table_open(look, CHK_GROUP_FILE, &opened);

  if (table == NULL)
    return NULL;
  g_strv_builder_add(names, own);
  while (fgetgrent_r(table, &entry, buffer, FIELDS_MAX, &got) == 0)
    if (entry.gr_gid != user->gid && g_strv_contains((const char *const *)entry.gr_mem, user->name))
      g_strv_builder_add(names, entry.gr_name);
  fclose(table);
  return g_strv_builder_end(names);
}

char **chk_account_groups(const ChkLook *look, const ChkUser *user) {
  int n = 64, room = 64;

  if (has_root(look))
    return groups_of_root(look, user);
  g_autofree gid_t *ids = g_new(gid_t, room);
  while (getgrouplist(user->name, user->gid, ids, &n) < 0) {
    room = n > room ? n : room * 2;
    if (room > GROUPS_MAX)
      return NULL;
    ids = g_renew(gid_t, ids, room);
    n = room;
  }
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  for (int i = 0; i < n; i++) {
    g_autofree char *name = chk_account_group_name(look, ids[i]);
    g_strv_builder_add(names, name);
  }
  return g_strv_builder_end(names);
}

int chk_account_locked(const ChkLook *look, const char *name) {
  char buffer[4096];
  struct spwd entry, *got = NULL;
  int opened, r = -ENOENT;
  FILE *table = table_open(look, CHK_SHADOW_FILE, &opened);

  if (table == NULL)
    return opened;
  while (r < 0 && fgetspent_r(table, &entry, buffer, sizeof buffer, &got) == 0)
    if (strcmp(entry.sp_namp, name) == 0)
      r = entry.sp_pwdp[0] == '!' || entry.sp_pwdp[0] == '*';
  fclose(table);
  return r;
}

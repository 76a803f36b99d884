/* type-user.c: a user account: of NSS, or of the world's root. */
#include "checks/accounts.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

static const ChkKey options[] = {{NULL}};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is such a user"},
    {"uid", CHK_INT, "its number"},
    {"gid", CHK_INT, "number of its own group"},
    {"group", CHK_TEXT, "name of its own group"},
    {"groups", CHK_TEXTS, "names of all its groups, its own first"},
    {"home", CHK_TEXT, "its home directory"},
    {"shell", CHK_TEXT, "its login shell"},
    {"comment", CHK_TEXT, "its full name"},
    {"locked", CHK_BOOL, "no password opens it; absent where this user may not read that"},
    {NULL},
};

static gboolean is_number(const char *text, guint *ret) {
  guint64 number;

  if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &number, NULL))
    return FALSE;
  *ret = (guint)number;
  return TRUE;
}

/* FALSE: `ret` tells what could not be found out. */
static gboolean describe(const ChkLook *look, JsonObject *seen, const ChkUser *user,
                         ChkSight *ret) {
  g_autofree char *group = chk_account_group_name(look, user->gid);

  json_object_set_int_member(seen, "uid", user->uid);
  json_object_set_int_member(seen, "gid", user->gid);
  chk_set_text(seen, "group", group);
  chk_set_text(seen, "home", user->home);
  chk_set_text(seen, "shell", user->shell);
  chk_set_text(seen, "comment", user->comment);
  if (chk_wants(look, "groups")) {
    g_auto(GStrv) groups = chk_account_groups(look, user);
    if (groups)
      chk_set_texts(seen, "groups", (const char *const *)groups);
  }
  int locked = chk_wants(look, "locked") ? chk_account_locked(look, user->name) : -1;
  if (locked >= 0)
    json_object_set_boolean_member(seen, "locked", locked > 0);
  if (locked >= 0 || !chk_asks(look, "locked"))
    return TRUE;
  chk_unknown(ret, "whether %s is locked cannot be told: %s", user->name, g_strerror(-locked));
  return FALSE;
}

static void see(ChkLook *look, ChkSight *ret) {
  g_auto(ChkUser) user = {0};
  guint uid = 0;
  int r = is_number(look->subject, &uid) ? chk_account_user(look, NULL, uid, &user)
                                         : chk_account_user(look, look->subject, 0, &user);

  if (r < 0) {
    chk_unknown(ret, "the user %s could not be looked up: %s", look->subject, g_strerror(-r));
    return;
  }
  JsonObject *seen = json_object_new();
  json_object_set_boolean_member(seen, "exists", r > 0);
  if (r > 0 && !describe(look, seen, &user, ret)) {
    json_object_unref(seen);
    return;
  }
  chk_observed(ret, seen);
}

const ChkType chk_type_user = {
    .name = "user",
    .subject_help = "name or number",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true}",
    .sync = see,
    .validate = chk_subject_user,
};

static const ChkKey group_values[] = {
    {"exists", CHK_BOOL, "there is such a group"},
    {"gid", CHK_INT, "its number"},
    {"name", CHK_TEXT, "its name"},
    {"members", CHK_TEXTS, "users that it lists, sorted"},
    {NULL},
};

static void see_group(ChkLook *look, ChkSight *ret) {
  g_auto(ChkGroup) group = {0};
  guint gid = 0;
  int r = is_number(look->subject, &gid) ? chk_account_group(look, NULL, gid, &group)
                                         : chk_account_group(look, look->subject, 0, &group);

  if (r < 0) {
    chk_unknown(ret, "the group %s could not be looked up: %s", look->subject, g_strerror(-r));
    return;
  }
  JsonObject *seen = json_object_new();
  json_object_set_boolean_member(seen, "exists", r > 0);
  if (r > 0) {
    GPtrArray *members = g_ptr_array_new();
    for (guint i = 0; group.members && group.members[i]; i++)
      g_ptr_array_add(members, group.members[i]);
    json_object_set_int_member(seen, "gid", group.gid);
    chk_set_text(seen, "name", group.name);
    chk_set_sorted(seen, "members", members);
  }
  chk_observed(ret, seen);
}

const ChkType chk_type_group = {
    .name = "group",
    .subject_help = "name or number",
    .options = options,
    .values = group_values,
    .default_value = "{\"exists\": true}",
    .sync = see_group,
    .validate = chk_subject_group,
};

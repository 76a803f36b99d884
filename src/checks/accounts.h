/* accounts.h: users and groups, of this machine (through NSS) or of the world's root (its own
 * tables alone). Blocks: worker threads only. */
#pragma once

#include "checks/check.h"

typedef struct {
  char *name, *home, *shell, *comment;
  guint uid, gid;
} ChkUser;

typedef struct {
  char *name;
  char **members;
  guint gid;
} ChkGroup;

void chk_user_clear(ChkUser *user);
void chk_group_clear(ChkGroup *group);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkUser, chk_user_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkGroup, chk_group_clear)

/* By name, or by number when `name` is NULL: 1, 0 when there is none, or a negative errno. `ret` is
 * to be cleared in each case. */
int chk_account_user(const ChkLook *look, const char *name, guint uid, ChkUser *ret);
int chk_account_group(const ChkLook *look, const char *name, guint gid, ChkGroup *ret);
/* The names of all groups of a user, its own first. NULL when they could not be found out. */
char **chk_account_groups(const ChkLook *look, const ChkUser *user);
/* Password field of the shadow table: 1 locked, 0 not, or a negative errno (not readable). */
int chk_account_locked(const ChkLook *look, const char *name);
/* The name, or the number as text; never NULL. */
char *chk_account_user_name(const ChkLook *look, guint uid);
char *chk_account_group_name(const ChkLook *look, guint gid);

/* sink-owner.c: numbers of the users and groups that an archive names. It names the same few a
 * thousand times, and each look may cost a question over the network, so answers are kept while it
 * is unpacked, and no longer: a user may be made between two deployments. */
#include "deployment/sink-private.h"

#include <grp.h>
#include <pwd.h>

#define UNKNOWN GUINT_TO_POINTER(1)
#define BUFFER 16384
#define KEPT_MAX 4096

static gpointer ask_user(const char *name) {
  g_autofree char *buffer = g_malloc(BUFFER);
  struct passwd pw, *found = NULL;

  if (getpwnam_r(name, &pw, buffer, BUFFER, &found) == 0 && found)
    return GSIZE_TO_POINTER((gsize)found->pw_uid + 2);
  return UNKNOWN;
}

static gpointer ask_group(const char *name) {
  g_autofree char *buffer = g_malloc(BUFFER);
  struct group gr, *found = NULL;

  if (getgrnam_r(name, &gr, buffer, BUFFER, &found) == 0 && found)
    return GSIZE_TO_POINTER((gsize)found->gr_gid + 2);
  return UNKNOWN;
}

/* name -> number + 2, or UNKNOWN */
static void look(GHashTable *table, const char *name, gpointer (*ask)(const char *name),
                 guint32 *ret) {
  gpointer known = name && *name ? g_hash_table_lookup(table, name) : UNKNOWN;

  if (!known) {
    if (g_hash_table_size(table) >= KEPT_MAX)
      g_hash_table_remove_all(table);
    known = ask(name);
    g_hash_table_insert(table, g_strdup(name), known);
  }
  if (known != UNKNOWN)
    *ret = (guint32)(GPOINTER_TO_SIZE(known) - 2);
}

void dpl_sink_owner(DplSink *sink, const char *user, const char *group, DplSinkEntry *entry) {
  if (!sink->keep_owners)
    return;
  look(sink->users, user, ask_user, &entry->uid);
  look(sink->groups, group, ask_group, &entry->gid);
}

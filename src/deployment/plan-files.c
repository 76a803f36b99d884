/* plan-files.c: the files of the release that would be, beside those of the release that serves. By
 * their tree files: kind, mode, owner, digest, link. */
#include "deployment/plan.h"

#include <string.h>

#define LISTED_MAX 2000 /* paths of each list */

/* What a tree file says of an entry: of a link no mode, of a further name no owner either. */
static gboolean same(const DplEntry *a, const DplEntry *b) {
  gboolean link = a->kind == DPL_ENTRY_LINK, name = a->kind == DPL_ENTRY_HARD_LINK;

  return a->kind == b->kind && g_strcmp0(a->target, b->target) == 0 &&
         (name || (a->uid == b->uid && a->gid == b->gid)) && (name || link || a->mode == b->mode) &&
         g_strcmp0(a->capability, b->capability) == 0 &&
         (a->kind != DPL_ENTRY_FILE ||
          (a->size == b->size && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0));
}

typedef struct {
  JsonArray *list;
  guint n;
} Listed;

static void list(Listed *listed, const DplEntry *entry) {
  if (++listed->n > LISTED_MAX)
    return;
  g_autofree char *path = dpl_path_escape(entry->path);
  JsonObject *one = json_object_new();
  json_object_set_string_member(one, "path", path);
  if (entry->kind == DPL_ENTRY_FILE)
    json_object_set_int_member(one, "bytes", (gint64)entry->size);
  if (entry->kind == DPL_ENTRY_LINK)
    json_object_set_string_member(one, "link", entry->target);
  json_array_add_object_element(listed->list, one);
}

static void put(JsonObject *files, const char *name, Listed *listed) {
  g_autofree char *count = g_strconcat("n-", name, NULL);

  json_object_set_array_member(files, name, listed->list);
  json_object_set_int_member(files, count, listed->n);
}

static DplTree *current_tree(const DplPlanInput *in) {
  if (in->preflight.root < 0 || !in->preflight.current)
    return NULL;
  g_autofree char *path =
      g_strconcat(DPL_DIR_RELEASES "/", in->preflight.current, DPL_SUFFIX_TREE, NULL);
  return dpl_tree_read(in->preflight.root, path, NULL, NULL); /* the pre-flight tells what is bad */
}

static void compare(DplTree *old, DplTree *new, JsonObject *files) {
  Listed added = {json_array_new(), 0}, changed = {json_array_new(), 0},
         removed = {json_array_new(), 0};
  guint unchanged = 0;

  for (guint i = 0; i < dpl_tree_n(new); i++) {
    const DplEntry *entry = dpl_tree_at(new, i);
    const DplEntry *before = old ? dpl_tree_find(old, entry->path) : NULL;
    if (!before)
      list(&added, entry);
    else if (!same(entry, before))
      list(&changed, entry);
    else
      unchanged++;
  }
  for (guint i = 0; old && i < dpl_tree_n(old); i++)
    if (!dpl_tree_find(new, dpl_tree_at(old, i)->path))
      list(&removed, dpl_tree_at(old, i));
  put(files, "added", &added);
  put(files, "changed", &changed);
  put(files, "removed", &removed);
  json_object_set_int_member(files, "n-unchanged", unchanged);
}

void dpl_plan_files(const DplPlanInput *in, DplStaged *staged, JsonObject *into) {
  g_autoptr(DplTree) old = current_tree(in);
  JsonObject *release = json_object_new(), *files = json_object_new();

  json_object_set_string_member(release, "digest", staged->digest);
  if (staged->release)
    json_object_set_string_member(release, "is-there-as", staged->release);
  if (staged->damaged)
    json_object_set_string_member(release, "damaged", staged->damaged);
  json_object_set_boolean_member(release, "is-current",
                                 staged->release &&
                                     g_strcmp0(staged->release, in->preflight.current) == 0);
  json_object_set_int_member(release, "bytes", (gint64)dpl_tree_bytes(staged->tree));
  json_object_set_int_member(release, "entries", dpl_tree_n(staged->tree));
  json_object_set_object_member(into, "release", release);
  compare(old, staged->tree, files);
  json_object_set_object_member(into, "files", files);
}

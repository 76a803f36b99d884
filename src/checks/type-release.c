/* type-release.c: whether a release is still what it was when it was proven: "previous" is the one
 * that a roll-back would return to, by the deployment's context; a directory is that release. Every
 * byte is read. */
#include "checks/release-proof.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/world.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const ChkKey options[] = {
    {"digest", CHK_TEXT, "the digest it has to have; default: by the context"},
    {"tree", CHK_TEXT, "its tree file; default: the directory's name and \".tree\""},
    {NULL}};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is such a release"},
    {"intact", CHK_BOOL, "every file is as it was, nothing is missing, nothing more is there"},
    {"digest", CHK_TEXT, "SHA-256 of its tree file, hexadecimal"},
    {"digest-holds", CHK_BOOL, "that is the digest it should have; absent when none is known"},
    {"differences", CHK_TEXTS, "the first 20 of what is not as it was"},
    {"files", CHK_INT, "number of its files"},
    {"size", CHK_BYTES, "lengths of its files together"},
    {"free", CHK_BYTES, "bytes that are free on its file system"},
    {"inodes-free", CHK_INT, "inodes that are free there; absent where there are none to count"},
    {NULL},
};

typedef struct {
  char *directory, *tree, *digest; /* digest: NULL: not known */
} Place;

static const char *previous_member(JsonObject *context, const char *name) {
  JsonNode *node = context ? json_object_get_member(context, "previous") : NULL;

  return node ? json_object_get_string_member_with_default(json_node_get_object(node), name, NULL)
              : NULL;
}

static gboolean find_place(const ChkLook *look, Place *place, ChkSight *ret) {
  JsonObject *context = chk_world_context(look->world);
  gboolean previous = strcmp(look->subject, "previous") == 0;
  const char *directory = previous ? previous_member(context, "release") : look->subject;

  if (previous && !context) {
    chk_unknown(ret, "only within a deployment a previous release is known");
    return FALSE;
  }
  if (!directory) {
    chk_not_applicable(ret, "this is the target's first release: there is none before it");
    return FALSE;
  }
  place->directory =
      previous ? g_strdup(directory) : g_strconcat(chk_world_root(look->world), directory, NULL);
  const char *tree =
      chk_option_text(look, "tree", previous ? previous_member(context, "tree") : NULL);
  place->tree = tree ? g_strdup(tree) : g_strconcat(place->directory, ".tree", NULL);
  place->digest = g_strdup(
      chk_option_text(look, "digest", previous ? previous_member(context, "digest") : NULL));
  return TRUE;
}

static JsonObject *proof_values(const ChkProof *proof, const char *wanted) {
  JsonObject *seen = json_object_new();
  JsonArray *differences = json_array_new();

  for (guint i = 0; i < proof->differences->len; i++)
    json_array_add_string_element(differences, g_ptr_array_index(proof->differences, i));
  json_object_set_boolean_member(seen, "exists", TRUE);
  json_object_set_boolean_member(seen, "intact", proof->n_differences == 0);
  json_object_set_string_member(seen, "digest", proof->digest);
  if (wanted)
    json_object_set_boolean_member(seen, "digest-holds",
                                   strlen(wanted) >= 16 && g_str_has_prefix(proof->digest, wanted));
  json_object_set_array_member(seen, "differences", differences);
  json_object_set_int_member(seen, "files", proof->n_files);
  json_object_set_int_member(seen, "size", (gint64)proof->size);
  return seen;
}

static void add_space(JsonObject *seen, const char *directory) {
  struct statvfs fs;

  if (statvfs(directory, &fs) < 0)
    return;
  json_object_set_int_member(seen, "free", (gint64)(fs.f_bavail * fs.f_frsize));
  if (fs.f_files > 0)
    json_object_set_int_member(seen, "inodes-free", (gint64)fs.f_favail);
}

static void look_at(ChkLook *look, ChkSight *ret) {
  Place place = {0};
  g_autoptr(GError) error = NULL;
  ChkProof proof;

  if (!find_place(look, &place, ret))
    return;
  if (access(place.directory, F_OK) != 0 || access(place.tree, F_OK) != 0) {
    JsonObject *seen = json_object_new();
    json_object_set_boolean_member(seen, "exists", FALSE);
    chk_observed(ret, seen);
  } else if (chk_proof_make(look, place.directory, place.tree, &proof, &error)) {
    JsonObject *seen = proof_values(&proof, place.digest);
    add_space(seen, place.directory);
    chk_observed(ret, seen);
    chk_proof_clear(&proof);
  } else {
    chk_unknown(ret, "the release cannot be proven: %s", error->message);
  }
  g_free(place.directory);
  g_free(place.tree);
  g_free(place.digest);
}

const ChkType chk_type_release = {
    .name = "release",
    .subject_help = "\"previous\", or the release's directory",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true, \"intact\": true}",
    .sync = look_at,
    .validate = chk_subject_release,
};

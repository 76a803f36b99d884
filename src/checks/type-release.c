/* type-release.c: whether a release is still what it was when it was proven: "previous" is the one
 * that a roll-back would return to, by the deployment's context; a directory is that release, a
 * link the one that it leads to, so that "someone edited a released file" can be asked of whatever
 * serves. Every byte is read. */
#include "checks/release-proof.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/world.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const ChkKey options[] = {
    {"digest", CHK_TEXT,
     "the digest it has to have, or its first 16 digits; default: by the context or its name"},
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

/* What a link leads to; the text itself where it is none. Free with g_free(). */
static char *followed(const char *path) {
  g_autofree char *target = g_file_read_link(path, NULL);
  g_autofree char *above = g_path_get_dirname(path);

  return target ? g_canonicalize_filename(target, above) : g_strdup(path);
}

/* A release's name begins with 16 digits of its digest. NULL: that is no such name. */
static char *digest_of_name(const char *directory) {
  g_autofree char *name = g_path_get_basename(directory);

  return strspn(name, "0123456789abcdef") == 16 && name[16] == '-' ? g_strndup(name, 16) : NULL;
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
  g_autofree char *path = g_strconcat(chk_world_root(look->world), directory, NULL);
  place->directory = previous ? g_strdup(directory) : followed(path);
  const char *tree =
      chk_option_text(look, "tree", previous ? previous_member(context, "tree") : NULL);
  place->tree = tree ? g_strdup(tree) : g_strconcat(place->directory, ".tree", NULL);
  place->digest = g_strdup(
      chk_option_text(look, "digest", previous ? previous_member(context, "digest") : NULL));
  if (!place->digest && !previous)
    place->digest = digest_of_name(place->directory);
  return TRUE;
}

static JsonObject *proof_values(const ChkProof *proof, const char *wanted) {
  JsonObject *seen = json_object_new();
  JsonArray *differences = json_array_new();
  gboolean holds = !wanted || (strlen(wanted) >= 16 && g_str_has_prefix(proof->digest, wanted));

  if (!holds)
    json_array_add_string_element(differences,
                                  "its tree file is not the one that it was proven by");

  for (guint i = 0; i < proof->differences->len; i++)
    json_array_add_string_element(differences, g_ptr_array_index(proof->differences, i));
  json_object_set_boolean_member(seen, "exists", TRUE);
  json_object_set_boolean_member(seen, "intact", proof->n_differences == 0 && holds);
  json_object_set_string_member(seen, "digest", proof->digest);
  if (wanted)
    json_object_set_boolean_member(seen, "digest-holds", holds);
  json_object_set_array_member(seen, "differences", differences);
  json_object_set_int_member(seen, "files", proof->n_files);
  json_object_set_int_member(seen, "size", (gint64)proof->size);
  return seen;
}

/* What somebody who is told of it wants to know; NULL: nothing differs. */
static char *remark(JsonObject *seen, guint n_differences) {
  JsonArray *list = json_object_get_array_member(seen, "differences");
  guint n = MAX(json_array_get_length(list), n_differences);
  const char *first = n > 0 ? json_array_get_string_element(list, 0) : NULL;

  return n > 1 ? g_strdup_printf("%s, and %u more", first, n - 1) : g_strdup(first);
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
    ret->text = remark(seen, proof.n_differences);
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
    .subject_help = "\"previous\", a release's directory, or the link that leads to one",
    .options = options,
    .values = values,
    .default_value = "{\"exists\": true, \"intact\": true}",
    .sync = look_at,
    .validate = chk_subject_release,
};

/* manifest.c: the life of a manifest: loaded, made for a target, written down; see manifest.h. */
#include "deployment/manifest.h"

#include "deployment/manifest-private.h"

#include <string.h>

static DplManifest *manifest_new(void) {
  DplManifest *m = g_new0(DplManifest, 1);

  g_atomic_ref_count_init(&m->refs);
  return m;
}

DplManifest *dpl_manifest_ref(DplManifest *m) {
  g_atomic_ref_count_inc(&m->refs);
  return m;
}

void dpl_manifest_unref(DplManifest *m) {
  if (!m || !g_atomic_ref_count_dec(&m->refs))
    return;
  dpl_manifest_clear(m);
  g_free(m);
}

char *dpl_manifest_text(const DplManifest *m) {
  return wg_json_canonical(m->root);
}

DplManifest *dpl_manifest_parse(const char *bytes, gsize size, WgProblems *problems) {
  static const WgDocBounds bounds = {"the manifest", DPL_MANIFEST_BYTES_MAX, WG_DOC_DEPTH_MAX,
                                     WG_DOC_NODES_MAX};
  WgDoc *doc = wg_doc_parse_within(bytes, size, WG_DOC_AUTO, &bounds, problems);
  g_autoptr(DplManifest) m = NULL;

  if (!doc)
    return NULL;
  m = manifest_new();
  m->doc = doc;
  m->root = json_node_ref(wg_doc_root(doc));
  g_autofree char *text = dpl_manifest_text(m);
  m->hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  dpl_manifest_read(m, problems);
  return g_steal_pointer(&m);
}

DplManifest *dpl_manifest_load(const char *bytes, gsize size, WgProblems *problems) {
  g_autoptr(DplManifest) m = dpl_manifest_parse(bytes, size, problems);

  return wg_problems_refuse(problems) ? NULL : g_steal_pointer(&m);
}

/* ---- for a target ---- */
/* What the verification expands by itself, and what is replaced. */
static gboolean is_verbatim(const char *key) {
  static const char *const keys[] = {"checks",   "presets", "groups", "waivers", "settle",
                                     "defaults", "vars",    "target", NULL};

  return g_strv_contains(keys, key) || g_str_has_prefix(key, "x-");
}

static JsonNode *expand(const DplManifest *m, const DplSite *site, WgProblems *problems) {
  g_autoptr(DplVars) vars = dpl_manifest_vars(m, site, NULL);
  JsonNode *root = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init_ordered(&iter, json_node_get_object(m->root));
  while (json_object_iter_next_ordered(&iter, &key, &value)) {
    g_autofree char *pointer = g_strconcat("/", key, NULL); /* ours have no '/' or '~' */
    json_object_set_member(object, key,
                           is_verbatim(key) ? json_node_ref(value)
                                            : dpl_vars_expand_node(vars, value, pointer, problems));
  }
  dpl_manifest_pin_target(m, site, object);
  json_node_take_object(root, object);
  return root;
}

/* The same, as it was told of the manifest itself. */
static gboolean is_told(const WgProblems *problems, const WgProblem *problem) {
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *other = wg_problems_at(problems, i);
    if (strcmp(other->pointer, problem->pointer) == 0 && strcmp(other->text, problem->text) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Problems of a copy without lines, at the lines of what it was made from. `site` NULL: of the
 * checks, whoever it is for. */
static void hand_on(const DplManifest *m, const DplSite *site, const WgProblems *from,
                    WgProblems *to) {
  for (guint i = 0; i < wg_problems_n(from); i++) {
    WgProblem problem = *wg_problems_at(from, i);
    if (is_told(to, &problem))
      continue;
    problem.line = m->doc ? wg_doc_line(m->doc, problem.pointer) : 0;
    wg_problems_take(to, &problem,
                     site ? g_strdup_printf("at target %s: %s", site->name, problem.text)
                          : g_strdup(problem.text));
  }
}

/* Everything that is wrong with it; what was not read yet cannot be. */
static DplManifest *make_for(const DplManifest *m, const DplSite *site, WgProblems *problems) {
  g_autoptr(DplManifest) made = manifest_new();

  made->hash = g_strdup(m->hash);
  made->is_expanded = TRUE;
  made->root = expand(m, site, problems);
  gboolean is_whole = !wg_problems_refuse(problems);
  if (is_whole)
    dpl_manifest_read(made, problems);
  dpl_judge_verify(is_whole ? made : m, site, problems);
  return wg_problems_refuse(problems) ? NULL : g_steal_pointer(&made);
}

DplManifest *dpl_manifest_for(const DplManifest *m, const DplSite *site, WgProblems *problems) {
  g_autoptr(WgProblems) own = wg_problems_new();
  DplManifest *made = make_for(m, site, own);

  hand_on(m, site, own, problems);
  return made;
}

void dpl_manifest_judge_rest(const DplManifest *m, const DplSite *site, WgProblems *problems) {
  /* its root stands for nothing: texts without variables do not have it in them */
  g_autoptr(DplSite) nobody = site ? NULL : dpl_site_new("nobody", "/nobody", NULL);
  g_autoptr(WgProblems) own = wg_problems_new();

  if (!JSON_NODE_HOLDS_OBJECT(m->root)) /* told */
    return;
  if (site) {
    g_autoptr(DplManifest) made = make_for(m, site, own);
  } else if (dpl_verify_is_open(m)) {
    wg_problems_warn(own, 0, "/checks",
                     "the checks are judged once it is known whom the manifest is for: there are "
                     "variables in them");
  } else {
    dpl_judge_verify(m, nobody, own);
  }
  hand_on(m, site, own, problems);
}

DplManifest *dpl_manifest_from_text(const char *text, const char *hash, GError **error) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_JSON, problems);
  g_autoptr(DplManifest) m = manifest_new();

  if (doc) {
    m->is_expanded = TRUE;
    m->hash = g_strdup(hash);
    m->root = json_node_ref(wg_doc_root(doc));
    dpl_manifest_read(m, problems);
  }
  if (doc && !wg_problems_refuse(problems))
    return g_steal_pointer(&m);
  g_autofree char *wrong = wg_problems_text(problems, "manifest");
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
              "a manifest that was kept cannot be read: %s", g_strchomp(wrong));
  return NULL;
}

DplRetentionSpec dpl_manifest_retention(const DplManifest *m, const DplRetentionSpec *defaults) {
  JsonObject *root = json_node_get_object(m->root);
  JsonObject *said = json_object_has_member(root, "retention")
                         ? json_object_get_object_member(root, "retention")
                         : NULL;
  DplRetentionSpec spec = *defaults;
  const struct {
    const char *key;
    guint64 *to, from;
  } members[] = {
      {"count", &spec.count, m->retention.count},
      {"size", &spec.size, m->retention.size},
      {"age", &spec.age, m->retention.age},
      {"failed", &spec.failed, m->retention.failed},
      {"failed-size", &spec.failed_size, m->retention.failed_size},
      {"failed-age", &spec.failed_age, m->retention.failed_age},
  };

  for (guint i = 0; said != NULL && i < G_N_ELEMENTS(members); i++)
    if (json_object_has_member(said, members[i].key))
      *members[i].to = members[i].from;
  return spec;
}

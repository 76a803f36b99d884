/* stage.h: a release is made: staging/TXN, proven and durable, becomes releases/ID.
 *
 * Order: unpack all, configuration, shared links, a quick proof, everything to the disk, then
 * releases/ID.tree gets its name and after it releases/ID, and releases/ is synced. So a tree with
 * a final name is whole, whenever the power goes. What is in staging/ has no meaning, but for the
 * note that tells which name a transaction is about to give: it is durable before the name, and by
 * it a discard takes back what a killed run named. A release that is there already with the same
 * digest and passes the full proof is used again. */
#pragma once

#include "deployment/layout.h"
#include "deployment/unpack.h"

typedef struct {
  int fd; /* open for reading; stays the caller's */
  DplUnpackOptions options;
  const char *signature; /* text of a .minisig; NULL: not signed. Verified before unpacking */
} DplArtifact;

typedef struct {
  const char *path;
  GBytes *content; /* NULL: render() is asked for it */
  guint mode;      /* 0: 0644 */
} DplConfigFile;

typedef struct {
  const char *transaction;
  const DplArtifact *artifacts;
  guint n_artifacts;
  const char *const *key_directories; /* for signatures; NULL: none */
  gboolean seal;                      /* each file, where the file system can (seals.h) */
  gboolean need_signature;            /* an artifact without one is refused */
  const DplConfigFile *files; /* replace what an artifact has brought; not in shared paths */
  guint n_files;
  /* On this worker thread, after unpacking, for files without content: `dir` is the tree, where a
   * template may lie. (transfer full); NULL sets error. */
  GBytes *(*render)(int dir, const DplConfigFile *file, gpointer user_data, GError **error);
  gpointer user_data;
  const char *const *shared_directories, *const *shared_files; /* NULL: none */
  guint64 realtime; /* CLOCK_REALTIME us: goes into the ID */
  gboolean dry; /* nothing is written: `ret` tells digest, tree and artifacts; `root` may be -1 (no
                   such target yet) and render() is called with dir -1 */
} DplStageOptions;

typedef struct {
  char *release; /* the ID; NULL when dry and no such release is there */
  char *digest;  /* 64 digits */
  gboolean reused;
  char *damaged; /* ID of a release of the same digest that failed its proof; NULL: none */
  DplTree *tree;
  GArray *artifacts; /* DplUnpacked, one each */
  GPtrArray *keys;   /* the key's file that signed each artifact, or NULL */
} DplStaged;
void dpl_staged_clear(DplStaged *staged);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplStaged, dpl_staged_clear)

gboolean dpl_stage(int root, const DplStageOptions *options, const DplWork *work, DplStaged *ret,
                   GError **error);
/* For a transaction that has changed nothing: removes what it left in staging/, the release that it
 * made, also when nobody was told its name (one that was there before stays, and so does the
 * current one), and tree files of releases that never got a name. Idempotent. */
gboolean dpl_stage_discard(int root, const char *transaction, const DplWork *work, GError **error);
/* For one whose record tells what became of its release: as above, but the release stays. */
gboolean dpl_stage_forget(int root, const char *transaction, const DplWork *work, GError **error);

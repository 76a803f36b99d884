/* tree.h: the tree file: what a release consists of, line by line, and the proof that it does.
 *
 *     waggle-tree 1
 *     d 0755 - - .
 *     d 0755 - - bin
 *     f 0755 - - 1234 SHA256 bin/shop
 *     h bin/shop-again bin/shop             one more name (hard link) of a file above it
 *     l - - bin/tool ../lib/tool            a symbolic link and its target
 *     f 0755 - - 77 SHA256 bin/ping capability=HEX
 *
 * Sorted by the bytes of the path; mode in four octal digits; "-" is the uid (gid) of the user who
 * deploys, others are numbers; paths are escaped (dpl_path_escape()). The text is canonical: one
 * tree has one text, and the SHA-256 of the text is the digest of the release. Times are no part of
 * it. The parser takes nothing else and is bounded, since a tree file is bytes from outside. */
#pragma once

#include "deployment/digest.h"
#include "deployment/within.h"

#define DPL_TREE_HEAD "waggle-tree 1\n"
#define DPL_TREE_BYTES_MAX (512 * 1024 * 1024)
#define DPL_TREE_ENTRIES_MAX 4000000
#define DPL_TREE_OURS G_MAXUINT32 /* as uid, gid: of the user who deploys */

typedef enum {
  DPL_ENTRY_DIRECTORY,
  DPL_ENTRY_FILE,
  DPL_ENTRY_HARD_LINK,
  DPL_ENTRY_LINK
} DplEntryKind;

typedef struct {
  DplEntryKind kind;
  guint16 mode;     /* & 07777; directories and files */
  guint32 uid, gid; /* not of hard links */
  guint64 size;     /* of files */
  guint8 sha256[DPL_SHA256_SIZE];
  char *path;
  char *target;     /* of both kinds of links; a hard link's is a path of the tree */
  char *capability; /* of a file: the attribute in hexadecimal; NULL: none */
} DplEntry;

typedef struct DplTree DplTree;

DplTree *dpl_tree_new(void);
void dpl_tree_free(DplTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplTree, dpl_tree_free)
/* Takes the contents of `entry` over (copies the struct). FALSE: the path is there already, and
 * `entry` stays the caller's. Not for several threads at once. */
gboolean dpl_tree_add(DplTree *tree, const DplEntry *entry);
/* Borrowed; the caller may change what is not the path. NULL: absent. */
DplEntry *dpl_tree_find(DplTree *tree, const char *path);
gboolean dpl_tree_remove(DplTree *tree, const char *path); /* this one path; FALSE: absent */
guint dpl_tree_n(const DplTree *tree);
const DplEntry *dpl_tree_at(DplTree *tree, guint i); /* sorted; borrowed until the next change */
guint64 dpl_tree_bytes(DplTree *tree);               /* of all files */

/* The canonical text; free with g_free(). */
char *dpl_tree_text(DplTree *tree, gsize *ret_size);
/* 64 hexadecimal digits; free with g_free(). */
char *dpl_tree_digest(DplTree *tree);
char *dpl_tree_text_digest(const char *text, gsize size);
/* WG_ERROR_STORE_DAMAGED with the line. */
DplTree *dpl_tree_parse(const char *text, gsize size, GError **error);
/* Reads and parses `path` below `dir` ("releases/ID.tree"); `digest` (64 digits, or the first 16,
 * or NULL) has to fit. */
DplTree *dpl_tree_read(int dir, const char *path, const char *digest, GError **error);

typedef struct {
  gboolean allow_setuid;     /* set-uid and set-gid, else refused */
  gboolean allow_capability; /* file capabilities, else refused */
  gboolean skip_special;     /* sockets and fifos are left out, else refused; devices always are */
} DplTreeRules;
/* What is there, each file read; two threads and more. */
DplTree *dpl_tree_build(int dir, const DplTreeRules *rules, const DplWork *work, GError **error);

typedef enum {
  DPL_PROOF_QUICK, /* every name, kind, mode, owner, size and link, nothing missing, nothing more.
                      Proves no content: a file changed in place with its size kept passes */
  DPL_PROOF_FULL,  /* and every byte */
} DplProof;

typedef struct {
  char *path; /* escaped */
  char *text; /* "mode is 0777, not 0755": one line */
} DplDifference;
void dpl_difference_free(DplDifference *difference);

/* Compares `dir` with the tree. TRUE: the comparison was made; `ret` (DplDifference) is empty when
 * the proof holds, else sorted, with at most `max` of them (0: 100), and `ret_n` (may be NULL)
 * counts all. FALSE: it could not be made (I/O error, cancelled). */
gboolean dpl_tree_compare(DplTree *tree, int dir, DplProof how, guint max, const DplWork *work,
                          GPtrArray **ret, guint *ret_n, GError **error);
/* The same as a yes or an error: WG_ERROR_STORE_DAMAGED that names the first differences. `name`
 * says whose tree it is. */
gboolean dpl_tree_prove(DplTree *tree, int dir, DplProof how, const char *name, const DplWork *work,
                        GError **error);
/* A release of the target at `root`: reads its tree file, whose digest has to fit the ID and (not
 * NULL) `digest`, and proves the tree. The contents of files that the kernel has sealed (seals.h)
 * are proven by both kinds of proof, and need not be read for it. */
gboolean dpl_release_prove(int root, const char *id, const char *digest, DplProof how,
                           const DplWork *work, GError **error);

/* files.h: a target in a temporary directory, and files, archives and packages to put into it, for
 * the tests of everything that touches files. Everything asserts; the temporary directory goes at
 * the end of the test. */
#pragma once

#include "deployment/stage.h"

#include <archive.h>
#include <archive_entry.h>

typedef struct {
  char *path;   /* of the temporary directory */
  char *target; /* of the target's root in it */
  int dir, root;
} Files;

/* `base` NULL: in memory if possible. */
void files_begin(Files *f, const char *base);
void files_end(Files *f);

/* Below f->dir. Parents are made. */
void files_write(Files *f, const char *path, const char *text);
void files_write_bytes(Files *f, const char *path, gconstpointer bytes, gsize size, guint mode);
void files_link(Files *f, const char *path, const char *target);
char *files_read(Files *f, const char *path); /* NULL: absent */
char *files_path(Files *f, const char *path); /* absolute; free */
gboolean files_exist(Files *f, const char *path);
/* Opens for reading; closed by files_end(). */
int files_open(Files *f, const char *path);

/* An archive in memory, entry by entry. */
typedef struct {
  struct archive *archive;
  GByteArray *bytes;
} Tar;
/* `filter`: "none", "gzip", "xz", "zstd"; `format`: "pax", "ustar", "gnutar", "ar". */
void tar_begin(Tar *tar, const char *format, const char *filter);
void tar_file(Tar *tar, const char *path, const char *text, guint mode);
void tar_entry(Tar *tar, guint type, const char *path, const char *target, guint mode);
void tar_hard(Tar *tar, const char *path, const char *target);
/* Ends it, as a file below f->dir; opened. */
int tar_end(Tar *tar, Files *f, const char *path);
GBytes *tar_end_bytes(Tar *tar);
/* A package of these two tars. */
int deb_make(Files *f, const char *path, GBytes *control, GBytes *data);

/* Unpacks into f's staging/t (made anew) and finishes; NULL sets error. */
DplTree *unpack_here(Files *f, int source, DplUnpackOptions *options, DplUnpacked *ret,
                     GError **error);
/* A random tree of files, links and directories below `path`. */
void files_random(Files *f, GRand *rand, const char *path, guint n);

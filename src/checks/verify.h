/* verify.h: the program waggle-verify: its options, what it reads, and one run. For main.c and
 * verify*.c. */
#pragma once

#include "checks/output.h"

typedef struct {
  char *file; /* "-": stdin */
  ChkFormat format;
  gboolean strict, events, list, check, user, goss, types;
  char *root, *baseline, *record, *context, *explain, *vars_file;
  char **only, **skip, **vars; /* may be NULL */
  guint64 deadline;            /* us; 0: the file's */
  guint parallel;              /* 0: the file's */
} ChkVerify;

/* FALSE: *ret_status says how the process ends (help, version, a wrong option told on stderr). */
gboolean chk_verify_parse(ChkVerify *verify, int argc, char **argv, int *ret_status);
void chk_verify_clear(ChkVerify *verify);
/* Reads everything, tells problems on stderr. NULL: *ret_status says how the process ends. */
ChkPlan *chk_verify_load(const ChkVerify *verify, int *ret_status);
/* A whole file, or stdin for "-". */
char *chk_verify_read(const char *file, gsize *ret_size, GError **error);
int chk_verify_list(const ChkPlan *plan);
/* The tables of types and presets as JSON, for completion and tests. */
int chk_verify_types(void);
int chk_verify_run(const ChkVerify *verify, ChkPlan *plan);
/* The whole program. */
int chk_verify_main(int argc, char **argv);

/* run-child.h: the few steps between fork() and a command. Only calls that are allowed there. */
#pragma once

#include <glib.h>

typedef struct {
  const char *program, *directory; /* NULL: stay */
  char *const *argv, *const *envp;
  int input, output, errors; /* become 0, 1, 2 */
  int report;                /* gets a WgRunChildError if the command cannot be started */
  int parent;                /* pid */
  gboolean no_new_privileges;
} WgRunChild;

typedef enum { WG_RUN_CHILD_DIRECTORY = 1, WG_RUN_CHILD_PROGRAM, WG_RUN_CHILD_OTHER } WgRunStage;
typedef struct {
  WgRunStage stage;
  int err;
} WgRunChildError;

/* Never returns. */
void wg_run_child(const WgRunChild *child) G_GNUC_NORETURN;

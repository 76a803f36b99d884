/* deploy-hand.c: what the crash tests of deployments ask of our own code: the table of states, and
 * whether a release is what its tree file says, byte by byte. */
#include "deployment/layout.h"
#include "deployment/states.h"
#include "deployment/tree.h"

#include <stdio.h>
#include <string.h>

/* "NAME CRASH END CHANGED", a line each. */
static int print_states(void) {
  static const char *const crashes[] = {
      [DPL_CRASH_DISCARD] = "discard",
      [DPL_CRASH_CONTINUE] = "continue",
      [DPL_CRASH_FINISH_OR_UNDO] = "finish-or-undo",
      [DPL_CRASH_ROLL_BACK] = "roll-back",
      [DPL_CRASH_WAIT] = "wait",
      [DPL_CRASH_REDO] = "redo",
      [DPL_CRASH_NOTHING] = "nothing",
  };

  for (guint i = 0; i < _DPL_STATE_MAX; i++)
    printf("%s %s %d %d\n", dpl_states[i].name, crashes[dpl_states[i].crash], dpl_states[i].is_end,
           dpl_states[i].changed);
  return 0;
}

static int prove(const char *root, const char *name, const char *release) {
  g_autoptr(GError) error = NULL;
  int fd = dpl_layout_open(root, name, FALSE, &error);

  if (fd >= 0 && dpl_release_prove(fd, release, NULL, DPL_PROOF_FULL, NULL, &error))
    return 0;
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "states") == 0)
    return print_states();
  if (argc == 5 && strcmp(argv[1], "prove") == 0)
    return prove(argv[2], argv[3], argv[4]);
  fprintf(stderr, "usage: deploy-hand states | prove ROOT TARGET RELEASE\n");
  return 64;
}

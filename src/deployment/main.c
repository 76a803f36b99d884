/* main.c: the program waggle-deployd. Everything it does is in the library beside it, so that tests
 * can link the real code. */
#include "deployment/daemon.h"
#include "deployment/recover-offline.h"

#include "common/run.h"

#include <string.h>

int main(int argc, char **argv) {
  wg_run_hand(argc, argv);
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--recover") == 0)
      return dpl_recover_main(argc, argv);
  return dpl_daemon_main(argc, argv);
}

/* prober-main.c: the program waggle-prober; what it does is in the library beside it. */
#include "checks/prober.h"

#include "common/run.h"

int main(int argc, char **argv) {
  wg_run_hand(argc, argv);
  return chk_prober_main(argc, argv);
}

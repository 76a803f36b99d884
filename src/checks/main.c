/* main.c: the program waggle-verify. Everything it does is in the library beside it, so that tests
 * can link the real code. */
#include "checks/verify.h"

#include "common/run.h"

int main(int argc, char **argv) {
  wg_run_hand(argc, argv);
  return chk_verify_main(argc, argv);
}

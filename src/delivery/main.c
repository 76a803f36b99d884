/* main.c: the program waggle-courier. Everything it does is in the library beside it, so that
 * tests can link the real code, with back-ends of their own. */
#include "delivery/courier.h"

#include "common/run.h"

int main(int argc, char **argv) {
  wg_run_hand(argc, argv);
  return dlv_courier_main(argc, argv, dlv_backend_classes);
}

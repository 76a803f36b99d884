/* main.c: the program waggle-verify. Everything it does is in the library beside it, so that tests
 * can link the real code. */
#include "checks/verify.h"

int main(int argc, char **argv) {
  return chk_verify_main(argc, argv);
}

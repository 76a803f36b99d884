/* main.c: the program waggle-typist. Everything it does is in the library beside it, so that
 * tests can link the real code. */
#include "typing/daemon.h"

int main(int argc, char **argv) {
  return typ_daemon_main(argc, argv);
}

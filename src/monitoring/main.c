/* main.c: the program waggle-monitord. Everything it does is in the library beside it, so that
 * tests can link the real code. */
#include "monitoring/daemon.h"

int main(int argc, char **argv) {
  return mon_daemon_main(argc, argv);
}

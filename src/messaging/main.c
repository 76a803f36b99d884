/* main.c: the program waggle-messaged. Everything it does is in the library beside it, so that
 * tests can link the real code. */
#include "messaging/daemon.h"

int main(int argc, char **argv) {
  return msg_daemon_main(argc, argv);
}

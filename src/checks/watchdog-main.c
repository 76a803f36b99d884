/* watchdog-main.c: the program waggle-watchdog; what it does is in the library beside it. */
#include "checks/watchdog.h"

int main(int argc, char **argv) {
  return chk_watchdog_main(argc, argv);
}

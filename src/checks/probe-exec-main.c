/* probe-exec-main.c: the program waggle-probe-exec; what it does is in the library beside it. */
#include "checks/command-remote.h"

int main(int argc, char **argv) {
  return chk_probe_exec_main(argc, argv);
}

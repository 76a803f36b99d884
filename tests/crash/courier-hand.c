/* courier-hand.c: what the back-end "exec" runs in the crash tests: a command that keeps a ledger.
 *
 *   courier-hand LEDGER
 *
 * One line when it begins and one before it exits, each a single write() with O_APPEND, so that no
 * line is torn and none is missing for what was done: "B|E NUMBER REALTIME-US STATUS". The
 * message's number decides the status: some exit with 75 the first time, some with 1 every time. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define LATER_OF 7 /* one of so many is asked for again once */
#define FAILS_OF 17

static void put(const char *ledger, char what, unsigned long number, int status) {
  struct timespec now;
  char line[128];

  clock_gettime(CLOCK_REALTIME, &now);
  int n = snprintf(line, sizeof line, "%c %lu %lld %d\n", what, number,
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, status);
  int fd = open(ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, line, (size_t)n) != n)
    exit(EX_IOERR);
  close(fd);
}

static int first_time(const char *ledger, unsigned long number) {
  char path[512];

  snprintf(path, sizeof path, "%s.later.%lu", ledger, number);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

int main(int argc, char **argv) {
  const char *text = getenv("WAGGLE_MESSAGE");

  if (argc != 2 || text == NULL)
    return EX_USAGE;
  unsigned long number = strtoul(text, NULL, 10);
  int status = EX_OK;
  if (number % FAILS_OF == 0)
    status = EXIT_FAILURE;
  put(argv[1], 'B', number, status);
  nanosleep(&(struct timespec){.tv_nsec = (long)(number * 31 % 6) * 1000000}, NULL);
  if (status == EX_OK && number % LATER_OF == 0 && first_time(argv[1], number))
    status = EX_TEMPFAIL;
  put(argv[1], 'E', number, status);
  return status;
}

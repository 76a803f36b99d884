/* fault.c: a library for LD_PRELOAD that lets a process die, or a call fail, at its n-th durable
 * call. Tests only.
 *
 * WAGGLE_FAULT=HOW:N where HOW is "kill" (SIGKILL to ourselves just before the call), "eio" or
 * "enospc" (the call fails with that error, once), "full" (it and all that write after it fail with
 * ENOSPC until the file WAGGLE_FAULT_END is there); N counts from 1, 0 never comes. Counted are
 * calls that make something durable or visible: fsync, fdatasync, syncfs, the renames, links, and
 * writes to regular files by their position (SQLite's log); "full" fails plain writes too.
 * WAGGLE_FAULT_COUNT names a file of 8 bytes that holds the number counted so far. It is only
 * looked at in the process that was started so: children get their own environment from the daemon.
 */
/* Both names of the calls with positions are defined here, so neither may stand for the other. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static enum { NOTHING, KILL, EIO_ONCE, ENOSPC_ONCE, FULL } how;
static uint64_t wanted;
static uint64_t *count;
static uint64_t own;
static const char *end_file;

__attribute__((constructor)) static void begin(void) {
  static const char *const names[] = {"", "kill", "eio", "enospc", "full"};
  const char *given = getenv("WAGGLE_FAULT"), *file = getenv("WAGGLE_FAULT_COUNT");
  const char *colon = given != NULL ? strchr(given, ':') : NULL;

  end_file = getenv("WAGGLE_FAULT_END");
  count = &own;
  for (int i = 1; colon != NULL && i <= FULL; i++)
    if (strncmp(given, names[i], (size_t)(colon - given)) == 0)
      how = i;
  wanted = colon != NULL ? strtoull(colon + 1, NULL, 10) : 0;
  int fd = file != NULL ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd < 0)
    return;
  if (ftruncate(fd, sizeof *count) == 0) {
    void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    count = map != MAP_FAILED ? map : &own;
  }
  close(fd);
}

/* 0: go on; else the errno to fail with. */
static int durable(void) {
  uint64_t n = __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);

  if (how == NOTHING || wanted == 0 || n < wanted || (n > wanted && how != FULL))
    return 0;
  if (how == KILL)
    kill(getpid(), SIGKILL);
  if (how == FULL && end_file != NULL && access(end_file, F_OK) == 0)
    return 0;
  return how == EIO_ONCE ? EIO : ENOSPC;
}

static int is_regular(int fd) {
  struct stat st;

  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* The real function of that name. */
#define REAL(name, type)                                                                           \
  static type real;                                                                                \
  if (real == NULL)                                                                                \
  real = (type)dlsym(RTLD_NEXT, name)

#define FAIL(result)                                                                               \
  do {                                                                                             \
    int failure = durable();                                                                       \
    if (failure != 0) {                                                                            \
      errno = failure;                                                                             \
      return result;                                                                               \
    }                                                                                              \
  } while (0)

typedef int (*OneFd)(int);
typedef int (*TwoNames)(const char *, const char *);
typedef int (*Rename)(int, const char *, int, const char *);
typedef int (*Rename2)(int, const char *, int, const char *, unsigned);
typedef int (*Symlink)(const char *, int, const char *);
typedef int (*Link)(int, const char *, int, const char *, int);
typedef ssize_t (*Write)(int, const void *, size_t);
typedef ssize_t (*Pwrite)(int, const void *, size_t, off_t);
typedef ssize_t (*Pwritev)(int, const struct iovec *, int, off_t);

int fsync(int fd) {
  REAL("fsync", OneFd);
  FAIL(-1);
  return real(fd);
}

int fdatasync(int fd) {
  REAL("fdatasync", OneFd);
  FAIL(-1);
  return real(fd);
}

int syncfs(int fd) {
  REAL("syncfs", OneFd);
  FAIL(-1);
  return real(fd);
}

int rename(const char *from, const char *to) {
  REAL("rename", TwoNames);
  FAIL(-1);
  return real(from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
  REAL("renameat", Rename);
  FAIL(-1);
  return real(from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  REAL("renameat2", Rename2);
  FAIL(-1);
  return real(from_dir, from, to_dir, to, flags);
}

int symlinkat(const char *target, int dir, const char *path) {
  REAL("symlinkat", Symlink);
  FAIL(-1);
  return real(target, dir, path);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
  REAL("linkat", Link);
  FAIL(-1);
  return real(from_dir, from, to_dir, to, flags);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  REAL("write", Write);
  if (how == FULL && *count >= wanted && is_regular(fd)) {
    if (end_file == NULL || access(end_file, F_OK) != 0) {
      errno = ENOSPC;
      return -1;
    }
  }
  return real(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  REAL("pwrite", Pwrite);
  FAIL(-1);
  return real(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  REAL("pwrite64", Pwrite);
  FAIL(-1);
  return real(fd, bytes, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) {
  REAL("pwritev", Pwritev);
  FAIL(-1);
  return real(fd, parts, n, at);
}

/* faults.c: see faults.h. Each wrapper counts and then calls the next definition of its name. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static guint left; /* calls until the fault; 0: not armed or over */
static int wanted;
static gboolean hit, old_kernel;

void faults_arm(guint n, int errnum) {
  wanted = errnum;
  hit = FALSE;
  __atomic_store_n(&left, n, __ATOMIC_SEQ_CST);
}

void faults_no_openat2(void) {
  old_kernel = TRUE;
}

gboolean faults_hit(void) {
  return __atomic_load_n(&hit, __ATOMIC_SEQ_CST);
}

static gboolean fails(void) {
  guint n = __atomic_load_n(&left, __ATOMIC_SEQ_CST);

  while (n > 0 &&
         !__atomic_compare_exchange_n(&left, &n, n - 1, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    ;
  if (n != 1)
    return FALSE;
  __atomic_store_n(&hit, TRUE, __ATOMIC_SEQ_CST);
  if (wanted == 0)
    kill(getpid(), SIGKILL);
  errno = wanted;
  return TRUE;
}

#define WRAP(type, name, parameters, arguments)                                                    \
  type name parameters;                                                                            \
  type name parameters {                                                                           \
    static type(*next) parameters;                                                                 \
    if (!next)                                                                                     \
      next = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                          \
    return fails() ? (type)-1 : next arguments;                                                    \
  }

WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, syncfs, (int fd), (fd))
WRAP(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP(int, symlinkat, (const char *target, int dir, const char *path), (target, dir, path))
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, futimens, (int fd, const struct timespec times[2]), (fd, times))
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size))

/* openat2() has no name of its own in libc. */
long syscall(long number, ...) {
  static long (*next)(long, ...);
  va_list args;
  long a[6];

  va_start(args, number);
  for (guint i = 0; i < G_N_ELEMENTS(a); i++)
    a[i] = va_arg(args, long);
  va_end(args);
  if (!next)
    next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  if (number == SYS_openat2 && old_kernel) {
    errno = ENOSYS;
    return -1;
  }
  if (number == SYS_openat2 && (((const struct open_how *)a[2])->flags & O_CREAT) && fails())
    return -1;
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

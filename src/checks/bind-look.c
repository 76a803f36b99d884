/* bind-look.c: see bind-look.h.
 *
 * Three answers and nothing between them: bound (every process that holds the socket is of the
 * unit, of its current start, and runs the release), not bound (one positively is not), or not to
 * be told, which is an error and never a pass. */
#include "checks/bind-look.h"

#include "checks/local.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_SLACK (50 * 1000) /* /proc counts starts in ticks */

void chk_bound_free(ChkBound *bound) {
  g_free(bound->unit);
  g_free(bound->peer);
  g_free(bound->cgroup);
  g_free(bound->invocation);
  g_free(bound->release);
  g_strfreev(bound->programs);
  g_free(bound);
}

static gboolean is_below(const char *path, const char *dir) {
  gsize length = strlen(dir);

  if (strcmp(dir, "/") == 0)
    return *path == '/';
  return length > 0 && strncmp(path, dir, length) == 0 &&
         (path[length] == '/' || path[length] == 0);
}

static char *proc_text(pid_t pid, const char *name, gsize *ret_size) {
  g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
  char *text = NULL;

  return g_file_get_contents(path, &text, ret_size, NULL) ? text : NULL;
}

/* Of the hierarchy that systemd keeps its units in. */
static gboolean in_cgroup(pid_t pid, const char *cgroup) {
  g_autofree char *text = proc_text(pid, "cgroup", NULL);
  g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

  for (guint i = 0; lines[i] && *cgroup; i++) {
    const char *path = strstr(lines[i], ":name=systemd:");
    path = path                                ? path + strlen(":name=systemd:")
           : g_str_has_prefix(lines[i], "0::") ? lines[i] + 3
                                               : NULL;
    if (path && is_below(path, cgroup))
      return TRUE;
  }
  return FALSE;
}

/* 1 of this invocation, 0 of another, -1 not to be told. */
static int of_invocation(const ChkBound *bound, const ChkProcess *process) {
  gsize size = 0;
  g_autofree char *environ_text = proc_text(process->pid, "environ", &size);
  struct timespec boot, mono;

  for (const char *p = environ_text; p && p < environ_text + size; p += strlen(p) + 1)
    if (g_str_has_prefix(p, "INVOCATION_ID="))
      return strcmp(p + strlen("INVOCATION_ID="), bound->invocation) == 0;
  if (bound->began == 0)
    return -1;
  clock_gettime(CLOCK_BOOTTIME, &boot);
  clock_gettime(CLOCK_MONOTONIC, &mono);
  gint64 apart =
      (gint64)(boot.tv_sec - mono.tv_sec) * G_USEC_PER_SEC + (boot.tv_nsec - mono.tv_nsec) / 1000;
  return (gint64)process->start + START_SLACK >= (gint64)bound->began + apart;
}

/* Is `path` in the release, in a sibling of it (an older one), or neither? */
static ChkRelease place(const ChkBound *bound, const char *path) {
  g_autofree char *siblings = g_path_get_dirname(bound->release);

  if (is_below(path, bound->release))
    return CHK_RELEASE_NEW;
  return is_below(path, siblings) && strcmp(path, siblings) != 0 ? CHK_RELEASE_OTHER
                                                                 : CHK_RELEASE_UNKNOWN;
}

static ChkRelease told(ChkRelease what, const char *path, char **ret_what) {
  if (what != CHK_RELEASE_UNKNOWN && *ret_what == NULL)
    *ret_what = g_strdup(path);
  return what;
}

/* Files that are mapped: what interpreters load as libraries and archives. */
static ChkRelease mapped(const ChkBound *bound, pid_t pid, char **ret_what) {
  g_autofree char *text = proc_text(pid, "maps", NULL);
  ChkRelease found = CHK_RELEASE_UNKNOWN;

  for (char *line = text, *next; line && *line; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = 0;
    const char *path = strchr(line, '/');
    ChkRelease where = path ? place(bound, path) : CHK_RELEASE_UNKNOWN;
    if (where == CHK_RELEASE_OTHER)
      return told(where, path, ret_what);
    if (where == CHK_RELEASE_NEW)
      found = told(where, path, ret_what);
  }
  return found;
}

/* An argument names a file through "current", which is another release now than it was then: it
 * counts only for a process that was started after the switch. */
static ChkRelease argument(const ChkBound *bound, const ChkProcess *process, char **ret_what) {
  for (guint i = 0; bound->fresh && process->argv[i]; i++) {
    g_autofree char *real = *process->argv[i] == '/' ? realpath(process->argv[i], NULL) : NULL;
    if (real && place(bound, real) == CHK_RELEASE_NEW)
      return told(CHK_RELEASE_NEW, real, ret_what);
  }
  return CHK_RELEASE_UNKNOWN;
}

ChkRelease chk_bind_release(const ChkBound *bound, const ChkProcess *process, char **ret_what) {
  g_autofree char *cwd_link = g_strdup_printf("/proc/%d/cwd", (int)process->pid);
  g_autofree char *cwd = g_file_read_link(cwd_link, NULL);
  ChkRelease where = process->exe ? place(bound, process->exe) : CHK_RELEASE_UNKNOWN;

  *ret_what = NULL;
  if (where != CHK_RELEASE_UNKNOWN && process->deleted)
    where = CHK_RELEASE_OTHER;
  if (where != CHK_RELEASE_UNKNOWN)
    return told(where, process->exe, ret_what);
  where = mapped(bound, process->pid, ret_what);
  if (where == CHK_RELEASE_UNKNOWN && cwd)
    where = told(place(bound, cwd), cwd, ret_what);
  return where != CHK_RELEASE_UNKNOWN ? where : argument(bound, process, ret_what);
}

/* Does what the unit starts lie in the release? Else the release says nothing about it. */
static gboolean concerns_release(const ChkBound *bound) {
  for (guint i = 0; bound->release && bound->programs && bound->programs[i]; i++) {
    g_autofree char *real = realpath(bound->programs[i], NULL);
    if (real && is_below(real, bound->release))
      return TRUE;
  }
  return FALSE;
}

/* TRUE: go on with the next one. */
static gboolean judge(const ChkBound *bound, const ChkProcess *process, gboolean with_release,
                      ChkSight *ret) {
  const char *name = chk_process_name(process);
  g_autofree char *what = NULL;
  int pid = (int)process->pid;

  if (!in_cgroup(process->pid, bound->cgroup)) {
    ret->text =
        g_strdup_printf("%s (process %d of %s) answers at %s, which does not belong to %s", name,
                        pid, process->unit ? process->unit : "no unit", bound->peer, bound->unit);
    return FALSE;
  }
  int current = of_invocation(bound, process);
  if (current == 0) {
    ret->text = g_strdup_printf("%s (process %d) answers at %s, which is left of an earlier start "
                                "of %s",
                                name, pid, bound->peer, bound->unit);
    return FALSE;
  }
  if (current < 0) {
    chk_unknown(ret, "which start of %s process %d at %s is of cannot be told", bound->unit, pid,
                bound->peer);
    return FALSE;
  }
  ChkRelease release = with_release ? chk_bind_release(bound, process, &what) : CHK_RELEASE_NEW;
  /* a server from outside (nginx, java) with a file of the release, which it has read and closed:
   * no release is seen in it, but it came of a command that names the new one, after the switch */
  if (release == CHK_RELEASE_UNKNOWN && bound->fresh)
    release = CHK_RELEASE_NEW;
  if (release == CHK_RELEASE_OTHER)
    ret->text =
        g_strdup_printf("%s (process %d) answers at %s, which runs %s%s and not the new "
                        "release",
                        name, pid, bound->peer, what, process->deleted ? " (since replaced)" : "");
  if (release == CHK_RELEASE_UNKNOWN)
    chk_unknown(ret, "which release %s (process %d) at %s runs cannot be told", name, pid,
                bound->peer);
  return release == CHK_RELEASE_NEW;
}

static void tell(const ChkBound *bound, const ChkProcess *process, JsonObject *values) {
  json_object_set_int_member(values, "pid", process->pid);
  chk_set_text(values, "process", chk_process_name(process));
  chk_set_text(values, "exe", process->exe);
}

/* A manager that holds a socket for its unit is not who answers. */
static gboolean is_manager(const ChkProcess *process) {
  return process->pid == 1 || (strcmp(process->comm, "systemd") == 0 && process->unit &&
                               g_str_has_prefix(process->unit, "user@"));
}

void chk_bind_look(const ChkBound *bound, const ChkLook *look, ChkSight *ret) {
  g_autoptr(GPtrArray) pids = chk_bind_holders(bound->peer, look, ret);
  g_autoptr(JsonObject) values = json_object_new();
  gboolean with_release = concerns_release(bound), good = TRUE;
  guint n = 0;

  if (pids == NULL)
    return;
  chk_set_text(values, "unit", bound->unit);
  chk_set_text(values, "peer", bound->peer);
  chk_set_text(values, "invocation", *bound->invocation ? bound->invocation : NULL);
  for (guint i = 0; good && i < pids->len; i++) {
    g_auto(ChkProcess) process = {0};
    if (!chk_process_read(GPOINTER_TO_INT(pids->pdata[i]), &process) || is_manager(&process))
      continue;
    n++;
    tell(bound, &process, values);
    good = judge(bound, &process, with_release, ret);
  }
  if (n == 0)
    ret->text =
        g_strdup_printf("no process of %s is there to answer at %s", bound->unit, bound->peer);
  if (ret->known == CHK_OBSERVED)
    ret->values = g_steal_pointer(&values);
}

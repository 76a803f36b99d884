/* test-bind.c: who answers, and is it the unit, its current start and its release?
 *
 * The answering process is this program itself, copied into a release and started from there with
 * the environment and the directory that each test wants. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "manager-fixture.h"

#include "checks/bind.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_ID "0123456789abcdef0123456789abcdef"
#define OLD_ID "ffffffffffffffffffffffffffffffff"

static Manager manager;
static char *top, *new_release, *old_release, *self, *cgroup;

/* The child: listens, tells where, stays until its input ends. */
static int serve(const char *path) {
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof inet;
  int fd = socket(*path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

  g_strlcpy(local.sun_path, path, sizeof local.sun_path);
  const struct sockaddr *address =
      *path ? (const struct sockaddr *)&local : (const struct sockaddr *)&inet;
  if (bind(fd, address, *path ? sizeof local : sizeof inet) < 0 || listen(fd, 5) < 0)
    return 1;
  if (*path == 0)
    getsockname(fd, (struct sockaddr *)&inet, &size);
  printf("127.0.0.1:%u\n", ntohs(inet.sin_port));
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}

typedef struct {
  GPid pid;
  int in;
  char *peer;
} Server;

typedef struct {
  const char *exe;        /* NULL: this program, which is in no release */
  const char *invocation; /* of its environment; NULL: none */
  const char *directory;  /* NULL: "/" */
  const char *socket;     /* "": TCP */
  const char *argument;
} How;

static Server server_start(How how) {
  const char *argv[] = {how.exe ? how.exe : self, "--serve", how.socket ? how.socket : "",
                        how.argument, NULL};
  g_autofree char *invocation = g_strconcat("INVOCATION_ID=", how.invocation, NULL);
  char *env[] = {how.invocation ? invocation : NULL, NULL};
  g_autoptr(GError) error = NULL;
  Server server;
  char text[64] = "";
  int out;

  g_spawn_async_with_pipes(how.directory ? how.directory : "/", (char **)argv, env,
                           G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &server.pid, &server.in, &out,
                           NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpint(read(out, text, sizeof text - 1), >, 0);
  close(out);
  server.peer = g_strdup(how.socket ? how.socket : g_strchomp(text));
  return server;
}

static void server_end(Server *server) {
  close(server->in);
  g_assert_cmpint(waitpid(server->pid, NULL, 0), ==, server->pid);
  g_free(server->peer);
}

static void unit_is(const char *invocation, const char *group, guint64 began, const char *program) {
  g_autoptr(GString) bytes = g_string_new("");

  for (guint i = 0; invocation[i]; i += 2)
    g_string_append_printf(bytes, "%sbyte 0x%.2s", i ? ", " : "", invocation + i);
  g_autofree char *text =
      g_strdup_printf("{'ActiveState': <'active'>, 'ControlGroup': <'%s'>, 'InvocationID': <[%s]>,"
                      " 'InactiveExitTimestampMonotonic': <uint64 %" G_GUINT64_FORMAT ">,"
                      " 'ExecStart': <[('%s', ['%s', 'x'], false, uint64 0)]>}",
                      group, bytes->str, began, program, program);
  manager_set(&manager, "shop.service", text);
}

/* `invocation` NULL: it is not known which one began after the switch. */
static void context(const char *invocation, const char *release) {
  g_autofree char *units =
      invocation ? g_strdup_printf("{\"shop.service\": {\"invocation\": \"%s\"}}", invocation)
                 : g_strdup("{}");
  g_autofree char *text = g_strdup_printf("{\"release\": \"%s\", \"units\": %s}", release, units);
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  g_assert_true(chk_world_set_context(manager.world, node, NULL));
}

typedef struct {
  gboolean seen;
  ChkKnown known;
  char *text;
  JsonObject *values;
} Answer;

static void on_seen(ChkSight *sight, gpointer user_data) {
  Answer *answer = user_data;

  g_assert_false(answer->seen);
  *answer =
      (Answer){TRUE, sight->known, g_steal_pointer(&sight->text), g_steal_pointer(&sight->values)};
}

/* Bound: ""; not bound: why; not to be told: "unknown: " and why. */
static char *bound(const char *peer) {
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  Answer answer = {0};

  chk_bind_check(manager.world, "shop", peer, cancel, on_seen, &answer);
  while (!answer.seen)
    g_main_context_iteration(NULL, TRUE);
  char *text = answer.known == CHK_OBSERVED ? g_strdup(answer.text ? answer.text : "")
                                            : g_strdup_printf("unknown: %s", answer.text);
  g_free(answer.text);
  g_clear_pointer(&answer.values, json_object_unref);
  return text;
}

static void says(const char *peer, const char *expected) {
  g_autofree char *text = bound(peer);

  if (*expected ? strstr(text, expected) == NULL : *text != 0)
    g_error("'%s' is not in: %s", expected, text);
}

static char *in(const char *release) {
  return g_build_filename(release, "bin", "server", NULL);
}

static void test_bound(void) {
  g_autofree char *program = in(new_release),
                  *through = g_build_filename(top, "current", "bin", "server", NULL);
  Server server = server_start((How){.exe = program, .invocation = NOW_ID});
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  Answer answer = {0};

  unit_is(NOW_ID, cgroup, 1, through);
  context(NOW_ID, new_release);
  chk_bind_check(manager.world, "shop.service", server.peer, cancel, on_seen, &answer);
  while (!answer.seen)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(answer.known, ==, CHK_OBSERVED);
  g_assert_cmpstr(answer.text, ==, NULL);
  g_assert_cmpint(json_object_get_int_member(answer.values, "pid"), ==, server.pid);
  g_assert_cmpstr(json_object_get_string_member(answer.values, "exe"), ==, program);
  g_assert_cmpstr(json_object_get_string_member(answer.values, "invocation"), ==, NOW_ID);
  json_object_unref(answer.values);
  server_end(&server);
}

/* The classic false pass: the old process still answers. */
static void test_old(void) {
  g_autofree char *old = in(old_release), *new = in(new_release);
  Server server = server_start((How){.exe = old, .invocation = NOW_ID});

  unit_is(NOW_ID, cgroup, 1, new);
  context(NOW_ID, new_release);
  says(server.peer, "/releases/old/bin/server and not the new release");
  server_end(&server);
  server = server_start((How){.exe = new, .invocation = OLD_ID});
  says(server.peer, "which is left of an earlier start of shop.service");
  unit_is(NOW_ID, "/waggle-none.slice/shop.service", 1, new);
  says(server.peer, "which does not belong to shop.service");
  unit_is(NOW_ID, "", 0, new); /* it does not run at all */
  says(server.peer, "which does not belong to shop.service");
  server_end(&server);
}

static void test_restarted(void) {
  g_autofree char *new = in(new_release);
  Server server = server_start((How){.exe = new, .invocation = NOW_ID});

  unit_is(NOW_ID, cgroup, 1, new);
  context(OLD_ID, new_release);
  says(server.peer, "was started again since the release was");
  server_end(&server);
}

/* Without a variable the time of its start tells. */
static void test_start_time(void) {
  g_autofree char *new = in(new_release);
  Server server = server_start((How){.exe = new});

  context(NOW_ID, new_release);
  unit_is(NOW_ID, cgroup, 1, new);
  says(server.peer, "");
  unit_is(NOW_ID, cgroup, (guint64)g_get_monotonic_time() + 3600LL * G_USEC_PER_SEC, new);
  says(server.peer, "left of an earlier start");
  unit_is(NOW_ID, cgroup, 0, new);
  says(server.peer, "unknown: which start of shop.service");
  server_end(&server);
}

static void test_replaced(void) {
  g_autofree char *new = in(new_release), *other = g_strconcat(new, "-2", NULL), *bytes = NULL;
  gsize size;

  g_assert_true(g_file_get_contents(new, &bytes, &size, NULL));
  g_assert_true(g_file_set_contents_full(other, bytes, (gssize)size, 0, 0755, NULL));
  Server server = server_start((How){.exe = other, .invocation = NOW_ID});
  g_assert_cmpint(g_unlink(other), ==, 0);
  unit_is(NOW_ID, cgroup, 1, new);
  context(NOW_ID, new_release);
  says(server.peer, "(since replaced) and not the new release");
  server_end(&server);
}

/* An interpreter, outside of the release, with its program inside. */
static void test_interpreter(void) {
  g_autofree char *new = in(new_release),
                  *app = g_build_filename(top, "current", "bin", "server", NULL);

  unit_is(NOW_ID, cgroup, 1, app);
  context(NOW_ID, new_release);
  Server server = server_start((How){.invocation = NOW_ID, .argument = app});
  says(server.peer, "");
  server_end(&server);
  /* nothing of the release is left in it: the command that started it names the new one, or nobody
   * knows when it was started */
  server = server_start((How){.invocation = NOW_ID});
  says(server.peer, "");
  context(NULL, new_release);
  says(server.peer, "unknown: which release");
  context(NOW_ID, new_release);
  server_end(&server);
  server = server_start((How){.invocation = NOW_ID, .directory = old_release, .argument = app});
  says(server.peer, "/releases/old and not the new release");
  server_end(&server);
  server = server_start((How){.invocation = NOW_ID, .directory = new_release});
  says(server.peer, "");
  unit_is(NOW_ID, cgroup, 1, "/nowhere/at/all"); /* nothing of the release is started by it */
  says(server.peer, "");
  server_end(&server);
}

static void test_unix(void) {
  g_autofree char *path = g_build_filename(top, "socket", NULL), *new = in(new_release);
  Server server = server_start((How){.exe = new, .invocation = NOW_ID, .socket = path});

  unit_is(NOW_ID, cgroup, 1, new);
  context(NOW_ID, new_release);
  says(path, "");
  unit_is(OLD_ID, cgroup, 1, new);
  context(OLD_ID, new_release);
  says(path, "left of an earlier start");
  server_end(&server);
}

static void test_nobody(void) {
  g_autofree char *new = in(new_release);

  unit_is(NOW_ID, cgroup, 1, new);
  context(NOW_ID, new_release);
  says("127.0.0.1:1", "unknown: nothing listens at 127.0.0.1:1 on this machine");
  says("192.0.2.7:80", "unknown: nothing listens at");
  says("host:80", "unknown: who answers at host:80 cannot be told");
  says("/no/such/socket", "unknown: ");
  says("", "unknown: ");
}

static void test_silent(void) {
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  Answer answer = {0};

  manager.silent = TRUE;
  chk_bind_check(manager.world, "shop", "127.0.0.1:1", cancel, on_seen, &answer);
  g_cancellable_cancel(cancel);
  manager.silent = FALSE;
  while (!answer.seen)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(answer.known, ==, CHK_UNKNOWN);
  g_free(answer.text);
}

static char *own_cgroup(void) {
  g_autofree char *text = NULL;

  g_assert_true(g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL));
  char *found = strstr(text, ":name=systemd:");
  found = found ? found + strlen(":name=systemd:") : strstr(text, "0::") + 3;
  return g_strndup(found, strcspn(found, "\n"));
}

static void release_make(char **ret, const char *name) {
  g_autofree char *bytes = NULL;
  gsize size;

  *ret = g_build_filename(top, "releases", name, NULL);
  g_autofree char *program = in(*ret), *dir = g_path_get_dirname(program);
  g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
  g_assert_true(g_file_get_contents(self, &bytes, &size, NULL));
  g_assert_true(g_file_set_contents_full(program, bytes, (gssize)size, 0, 0755, NULL));
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "--serve") == 0)
    return serve(argv[2]);
  g_test_init(&argc, &argv, NULL);
  self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *made = g_dir_make_tmp("waggle-bind-XXXXXX", NULL);
  top = realpath(made, NULL);
  cgroup = own_cgroup();
  release_make(&new_release, "new");
  release_make(&old_release, "old");
  g_autofree char *current = g_build_filename(top, "current", NULL);
  g_assert_cmpint(symlink(new_release, current), ==, 0);
  manager_up(&manager);
  g_test_add_func("/bind/bound", test_bound);
  g_test_add_func("/bind/old", test_old);
  g_test_add_func("/bind/restarted", test_restarted);
  g_test_add_func("/bind/start-time", test_start_time);
  g_test_add_func("/bind/replaced", test_replaced);
  g_test_add_func("/bind/interpreter", test_interpreter);
  g_test_add_func("/bind/unix", test_unix);
  g_test_add_func("/bind/nobody", test_nobody);
  g_test_add_func("/bind/silent", test_silent);
  int status = g_test_run();
  manager_down(&manager);
  const char *argv_rm[] = {"rm", "-rf", top, NULL};
  g_spawn_sync(NULL, (char **)argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
               NULL);
  g_free(new_release);
  g_free(old_release);
  g_free(self);
  g_free(cgroup);
  free(top);
  return status;
}
